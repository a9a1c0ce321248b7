"""What stands around the rows of a page, read without parsing the rows.

Here: how many rows a page seems to have; and the frame of a page that begins and ends as the service writes it, with a
mark by which a reader that overlooks members proves that nothing else is in it. Not here: frames of any other kind
(``response_body.py``), the rows (``fast_path.py``).
"""

import re
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import orjson

from .json_text import json_text

MARK = f"mark of {uuid4()}"
"""Different in each process, so that no row can have it."""
_ENDS = 64 * 1024
_PIECE = 1 << 20
_BRACE = ord("{")
_HEAD = re.compile(
    rb'\{\s*(?:"@odata\.context"\s*:\s*"[^"\\\x00-\x1f]*"\s*,\s*)?"value"\s*:\s*\['
    rb'\s*(\{\s{0,80}"[^"\\\x00-\x1f]{1,80}"\s{0,80}:)'  # bounded, because each octet of it is compared with all rows
)
_TAIL = re.compile(rb'\}(\s*\]\s*(?:,\s*"@odata\.nextLink"\s*:\s*("[^"\\\x00-\x1f]*")\s*)?\})\Z')


class PageFrame(NamedTuple):
    """``rows_end`` is where the last row seems to end; ``next_link`` as the body has it."""

    rows_end: int
    next_link: str | None

    def marked(self, body: memoryview, member: str) -> memoryview:
        """The body with one row more, whose only ``member`` is ``MARK``.

        The frame is what it seems to be exactly if a JSON reader finds this row as the last one of the page. If what
        ends there were another list, the row would be in that one; if it were a text, the quotes of the row would end
        it, and what follows would be no JSON.
        """
        row = f",{{{json_text(member)}:{json_text(MARK)}}}".encode()
        return memoryview(b"".join([body[: self.rows_end], row, body[self.rows_end :]]))


def page_frame(body: memoryview) -> PageFrame | None:
    """The frame of a page with rows; None where anything is in it but the context, the rows and the next link."""
    if _HEAD.match(body, 0, _ENDS) is None:
        return None
    tail = _TAIL.search(body, max(0, len(body) - _ENDS))
    if tail is None:
        return None
    return PageFrame(tail.start(1), (orjson.loads(tail[2]) or None) if tail[2] else None)


def rows_at_a_glance(body: bytes) -> int:
    """How often a page has what its first row begins with: how many rows it has, unless they are of different forms.
    0 where no row is found at its beginning."""
    head = _HEAD.match(body, 0, _ENDS)
    if head is None:
        return 0
    opening = head[1]
    octets = np.frombuffer(body, np.uint8)
    rows = 0
    for start in range(0, len(octets), _PIECE):
        piece = octets[start : start + _PIECE + len(opening) - 1]
        found = np.flatnonzero(piece[: len(piece) - len(opening) + 1] == _BRACE)
        for offset, octet in enumerate(opening):
            found = found[piece[found + offset] == octet]
        rows += len(found)
    return rows
