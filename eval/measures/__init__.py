"""Measures as values: what a list of judged questions says about the system."""
