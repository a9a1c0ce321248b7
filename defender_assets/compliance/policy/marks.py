"""Where each setting of a policy is written.

Here: the type, and looking a place up. Not here: finding the places while a file is read (``yaml_file.py``), the table
of them (``tables.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

SHIPS = " (ships with the package)"
"""How the file of a mark ends, if it is a policy of the package."""

Location = tuple[str | int, ...]
"""A setting by its path in the document: ``("patch", "severity_days", "critical")``."""


@dataclass(frozen=True)
class Mark:
    """The file (or preset) and the line of a setting, counted from 1."""

    file: str
    line: int

    @property
    def is_shipped(self) -> bool:
        """Whether the setting is written in a policy of the package."""
        return self.file.endswith(SHIPS)


def nearest_mark(marks: Mapping[Location, Mark], location: Location, source: str) -> Mark:
    """Where a setting is written, else what it is part of, else the first line of ``source``."""
    known = (location[:end] for end in range(len(location), -1, -1))
    return next((marks[at] for at in known if at in marks), Mark(source, 1))
