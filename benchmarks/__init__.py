"""Measurements: the project beside what people would use instead, beside the floor, and as it grows.

Here: the suites of ``make bench`` (``suites.py`` names them), the guard of ``make guard``, the day of ``make day``, and
the decoder alone (``decode.py``). Not here: what the figures mean (docs/performance.md), tests.
"""
