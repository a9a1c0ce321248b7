"""Measurements: the project beside what people would use instead, beside the floor, and as it grows."""
