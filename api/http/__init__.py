"""The HTTP door: the application and its server."""
