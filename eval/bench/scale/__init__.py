"""How retrieval grows with the store: the same questions asked of stores of a thousand to a million passages."""
