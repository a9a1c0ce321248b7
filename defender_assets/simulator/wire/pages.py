"""Pages of lists and of stored assessments.

Here: where a page begins and ends, its envelope and its link to the next. Not here: HTTP status and faults that strike
the whole answer (``service.py``), compression (``bodies.py``).

As observed: the next link comes last, after ``value``, with a bare ``$`` and lower-cased names; ``$top`` caps the whole
answer and suppresses it; ``@odata.count`` is the size of the page.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from ..tenant.state import Assessment
from ..tenant.tenant import Assessed, SimulatedTenant
from .bodies import Body, json_rows, pack

CURSOR_DEFAULT = 50_000
CURSOR_MAX = 200_000
_DEVICES_PER_CHANGE_PART = 500


@dataclass(frozen=True)
class Position:
    """A place in an assessment, as skip tokens tell it: the part and the row in it."""

    time_path: str
    part: int = 0
    line: int = 0

    def token(self) -> str:
        content = {
            "ExportDefinition": {"TimePath": f"{self.time_path}/"},
            "ExportFileIndex": self.part,
            "LineStoppedAt": self.line,
        }
        return base64.b64encode(orjson.dumps(content)).decode()


def position_of(token: str) -> Position | None:
    """The place that a skip token names, None if it is none of ours."""
    try:
        content = orjson.loads(base64.b64decode(token, validate=True))
        path = str(content["ExportDefinition"]["TimePath"]).rstrip("/")
        return Position(path, int(content["ExportFileIndex"]), int(content["LineStoppedAt"]))
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


class Walk:
    """Rows of an assessment from a place on; ``next`` is where the following page begins, None at the end."""

    def __init__(self, start: Position, most: int) -> None:
        self.start = start
        self._most = most
        self.next: Position | None = None

    def of_devices(self, tenant: SimulatedTenant, source: Assessed, assessment: Assessment) -> Iterator[dict]:
        """Rows device by device; devices before the place are passed over by their counts."""
        left, skip = self._most, self.start.line
        parts = tenant.parts(assessment)
        for number in range(self.start.part, len(parts)):
            line = self.start.line if number == self.start.part else 0
            for index in parts[number].indices:
                device = tenant.fleet.device(index, assessment.state)
                here = source.count(device, assessment)
                if skip >= here:
                    skip -= here
                    continue
                if left == 0:
                    self.next = Position(self.start.time_path, number, line)
                    return
                for row in source.rows(device, assessment):
                    if skip:
                        skip -= 1
                        continue
                    if left == 0:
                        self.next = Position(self.start.time_path, number, line)
                        return
                    yield row
                    left -= 1
                    line += 1
            skip = 0

    def of_changes(self, tenant: SimulatedTenant, assessment: Assessment, since: datetime) -> Iterator[dict]:
        """Rows of the change feed; a part is so many devices."""
        left = self._most
        indices = tenant.changes.indices(assessment.state)
        for number in range(self.start.part, -(-len(indices) // _DEVICES_PER_CHANGE_PART)):
            line = 0
            first = number * _DEVICES_PER_CHANGE_PART
            for index in indices[first : first + _DEVICES_PER_CHANGE_PART]:
                for row in tenant.changes.rows(index, assessment, since):
                    line += 1
                    if number == self.start.part and line <= self.start.line:
                        continue
                    if left == 0:
                        self.next = Position(self.start.time_path, number, line - 1)
                        return
                    yield row
                    left -= 1


def envelope(
    rows: Iterator[dict], context: str, *, count: int | None = None, links: Sequence[str] | None = None
) -> Iterator[bytes]:
    """A page: context, perhaps count, rows, and after them the link, if ``links`` holds one by then."""
    head: dict[str, Any] = {"@odata.context": context}
    if count is not None:
        head["@odata.count"] = count
    yield orjson.dumps(head)[:-1] + b',"value":['
    yield from json_rows(rows)
    yield b"]"
    if links:
        yield b',"@odata.nextLink":' + orjson.dumps(links[0])
    yield b"}"


def then(rows: Iterator[dict], links: list[str], link: Callable[[], str | None]) -> Iterator[dict]:
    """Passes the rows on and, when they have ended, adds the link that is only known then."""
    yield from rows
    found = link()
    if found is not None:
        links.append(found)


def cursor_link(address: str, options: dict[str, str], place: Position) -> str:
    """``…?pagesize=5&sincetime=…&$skiptoken=eyJ…=``: names in lower case, the dollar sign and the token bare."""
    named = "".join(f"{name.lower()}={quote(value, safe='')}&" for name, value in options.items())
    return f"{address}?{named}$skiptoken={place.token()}"


def list_link(address: str, options: dict[str, str], skip: int) -> str:
    """``…?$skip=8000``, with the other options before it."""
    named = "".join(f"{name}={quote(value, safe='$')}&" for name, value in options.items())
    return f"{address}?{named}$skip={skip}"


def list_body(rows: Iterator[dict], context: str, count: int | None, link: str | None) -> Body:
    return pack(envelope(rows, context, count=count, links=[link] if link else None))
