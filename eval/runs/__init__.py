"""Asking gold questions, judging what comes back, and showing it."""
