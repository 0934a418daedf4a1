"""Fitting the confidence, and promises about the share of wrong answers."""
