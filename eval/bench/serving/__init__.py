"""What a server does under load, and through kills and restarts."""
