"""Damaging a store's catalogue on purpose: a bit flipped or the end cut off, and whether anybody is told."""
