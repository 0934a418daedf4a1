"""The catalogue: documents, passages, embeddings, keys and settings in SQL. It is the truth."""
