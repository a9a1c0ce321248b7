"""What surrounds the rows of a page: the OData envelope.

Here: the names of its members, and what a page says besides its rows. Not here: how the members are read
(``fast_path.py``, ``response_body.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ROWS = "value"
LINK = "@odata.nextLink"
CONTEXT = "@odata.context"
COUNT = "@odata.count"
_COUNTS = range(2**63)


@dataclass(frozen=True)
class Envelope:
    """``next_link``: the address of the next page, byte for byte as sent. ``count``: what ``@odata.count`` says."""

    next_link: str | None
    count: int | None


def tells_error(name: str) -> bool:
    """Whether an outermost member of this name tells of an error: ``error``, ``odata.error``, in any spelling."""
    return name.casefold().lstrip("@").rpartition(".")[2] == "error"


def counts_in(names: Iterable[str]) -> list[str]:
    """The names that mean a number of rows, in any spelling."""
    return [name for name in names if name.casefold() == COUNT]


def count_of(members: Mapping[str, Any]) -> int | None:
    """The number of rows, from the members that mean it; None if they are no single whole number."""
    match list(members.values()):
        case [int() as count] if type(count) is int and count in _COUNTS:
            return count
    return None
