"""How much one answer may be, so that neither memory nor a parser suffers from it.

Here: the bounds, and which of them a body exceeds. Not here: receiving no more than that (``compression.py``), the
error (``client.py``), how deep JSON may be nested and how long a text may be (``decode/``).
"""

import numpy as np

LARGEST_BODY = 256 << 20
"""Bytes of a page, unpacked. The largest that may be asked for has 200,000 rows of a kilobyte."""
MOST_VALUES = 5_000_000
"""Of a page: commas, those in texts too. The largest that is asked for has two million; as objects, each can take more
than a hundred bytes."""
MOST_OBJECTS = 500_000
"""Opening brackets and braces of a page; 150,000 in the largest. Each row takes room in every column, empty or not."""

# Counted in pieces that stay in the processor's cache: a count over the whole body reads it from memory each time.
_PIECE = 1 << 20
_COMMA = ord(",")
_CASE = 0x20
_BRACE = ord("{")


def too_much_of(body: bytes, at_most: int) -> str:
    """What a page has too much of, where it may have ``at_most`` bytes; an empty text for a page that may be used.
    Millions of empty rows, packed, take only a megabyte."""
    if len(body) > at_most:
        return f"{at_most >> 20} MiB"
    if len(body) <= MOST_OBJECTS:
        return ""
    marks = np.frombuffer(body, np.uint8)
    values = objects = 0
    for start in range(0, len(marks), _PIECE):
        piece = marks[start : start + _PIECE]
        values += int(np.count_nonzero(piece == _COMMA))
        # "[" and "{" differ in this bit alone, and no other character becomes "{" by it.
        objects += int(np.count_nonzero(piece | _CASE == _BRACE))
        if values > MOST_VALUES:
            return f"{MOST_VALUES:,} values"
        if objects > MOST_OBJECTS:
            return f"{MOST_OBJECTS:,} objects and lists"
    return ""
