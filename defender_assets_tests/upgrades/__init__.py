"""Versions beside each other: this one reads what earlier ones wrote, and the one before reads what this one writes.

Here: what earlier versions left (``versions/``), the record of columns, and the tests of both. Not here: readers other
than this package (``lake/test_documented_readers.py``).
"""
