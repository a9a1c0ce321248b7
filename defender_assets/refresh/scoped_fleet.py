"""Which devices are in the scope on a day, and which it leaves out.

Here: the two lists of a day, from the lake. Not here: the rule (``scope/rule.py``), asking the service for the machine
list (``dataset/scoped_rows.py``), leaving rows out.

``machines`` has the devices in the scope alone. The ids of the others are in a note beside it, so that a row of such a
device can be told from one whose device nobody knows.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from ..catalog.devices import MACHINES
from ..lake import Lake, LakeError, NoSnapshot
from ..lake.facts import time_in
from ..scope.left_out import SCOPE

_NONE = pa.nulls(0, pa.string())  # an array made of Python values would import pandas


@dataclass(frozen=True)
class ScopedFleet:
    """The machine list at one moment: the ids of the devices in the scope, and of those out of it."""

    inside: pa.Array = field(default_factory=lambda: _NONE)
    outside: pa.Array = field(default_factory=lambda: _NONE)


def note_left_out(lake: Lake, day: date, observed_at: datetime, devices: pa.Array) -> None:
    """Notes the devices that the scope left out of the day's ``machines``, which were read at that moment. To be called
    when they are published. Raises LakeNotWritable."""
    content = {"observed_at": observed_at.isoformat(), "devices": devices.to_pylist()}
    lake.put_note(MACHINES.name, _note_name(day), content)


def left_out_devices(lake: Lake, day: date) -> pa.Array | None:
    """The ids of the devices that the scope left out of the day's ``machines``; none of them where there is no scope,
    or no partition. None where that is not known: the note is lost, or of another reading. Raises UnreadableSnapshot.
    """
    try:
        facts = lake.metadata(MACHINES.name, day)
    except NoSnapshot:
        return _NONE
    if not facts.get(SCOPE):
        return _NONE
    try:
        note: dict[str, Any] = lake.note(MACHINES.name, _note_name(day)) or {}
    except LakeError:
        return None
    if time_in(note, "observed_at") != time_in(facts, "observed_at") or not isinstance(note.get("devices"), list):
        return None
    return pa.array(map(str, note["devices"]), pa.string())


def fleet_in_lake(lake: Lake, scope: str, day: date | None = None) -> ScopedFleet | None:
    """Of the day's ``machines``, or of the newest: None where they are not there, hold another part of the tenant than
    ``scope`` (in words), or it is not known what was left out."""
    day = day or lake.newest(MACHINES.name)
    if day is None:
        return None
    try:
        if lake.metadata(MACHINES.name, day).get(SCOPE, "") != scope:
            return None
        outside = left_out_devices(lake, day)
        if outside is None:
            return None
        return ScopedFleet(lake.read(MACHINES.name, day, columns=["id"])["id"].combine_chunks(), outside)
    except LakeError:
        return None


def _note_name(day: date) -> str:
    return f"out_of_scope_{day:%Y_%m_%d}"
