"""What a reader of a web page sees of its elements."""
