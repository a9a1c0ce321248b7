"""How the service writes times and names.

Here: the forms that were observed in the live service: 0 to 7 fraction digits before ``Z``, blank-separated times
without a zone in vulnerability management, PascalCase with irregular capitals in export files. Not here: the values
(the modules of the rows).
"""

from datetime import datetime
from random import Random
from typing import Any

Row = dict[str, Any]
"""A row as the service sends it, or an object within one: member -> value."""

UNSET = "0001-01-01T00:00:00Z"
"""The time that the service sends for "no time"."""

# .NET cuts trailing zeros off seven digits, so every length occurs; whole seconds are by far the most frequent.
_DIGITS = (0, 0, 0, 0, 7, 7, 7, 2, 3, 6, 1, 5, 4)
_TVM_DIGITS = (0, 0, 0, 0, 0, 0, 3, 2, 7)


def iso_seconds(moment: datetime) -> str:
    """``2026-03-02T11:05:47``, without a zone."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def fraction(rng: Random, digits: int | None = None) -> str:
    """A fraction of a second with 0 to 7 digits, the last of them not 0: ``""``, ``.17``, ``.4409121``."""
    if digits is None:
        digits = _DIGITS[int(rng.random() * len(_DIGITS))]
    if not digits:
        return ""
    number = int(rng.random() * 10 ** (digits - 1)) * 10 + 1 + int(rng.random() * 9)
    return f".{number:0{digits}d}"


def iso_utc(moment: datetime, rng: Random) -> str:
    """``2026-03-02T11:05:47.204118Z`` with any of 0 to 7 fraction digits."""
    return f"{iso_seconds(moment)}{fraction(rng)}Z"


def tvm_fraction(rng: Random) -> str:
    return fraction(rng, _TVM_DIGITS[int(rng.random() * len(_TVM_DIGITS))])


def tvm_time(moment: datetime, fraction: str = "") -> str:
    """``2025-10-06 10:43:58``: a blank for T, no zone (UTC)."""
    return moment.strftime("%Y-%m-%d %H:%M:%S") + fraction


_IRREGULAR = {"osPlatform": "OSPlatform", "osVersion": "OSVersion", "osArchitecture": "OSArchitecture"}


def file_member(member: str) -> str:
    """The member's name in export files: ``cveId`` -> ``CveId``, ``osPlatform`` -> ``OSPlatform``."""
    return _IRREGULAR.get(member) or member[0].upper() + member[1:]


def file_row(row: Row) -> Row:
    """The row as in export files: PascalCase, without the members that have no value."""
    return {file_member(member): value for member, value in row.items() if value is not None and value != []}
