"""What runs the embedder: OpenVINO, torch, and what this machine can do."""
