"""The result of a check on the rows of a partition, wherever they come from.

Here: the one type of result for datasets, feeds and derived tables. Not here: the checks themselves
(``refresh/dataset/checks.py``, ``compliance/table_checks.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """What a failed check means."""

    BLOCKING = "blocking"
    """The partition is not published; the former one stays."""
    ERROR = "error"
    """The partition contradicts itself."""
    WARNING = "warning"
    """The partition may be used, with care."""


@dataclass(frozen=True)
class Check:
    """``message`` says in one sentence what was found, ``numbers`` what was counted."""

    name: str
    passed: bool
    message: str
    severity: Severity = Severity.WARNING
    numbers: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        """Whether it keeps the partition from being published."""
        return not self.passed and self.severity is Severity.BLOCKING


def combined(checks: Iterable[Check]) -> Check:
    """One verdict for several partitions: the first that failed, else the last. Raises ValueError without any."""
    found = list(checks)
    if not found:
        raise ValueError("no verdict to choose from")
    return next((check for check in found if not check.passed), found[-1])
