"""What the server's routes share: gates, batches, caches, keys, metrics."""
