"""Search indexes, derived from the catalogue: vectors and words, on this machine or in servers."""
