"""The note that limits how far back an event table is compared with the service.

Here: what is noted, and its JSON in the lake. Not here: the comparison (``staleness.py``). Losing the note costs one
comparison of all days, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ..catalog import Dataset
from ..lake import Lake

_NOTE = "caught_up"
_MOMENTS = ("to", "compared", "confirmed")


@dataclass(frozen=True)
class Reading:
    """What the partition of a day held when it was looked at: when it was read from the service, the hash of its rows,
    and whether the reading before it held the same."""

    observed_at: datetime
    content: str
    repeated: bool


@dataclass(frozen=True)
class CaughtUp:
    """How far a table is caught up; None for what is not known.

    ``to``: every change up to then is in the lake. ``compared``: when every remembered day was last compared with the
    service by what it holds, or read from it again. ``confirmed``: what was published before then was compared since.
    ``readings``: of a table whose days are settled by two equal readings, the last of each day. ``scope``: the part of
    the tenant, in words, that the file of every remembered day holds (empty: the whole tenant; None: not known).
    """

    to: datetime | None = None
    compared: datetime | None = None
    confirmed: datetime | None = None
    readings: Mapping[date, Reading] = field(default_factory=dict)
    scope: str | None = ""


def caught_up(lake: Lake, dataset: Dataset) -> CaughtUp:
    """What is noted; nothing before the first time, or where the note is not ours."""
    note = lake.note(dataset.name, _NOTE)
    try:
        moments = {name: datetime.fromisoformat(note[name]) for name in _MOMENTS if note and name in note}
        readings = {} if note is None else note.get("readings", {})
        of_days = {date.fromisoformat(day): _reading(of) for day, of in readings.items()}
        return CaughtUp(**moments, readings=of_days, scope="" if note is None else note.get("scope", ""))
    except (AttributeError, KeyError, TypeError, ValueError):
        return CaughtUp()


def note_caught_up(lake: Lake, dataset: Dataset, now_known: CaughtUp) -> None:
    """Replaces the note. Does nothing where that is noted already. To be called when it has become true: after the
    refresh of the stale days."""
    if now_known == caught_up(lake, dataset):
        return
    moments = {name: moment.isoformat() for name in _MOMENTS if (moment := getattr(now_known, name)) is not None}
    readings = {
        day.isoformat(): [of.observed_at.isoformat(), of.content, of.repeated] for day, of in now_known.readings.items()
    }
    scope = {} if now_known.scope == "" else {"scope": now_known.scope}
    lake.put_note(dataset.name, _NOTE, moments | ({"readings": readings} if readings else {}) | scope)


def _reading(noted: Any) -> Reading:
    observed_at, content, repeated = noted
    return Reading(datetime.fromisoformat(observed_at), str(content), bool(repeated))
