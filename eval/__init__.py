"""Measuring the system: gold questions, measures, runs, calibration and benchmarks."""
