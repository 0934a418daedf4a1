"""What a store does on a disk that becomes full: every command is refused at many points, and nothing is lost."""
