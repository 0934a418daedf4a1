"""Training rows that are made from others: negatives, edits, sentences, variants."""
