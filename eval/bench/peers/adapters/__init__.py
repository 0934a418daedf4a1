"""The programs that are measured, each run alone by its own interpreter: they import nothing of the other's."""
