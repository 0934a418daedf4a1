"""Saying why a question came out as it did: what was read, what counted, and what would have changed it."""
