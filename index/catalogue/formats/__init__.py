"""Whose catalogue a file is, and the steps from each format to the next."""
