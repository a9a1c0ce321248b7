"""The newest engine, platform and security intelligence of the antivirus, from Microsoft's XML.

Here: the format, ``<versions><engine>1.1.…</engine><platform>4.18.…</platform><signatures date="…">1.…</signatures>
</versions>``; elements that are not known are passed over. Not here: what the versions mean for a device.

Entities and document types are refused: the feed has none, and they are how a small XML becomes a large one.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, NoReturn
from xml.parsers import expat

import pyarrow as pa

from ..entries import is_web_page, parse_iso_time, quoted
from ..errors import Unreadable
from ..parsed import Parsed
from ..unpack import decompressed_file
from .versions import RELEASE_ROWS, release_row

_LARGEST = 2**20
_DEEPEST = 20
_COMPONENTS = {"engine": "av_engine", "platform": "av_platform", "signatures": "av_intelligence"}
_AMERICAN = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y")


@dataclass
class _Versions:
    """What is read of the document: the text of each known element, and when the intelligence was published."""

    path: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    date: str | None = None

    def started(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name.lower())
        if len(self.path) > _DEEPEST:
            raise Unreadable("its elements are nested too deep")
        if self.path[0] != "versions":
            raise Unreadable(f"its root element is {quoted(name)} and not versions")
        if len(self.path) == 2 and self.path[1] in _COMPONENTS:
            if self.path[1] in self.texts:
                raise Unreadable(f"it has {self.path[1]} twice")
            self.texts[self.path[1]] = ""
            if self.path[1] == "signatures":
                self.date = next((value for key, value in attributes.items() if key.lower() == "date"), None)

    def ended(self, _: str) -> None:
        self.path.pop()

    def told(self, text: str) -> None:
        if len(self.path) == 2 and self.path[1] in self.texts:
            self.texts[self.path[1]] += text


def read_antivirus_versions(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The versions. Raises Unreadable for anything but this XML, and for a version that is none. The publication time
    of the intelligence dates the document; where it cannot be read, the document has no date."""
    versions = _parsed(decompressed_file(file, _LARGEST))
    published = _time(versions.date)
    day = None if published is None else published.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = [
        release_row(component, versions.texts[element].strip(), day if element == "signatures" else None)
        for element, component in _COMPONENTS.items()
        if versions.texts.get(element, "").strip()
    ]
    return Parsed(
        rows=pa.Table.from_pylist(rows, schema=RELEASE_ROWS),
        entries=len(rows),
        dated=published,
        version=versions.texts.get("signatures", "").strip() or None,
    )


def _parsed(data: bytes) -> _Versions:
    if is_web_page(data):
        raise Unreadable("it is a web page and not XML")
    versions = _Versions()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.EntityDeclHandler = _refuse_document_type
    parser.StartElementHandler = versions.started
    parser.EndElementHandler = versions.ended
    parser.CharacterDataHandler = versions.told
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Unreadable(f"it is not XML, or ends too early (line {error.lineno})") from None
    except (ValueError, LookupError) as error:  # such as an encoding that does not exist
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("it is not XML") from None
    return versions


def _refuse_document_type(*_: object) -> NoReturn:
    raise Unreadable("it declares a document type or entities, which the feed does not")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_iso_time(text)
    except Unreadable:
        pass
    for form in _AMERICAN:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
