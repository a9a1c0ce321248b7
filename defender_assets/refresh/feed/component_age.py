"""How recent the list of releases of each component is.

Here: per component the newest release and when a feed last listed any. Not here: what follows for devices: there a
component that is out of date tells the newest release no more (``compliance/tables/agent_compliance.sql``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..outcome import Status
from .reading import FeedReading


@dataclass(frozen=True)
class ComponentAge:
    """A component. ``release`` is its newest version, ``feed`` what listed it last, at ``listed_at``; None where no
    feed lists it."""

    component: str
    release: str | None = None
    feed: str | None = None
    listed_at: datetime | None = None

    def is_late(self, now: datetime, limit: timedelta) -> bool:
        """Whether no feed has listed the component within the limit."""
        return self.listed_at is None or now - self.listed_at > limit


def component_ages(readings: Sequence[FeedReading]) -> list[ComponentAge]:
    """Every component that some feed should tell, save for feeds that are switched off, in the order of their names.
    Earlier rows of a feed that is off now count as they are."""
    expected = {
        component for reading in readings if reading.status is not Status.OFF for component in reading.feed.components
    }
    rows: dict[str, list[dict[str, Any]]] = {component: [] for component in expected}
    for reading in readings:
        for row in reading.rows.to_pylist() if reading.rows is not None else []:
            if row["component"] in rows:
                rows[row["component"]].append(row)
    return [_age(component, rows[component]) for component in sorted(rows)]


def _age(component: str, rows: Sequence[dict[str, Any]]) -> ComponentAge:
    if not rows:
        return ComponentAge(component)
    newest = max(rows, key=lambda row: (int(row["release"]), row["listed_at"]))
    listed = max(rows, key=lambda row: row["listed_at"])
    return ComponentAge(component, newest["version"], listed["feed"], listed["listed_at"])
