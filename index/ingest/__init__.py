"""Files and folders into a store: what is new, changed or gone, once or continuously, here or on a cluster."""
