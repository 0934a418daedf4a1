"""What every implementation of a capability must do: classes of tests, with a fixture that each backend gives."""
