"""From gold questions to a calibration, and from judged runs to a promise."""
