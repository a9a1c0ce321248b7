"""The shape of JSON without parsing it: how deep it is nested, and how many members its objects have.

Here: what a parser does not tell. Arrow's reader calls itself for each level: JSON nested 20,000 levels deep ends the
process, and in a thread with a small stack 500 do. Of a member that occurs twice, the fast parser drops the first
without a word. Not here: who asks (``decoder.py``, ``fast_path.py``).
"""

from itertools import chain
from typing import Any

import numpy as np

MOST_LEVELS = 128
"""Answers that were recorded have fewer than ten. Arrow's reader survives this many on a stack of 128 KiB, and neither
orjson (254 to write, 1,024 to read) nor Python's own limit is reached."""

_PIECE = 1024 * 1024
_NESTING = frozenset({dict, list})
_OUTERMOST = b"{["
_DROPPED = bytes(set(range(256)) - set(b'"[]{}:'))
_QUOTE, _COLON = b'":'
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


def is_too_deep(document: memoryview) -> bool:
    """Whether a parser of this JSON would ever be more than ``MOST_LEVELS`` levels deep."""
    return members_written(document) is None


def members_written(document: memoryview) -> int | None:
    """How many members the objects have as written, repeated ones included; None if it is nested too deep."""
    if not document or document[0] not in _OUTERMOST:
        return 0
    depth = members = start = 0
    in_text = np.uint8(0)
    while start < len(document):
        piece = bytes(document[start : start + _PIECE])
        if start + _PIECE < len(document) and (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = piece[:-1]  # a backslash and what it escapes stay together
        start += len(piece)
        marks = np.frombuffer(_without_escapes(piece).translate(None, _DROPPED), np.uint8)
        if not marks.size:
            continue
        # An odd number of quotes before it: the mark is within a text. Only the last bit counts, so it may overflow.
        within = (np.cumsum(marks == _QUOTE, dtype=np.uint8) + in_text) & 1
        in_text = within[-1]
        marks = marks[within == 0]
        if not marks.size:
            continue
        depths = np.cumsum(_STEPS[marks], dtype=np.int32)
        if depth + int(depths.max()) > MOST_LEVELS:
            return None
        depth += int(depths[-1])
        members += int(np.count_nonzero(marks == _COLON))
    return members


def members_parsed(value: Any) -> int:
    """How many members the objects in a parsed JSON value have."""
    members = 0
    level = [value]
    while level:
        objects = [inner for inner in level if type(inner) is dict]
        lists = [inner for inner in level if type(inner) is list]
        members += sum(map(len, objects))
        below = chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(lists))
        level = [inner for inner in below if type(inner) in _NESTING]
    return members


def _without_escapes(text: bytes) -> bytes:
    if b"\\" not in text or b'\\"' not in text:
        return text  # no quote is escaped, and no other escape matters here
    # Of the same length: this is several times as fast as taking them out.
    return text.replace(rb"\\", b"  ").replace(rb"\"", b"  ")
