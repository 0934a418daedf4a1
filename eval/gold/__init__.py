"""Gold questions: reading, checking, and where their answers stand."""
