"""Citations: made, found again, verified, formatted."""
