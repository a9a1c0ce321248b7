"""Positions in a stored assessment, and the rows from one of them on.

Here: skip tokens, and the order of rows over pages. Not here: page sizes and refusals (``assessment_pages.py``), the
envelope of a page (``pages.py``).
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson

from ..tenant.formats import Row
from ..tenant.state import Assessment
from ..tenant.tenant import AssessmentSource, SimulatedTenant

_DEVICES_PER_CHANGE_PART = 500


@dataclass(frozen=True)
class AssessmentPosition:
    """A position in an assessment, as skip tokens name it: the part and the row in it."""

    time_path: str
    part: int = 0
    line: int = 0

    def token(self, attempt: int = 0) -> str:
        """The skip token; with an ``attempt`` it is another text for the same position."""
        content: dict[str, object] = {
            "ExportDefinition": {"TimePath": f"{self.time_path}/"},
            "ExportFileIndex": self.part,
            "LineStoppedAt": self.line,
        }
        if attempt:
            content["Attempt"] = attempt
        return base64.b64encode(orjson.dumps(content)).decode()


def parse_skip_token(token: str) -> AssessmentPosition | None:
    """The position that a skip token names, None if the token is malformed."""
    try:
        content = orjson.loads(base64.b64decode(token, validate=True))
        path = str(content["ExportDefinition"]["TimePath"]).rstrip("/")
        return AssessmentPosition(path, int(content["ExportFileIndex"]), int(content["LineStoppedAt"]))
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


class AssessmentWalk:
    """Up to ``most`` rows of an assessment from a position on.

    ``next`` is known when the rows have been read: where the next page begins, None at the end.
    """

    def __init__(self, start: AssessmentPosition, most: int) -> None:
        self.start = start
        self._most = most
        self.next: AssessmentPosition | None = None

    def device_rows(self, tenant: SimulatedTenant, source: AssessmentSource, assessment: Assessment) -> Iterator[Row]:
        """Rows device by device. Devices before the position are skipped by their counts."""
        left, skip = self._most, self.start.line
        parts = tenant.parts(assessment)
        for number in range(self.start.part, len(parts)):
            line = self.start.line if number == self.start.part else 0
            for index in parts[number].indices:
                device = tenant.fleet.device(index, assessment.state)
                count = source.count(device, assessment)
                if skip >= count:
                    skip -= count
                    continue
                if left == 0:
                    self.next = AssessmentPosition(self.start.time_path, number, line)
                    return
                for row in source.rows(device, assessment):
                    if skip:
                        skip -= 1
                        continue
                    if left == 0:
                        self.next = AssessmentPosition(self.start.time_path, number, line)
                        return
                    yield row
                    left -= 1
                    line += 1
            skip = 0

    def change_rows(self, tenant: SimulatedTenant, assessment: Assessment, since: datetime) -> Iterator[Row]:
        """Rows of the change feed from ``since`` on; a part is a fixed number of devices."""
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
                        self.next = AssessmentPosition(self.start.time_path, number, line - 1)
                        return
                    yield row
                    left -= 1
