"""What every test shares."""

from hypothesis import settings

# No test may depend on how busy the machine is.
settings.register_profile("spanqa", deadline=None)
settings.load_profile("spanqa")
