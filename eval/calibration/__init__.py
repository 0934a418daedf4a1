"""From gold questions to a calibration or a promise."""
