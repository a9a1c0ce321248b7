"""Releases for Linux, from the package index of a distribution's repository.

Here: the format, Debian's ``Packages`` (gzip or plain): stanzas of ``Name: value`` lines, of which those of the package
``mdatp`` count. Not here: which distributions are read (``feeds.py``), the packages themselves, which are never
fetched.
"""

import re
from collections.abc import Collection
from typing import IO

import pyarrow as pa

from ..entries import is_web_page, quoted
from ..errors import Unreadable
from ..parsed import Parsed
from ..unpack import decompressed_file
from .versions import RELEASE_ROWS, order_of, release_row

_LARGEST = 128 * 2**20
_PACKAGE = "mdatp"
_STANZA = re.compile(rb"^Package:[ \t]*mdatp[ \t]*\r?$(?:\n[^\r\n]+\r?$)*+", re.MULTILINE)
_ANY_PACKAGE = re.compile(rb"^Package:", re.MULTILINE)
_VERSION = re.compile(rb"^Version:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
_FORM = re.compile(r"(?:\d+:)?(?P<version>\d+(?:\.\d+)+)(?:[-+~](?P<suffix>[\w.+~-]*))?", re.ASCII)
_FORMER = re.compile(r"101\.\d{1,3}\.\d+|100\.\d+\.\d+", re.ASCII)
"""Numbers from before 2023, without a month in them. They have long expired."""
_RING = re.compile(r"insider|preview|beta|dogfood|internal|canary|\brc", re.IGNORECASE)
_EXAMPLES = 3


def read_linux_packages(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """Every release of the index. The suffix of a version (a Debian revision, the name of a ring) is no part of it, and
    a release of a preview ring is none. Raises Unreadable for anything but a package index."""
    data = decompressed_file(file, _LARGEST)
    if is_web_page(data):
        raise Unreadable("it is a web page and not a package index")
    if not _ANY_PACKAGE.search(data):
        raise Unreadable("it is not a package index of Debian's form")
    rows, unreadable = {}, []
    for stanza in _STANZA.finditer(data):
        found = _VERSION.search(stanza[0])
        text = found[1].decode("utf-8", "replace") if found else ""
        try:
            version = _version(text)
            if version is not None:
                rows[version] = release_row("agent_linux", version, None)
        except Unreadable as fault:
            unreadable.append(str(fault))
    return Parsed(
        rows=pa.Table.from_pylist([rows[version] for version in sorted(rows, key=order_of)], schema=RELEASE_ROWS),
        entries=len(rows) + len(unreadable),
        dated=None,
        version=max(rows, key=order_of, default=None),
        unreadable=len(unreadable),
        examples=tuple(unreadable[:_EXAMPLES]),
    )


def _version(text: str) -> str | None:
    """The version without its suffix; None for one that does not count. Raises Unreadable for what is no version."""
    matched = _FORM.fullmatch(text)
    if matched is None:
        raise Unreadable(f"{_PACKAGE} {quoted(text)}: that is no version")
    if _RING.search(matched["suffix"] or "") or _FORMER.fullmatch(matched["version"]):
        return None
    return matched["version"]
