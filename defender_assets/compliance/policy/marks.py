"""Where each setting of a policy is written.

Here: the type. Not here: finding the places while a file is read (``read.py``), the table of them (``tables.py``).
"""

from dataclasses import dataclass

Location = tuple[str | int, ...]
"""A setting by its path in the document: ``("patch", "severity_days", "critical")``."""


@dataclass(frozen=True)
class Mark:
    """The file (or preset) and the line of a setting, counted from 1."""

    file: str
    line: int
