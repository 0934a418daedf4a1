"""Whether the catalogue's rows are what was written: seals, tallies, checks and repairs."""
