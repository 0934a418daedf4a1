"""Learning from a larger model: its labels, and the losses that take them in."""
