"""What stands around every request: connections, limits, hosts, observation."""
