"""Training the extractive reader: data, mixture, hard negatives, the loop and the export."""
