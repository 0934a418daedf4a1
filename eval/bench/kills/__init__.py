"""Whether what was acknowledged survives: writers of a store are killed at random moments while others read it."""
