"""A run as one self-contained web page: figures, plots and every question, without a network."""
