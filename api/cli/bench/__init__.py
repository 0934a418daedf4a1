"""The commands of `qa bench`."""
