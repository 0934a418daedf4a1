"""From an uploaded body to a stored document: in turns, and given up when nobody waits for it."""
