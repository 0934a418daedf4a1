"""The store: catalogue and search indexes behind one door; its health, copies and removals."""
