"""Which passages to read for a question."""
