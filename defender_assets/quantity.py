"""Numbers of things, as a sentence has them.

Here: one thing or many. Not here: how the report writes numbers (``report/formatting.py``).
"""


def quantity(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
