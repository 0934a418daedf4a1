"""A corpus of files as people have them, made by the tests: every format, with its traps, and what must be found in each."""
