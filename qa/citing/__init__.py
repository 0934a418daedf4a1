"""Citations: making, verifying and formatting them, and locating them again in edited documents."""
