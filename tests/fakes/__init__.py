"""Stand-ins for models, stores and askers: one subject a module."""
