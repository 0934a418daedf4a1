"""Reading passages: windows, logits, spans."""
