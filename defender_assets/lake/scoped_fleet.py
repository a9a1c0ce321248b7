"""Which devices are in the scope on a day, and which it leaves out.

Here: the two lists of a day, from the lake. Not here: the rule (``scope/rule.py``), asking the service for the machine
list (``refresh/dataset/scoped_rows.py``), leaving rows out.

``machines`` has the devices in the scope alone. The ids of the others are in a note beside it, so that a row of such a
device can be told from one whose device nobody knows.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..catalog.devices import MACHINES
from ..scope.left_out import SCOPE
from .errors import LakeError, NoSnapshot
from .facts import time_in
from .lake import Lake

_NOTE = re.compile(r"out_of_scope_(\d{4})_(\d{2})_(\d{2})", re.ASCII)
_NONE = pa.nulls(0, pa.string())  # an array made of Python values would import pandas


@dataclass(frozen=True)
class ScopedFleet:
    """The machine list at one moment: the ids of the devices in the scope, and of those out of it. ``comparable``: the
    Windows devices among the latter that look eligible, by which the antivirus is measured too; None where that is not
    known."""

    inside: pa.Array = field(default_factory=lambda: _NONE)
    outside: pa.Array = field(default_factory=lambda: _NONE)
    comparable: pa.Array | None = None


def note_left_out(
    lake: Lake, day: date, observed_at: datetime, devices: pa.Array, comparable: pa.Array | None = None
) -> None:
    """Notes the devices that the scope left out of the day's ``machines``, which were read at that moment, and which of
    them are ``comparable``. To be called when they are published. Raises LakeNotWritable."""
    content: dict[str, Any] = {"observed_at": observed_at.isoformat(), "devices": devices.to_pylist()}
    if comparable is not None:
        # Those first: their number is enough to tell them from the others.
        others = devices.filter(pc.invert(pc.is_in(devices, value_set=comparable)))
        content |= {"devices": comparable.to_pylist() + others.to_pylist(), "comparable": len(comparable)}
    lake.put_note(MACHINES.name, _note_name(day), content)


def days_with_note(lake: Lake) -> list[date]:
    """The days of which it is noted what the scope left out. Raises LakeError."""
    found = (_NOTE.fullmatch(name) for name in lake.notes(MACHINES.name))
    return sorted(date(*map(int, match.groups())) for match in found if match)


def forget_left_out(lake: Lake, day: date) -> None:
    """Removes what is noted of the day. Raises LakeNotWritable."""
    lake.remove_note(MACHINES.name, _note_name(day))


def left_out_devices(lake: Lake, day: date) -> pa.Array | None:
    """The ids of the devices that the scope left out of the day's ``machines``; none of them where there is no scope,
    or no partition. None where that is not known: the note is lost, or of another reading. Raises UnreadableSnapshot.
    """
    fleet = _left_out(lake, day)
    return None if fleet is None else fleet.outside


def _left_out(lake: Lake, day: date) -> ScopedFleet | None:
    """``outside`` and ``comparable`` of the day."""
    nothing = ScopedFleet(comparable=_NONE)
    try:
        facts = lake.metadata(MACHINES.name, day)
    except NoSnapshot:
        return nothing
    if not facts.get(SCOPE):
        return nothing
    try:
        note: dict[str, Any] = lake.note(MACHINES.name, _note_name(day)) or {}
    except LakeError:
        return None
    if time_in(note, "observed_at") != time_in(facts, "observed_at") or not isinstance(note.get("devices"), list):
        return None
    devices, comparable = pa.array(map(str, note["devices"]), pa.string()), note.get("comparable")
    return ScopedFleet(outside=devices, comparable=devices[:comparable] if isinstance(comparable, int) else None)


def fleet_in_lake(lake: Lake, scope: str, day: date | None = None) -> ScopedFleet | None:
    """Of the day's ``machines``, or of the newest: None where they are not there, hold another part of the tenant than
    ``scope`` (in words), or it is not known what was left out."""
    day = day or lake.newest(MACHINES.name)
    if day is None:
        return None
    try:
        if lake.metadata(MACHINES.name, day).get(SCOPE, "") != scope:
            return None
        left_out = _left_out(lake, day)
        if left_out is None:
            return None
        return replace(left_out, inside=lake.read(MACHINES.name, day, columns=["id"])["id"].combine_chunks())
    except LakeError:
        return None


def _note_name(day: date) -> str:
    return f"out_of_scope_{day:%Y_%m_%d}"
