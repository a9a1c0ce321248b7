"""Numbers of things, bytes and durations, as a sentence has them.

Here: one thing or many, sizes, times. Not here: how the report writes numbers (``report/formatting.py``).
"""


def quantity(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number_of_bytes: int) -> str:
    """``812 B``, ``1.2 MB``; units of a thousand."""
    if number_of_bytes < 1_000:
        return f"{number_of_bytes} B"
    number, unit = number_of_bytes / 1_000, "KB"
    for larger_unit in ("MB", "GB"):
        if number >= 1_000:
            number, unit = number / 1_000, larger_unit
    return f"{number:,.1f} {unit}"


def time_taken(seconds: float) -> str:
    """``0.4 seconds``, ``12 seconds``, ``3 min 5 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} seconds"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} seconds"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
