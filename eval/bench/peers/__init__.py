"""spanqa measured beside other systems: the same texts, models, candidates and threads, in turns in one run."""
