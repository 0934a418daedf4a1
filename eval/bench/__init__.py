"""Benchmarks: speed, growth, load, kills, damage and full disks, peers."""
