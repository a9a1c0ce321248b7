"""Where a page by cursor ends: the link to the next one, and whether there are rows at all.

Here: reading what stands around the rows of a body, without parsing the rows. Not here: following the link
(``cursor.py``), whether it may be followed (``links.py``), the rows themselves (``decode/``).

A body can have hundreds of megabytes, and parsed it would take ten times as much; the link is at its end, or nowhere.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import orjson

NEXT_LINK = "@odata.nextLink"

_TAIL = 16_384
# The last member of the body. It cannot be part of a row: inside a JSON string the quotes would be escaped, and an
# object inside a row is not followed by the end of the body.
_LAST_MEMBER = re.compile(rb'"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")\s*\}\s*\Z')
# Searched for in the whole body, where a search without regard to case would take longer than the request.
_SPELLINGS = (b'extLink"', b'extlink"')
_NAME = re.compile(rb'"([^"\\]{4,40})"\s*:')
_ROWS_BEGIN = re.compile(rb'"value"\s*:\s*\[', re.IGNORECASE)
_NO_ROWS = re.compile(rb'"value"\s*:\s*\[\s*\]', re.IGNORECASE)
# Possessive: an unclosed quote or a string of a hundred megabytes is passed over once.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(rb"\s*+:\s*+")
_BLANKS = re.compile(rb"\s*+")
_LITERAL = re.compile(rb'[^\s"{}\[\],]+')


class PageEnd(NamedTuple):
    """``next_link`` as the body has it, None without one; ``unclear`` when a member like it is there in its place,
    which is null or empty."""

    next_link: str | None
    unclear: bool


def page_end(body: bytes) -> PageEnd:
    """The end of a body, whose link may be at any position among the outermost members.

    Raises ValueError for a body that is no JSON object, for a link that is no text, and for a link under another name:
    taken for the last page, the body would end the list before its end.
    """
    if last := _LAST_MEMBER.search(body, max(0, len(body) - _TAIL)):
        link = orjson.loads(last[1])
        return PageEnd(link or None, unclear=not link)
    if not _may_have_link(body):
        return PageEnd(None, unclear=False)
    # Rare: the member is elsewhere or spelt otherwise, or a row mentions it. Only going through the body shows which.
    links: set[str] = set()
    unclear = False
    for name, value in _outermost(body):
        if not _is_like_link(name):
            continue
        if value in (b"null", b'""'):
            unclear = True
        elif name != NEXT_LINK:
            raise ValueError("the link has another name")
        elif not value.startswith(b'"'):
            raise ValueError("the link is no text")
        else:
            links.add(orjson.loads(value))
    if len(links) > 1:
        raise ValueError("there are two links")
    return PageEnd(links.pop(), unclear=False) if links else PageEnd(None, unclear)


def has_rows(body: bytes) -> bool | None:
    """Whether a body has rows; None where it has no list of them."""
    if _ROWS_BEGIN.search(body, 0, _TAIL) and not _NO_ROWS.search(body, 0, _TAIL):
        return True
    # Only the outermost list counts, and only going through the body shows which that is.
    try:
        values = [value for name, value in _outermost(body) if name.lower() == "value"]
    except ValueError:
        return None
    return values[0] != b"[]" if values and values[0].startswith(b"[") else None


def rows_of(body: bytes) -> memoryview:
    """The rows without what stands around them; the whole body where they are not found."""
    begin = _ROWS_BEGIN.search(body, 0, _TAIL)
    if begin is None:
        return memoryview(body)
    last = _LAST_MEMBER.search(body, max(0, len(body) - _TAIL))
    return memoryview(body)[begin.end() : body.rfind(b"]", begin.end(), last.start() if last else len(body)) + 1]


def _may_have_link(body: bytes) -> bool:
    if any(spelling in body for spelling in _SPELLINGS):
        return True
    ends = (body[:_TAIL], body[-_TAIL:])
    return any(_is_like_link(name.decode("utf-8", "replace")) for end in ends for name in _NAME.findall(end))


_OTHER_NAMES = frozenset({"next", "nextpage", "nexturl", "skiptoken", "continuationtoken"})


def _is_like_link(name: str) -> bool:
    """``nextLink``, ``odata.nextLink``, ``@odata.next_link``, ``@odata.next`` and so on."""
    letters = "".join(character for character in name.lower() if character.isalpha())
    return letters.endswith("nextlink") or letters.removeprefix("odata") in _OTHER_NAMES


def _outermost(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and value of each outermost member; of a value that is an object or a list only its brackets, with nothing
    between them where it is empty, and an ellipsis elsewhere. Raises ValueError for anything but an object."""
    depth = 0
    name: str | None = None
    opened: tuple[int, bytes] = (0, b"")
    for token in _TOKEN.finditer(body):
        match token[0]:
            case b"{" | b"[":
                if depth == 0 and token[0] != b"{":
                    raise ValueError("not an object")
                if depth == 1:
                    opened = (token.end(), token[0])
                depth += 1
            case b"}" | b"]":
                depth -= 1
                if depth == 1 and name is not None:
                    start, bracket = opened
                    is_empty = _BLANKS.match(body, start, token.end()).end() == token.start()  # type: ignore[union-attr]
                    yield name, bracket + (b"" if is_empty else b"...") + token[0]
                    name = None
            case text if depth == 1:
                if name is not None:
                    yield name, text
                    name = None
                elif colon := _COLON.match(body, token.end()):
                    name = orjson.loads(text)
                    if literal := _LITERAL.match(body, colon.end()):
                        yield str(name), literal[0]
                        name = None
