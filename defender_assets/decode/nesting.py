"""How deep JSON is nested, without parsing it.

Here: finding JSON that no parser should be given. Arrow's reader calls itself for each level: JSON nested 20,000 levels
deep ends the process, and in a thread with a small stack 500 do. Not here: who asks (``decoder.py``, ``fast_path.py``).
"""

import numpy as np

MOST_LEVELS = 128
"""Answers that were recorded have fewer than ten. Arrow's reader survives this many on a stack of 128 KiB, and neither
orjson (254 to write, 1,024 to read) nor Python's own limit is reached."""

_PIECE = 1024 * 1024
_OUTERMOST = b"{["
_DROPPED = bytes(set(range(256)) - set(b'"[]{}'))
_QUOTE = ord('"')
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


def is_too_deep(body: memoryview) -> bool:
    """Whether a parser of this JSON would ever be more than ``MOST_LEVELS`` levels deep."""
    if not body or body[0] not in _OUTERMOST:
        return False
    depth = 0
    in_text = np.uint8(0)
    start = 0
    while start < len(body):
        piece = bytes(body[start : start + _PIECE])
        if start + _PIECE < len(body) and (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = piece[:-1]  # a backslash and what it escapes stay together
        start += len(piece)
        marks = np.frombuffer(_without_escapes(piece).translate(None, _DROPPED), np.uint8)
        if not marks.size:
            continue
        quotes = marks == _QUOTE
        # An odd number of quotes before it: the mark is within a text. Only the last bit counts, so it may overflow.
        within = (np.cumsum(quotes, dtype=np.uint8) + in_text) & 1
        in_text = within[-1]
        depths = np.cumsum(_STEPS[marks] * (1 - within).view(np.int8), dtype=np.int32)
        if depth + int(depths.max()) > MOST_LEVELS:
            return True
        depth += int(depths[-1])
    return False


def _without_escapes(text: bytes) -> bytes:
    if b"\\" not in text or b'\\"' not in text:
        return text  # no quote is escaped, and no other escape matters here
    # Of the same length: this is several times as fast as taking them out.
    return text.replace(rb"\\", b"  ").replace(rb"\"", b"  ")
