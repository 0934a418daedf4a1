"""Commands that keep a store: its documents, copies, keys and log."""
