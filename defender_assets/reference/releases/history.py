"""What a source of releases tells, joined with what it told before, or refused.

Here: which versions are believed, and which former rows stay. Not here: the formats, and where former rows come from
(``refresh/feed/``).

A feed that tells only the newest release becomes, day by day, a list of releases: a row that it no longer tells stays,
and keeps the time at which the feed last told it. Refused are old copies, versions of a month that has not come, and
numbers that jump: one wrong version would otherwise be the newest of all for years.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from ..errors import LessThanBefore, Unreadable
from .versions import intelligence_series, order_of

ReleaseRow = dict[str, Any]


@dataclass(frozen=True)
class Occasion:
    """When and how a source was read. ``withdrawn``: it may tell less than before, because releases were withdrawn;
    ``partial``: some of its files were missed."""

    now: datetime
    withdrawn: bool = False
    partial: bool = False


Join = Callable[[pa.Table, pa.Table | None, Occasion], pa.Table]
"""(what a source tells now, its former rows or None, the occasion) -> its rows."""

_AHEAD = timedelta(days=2)
_KEPT_FOR = timedelta(days=731)
_KEPT_ROWS = 1_000
"""Of a component and feed. Security intelligence has a row for every day on which it was read."""

_MONTHS_AHEAD = 2
_OLDEST_MONTHS = {"agent_macos": 9, "agent_linux": 9, "av_engine": 6, "av_platform": 6}
"""A feed of the newest release that tells one of an earlier month is an old copy. Engine and platform come out about
every month; agents expire after six (macOS) and nine months (Linux)."""
_OLDEST_COPY = timedelta(days=14)
"""Security intelligence is published several times a day."""
_OLDEST_PAGE = timedelta(days=180)
"""The release notes cover six months."""

_SENSOR, _SENSOR_JUMP = 8797, 500
"""The sensor's number of May 2025, which rises by some 60 a year."""
_INTELLIGENCE, _INTELLIGENCE_AT, _INTELLIGENCE_JUMP = 449, 2026 * 12 + 3, 100
"""The second number of security intelligence in March 2026; it rises by two a month. Five are allowed for."""


def joined_feed(told: pa.Table, former: pa.Table | None, occasion: Occasion) -> pa.Table:
    """Of a feed that tells the newest release, or all that can be had today. Raises Unreadable for an old copy.

    A release that is withdrawn is believed to be only on an occasion that says so; then the newer former rows go.
    """
    now = occasion.now
    rows, before = _rows(told, now), _rows(former, now)
    _refuse_unbelievable(rows, before, now)
    _refuse_old(rows, now)
    if not (occasion.withdrawn or occasion.partial):
        _refuse_older(rows, before)
    return _joined(rows, before, occasion, told.schema)


def joined_page(told: pa.Table, former: pa.Table | None, occasion: Occasion) -> pa.Table:
    """Of a page with a date of its own. A page that is not older than the former one may correct it: what it no longer
    tells is gone, save for what lies before its first release. Raises Unreadable for an old copy."""
    now = occasion.now
    rows, before = _rows(told, now), _rows(former, now)
    _refuse_unbelievable(rows, before, now)
    listed = _latest(rows)
    if now - listed > _OLDEST_PAGE:
        raise Unreadable(f"it is an old copy, of {listed.date()}")
    if not occasion.withdrawn and before and listed < _latest(before):
        raise LessThanBefore(f"it is an old copy, of {listed.date()}, where there was one of {_latest(before).date()}")
    return _joined(rows, before, occasion, told.schema)


def joined_catalogue(told: pa.Table, former: pa.Table | None, occasion: Occasion) -> pa.Table:
    """Of a catalogue file, which replaces its former self: whoever keeps one may correct it. Raises Unreadable for
    versions of a month that has not come."""
    rows = _rows(told, occasion.now)
    for row in rows:
        _refuse_future(row, occasion.now)
    return pa.Table.from_pylist(rows, schema=told.schema)


def dated_by_others(rows: pa.Table) -> pa.Table:
    """The rows of all sources, where a release without a date gets the earliest one that another source has for it."""
    listed = rows.to_pylist()
    dates: dict[tuple[str, str], datetime] = {}
    for row in listed:
        if row["released_at"] is not None:
            key = row["component"], row["version"]
            dates[key] = min(dates.get(key, row["released_at"]), row["released_at"])
    for row in listed:
        if row["released_at"] is None:
            row["released_at"] = dates.get((row["component"], row["version"]))
    return pa.Table.from_pylist(listed, schema=rows.schema)


def _rows(table: pa.Table | None, now: datetime) -> list[ReleaseRow]:
    """The rows, none of them listed later than now. Raises Unreadable for a date that has not come."""
    rows: list[ReleaseRow] = [] if table is None else table.to_pylist()
    for row in rows:
        if row["listed_at"] > now + _AHEAD:
            raise Unreadable(f"it is dated {row['listed_at'].date()}, a day that has not come")
        row["listed_at"] = min(row["listed_at"], now)
    return rows


def _refuse_unbelievable(rows: Iterable[ReleaseRow], before: Iterable[ReleaseRow], now: datetime) -> None:
    newest = {component: max(int(row["release"]) for row in some) for component, some in _by_component(before).items()}
    for row in rows:
        _refuse_future(row, now)
        component, release = row["component"], row["release"]
        if component == "agent_windows" and int(release) > newest.get(component, _SENSOR) + _SENSOR_JUMP:
            raise _Jump(row)
        if component == "av_intelligence":
            reached = _INTELLIGENCE + 5 * max(0, now.year * 12 + now.month - _INTELLIGENCE_AT)
            if component in newest:
                reached = intelligence_series(str(newest[component]))
            if intelligence_series(release) > reached + _INTELLIGENCE_JUMP:
                raise _Jump(row)


class _Jump(Unreadable):
    """A number that no release can have yet."""

    def __init__(self, row: ReleaseRow) -> None:
        super().__init__(f"{row['component']} {row['version']} is far ahead of every release before it")


def _refuse_future(row: ReleaseRow, now: datetime) -> None:
    number = _month_number(row)
    if number is not None and number > _yymm(now, _MONTHS_AHEAD):
        raise Unreadable(f"{row['component']} {row['version']} is of a month that has not come")


def _month_number(row: ReleaseRow) -> int | None:
    """YYMM of a release (26090 has a digit after it); None for components without a month in them."""
    match row["component"]:
        case "agent_macos" | "agent_linux":
            return int(row["release"])
        case "av_engine" | "av_platform":
            return int(row["release"][:4])
        case _:
            return None


def _yymm(now: datetime, months: int) -> int:
    count = now.year * 12 + now.month - 1 + months
    return count // 12 % 100 * 100 + count % 12 + 1


def _refuse_old(rows: Iterable[ReleaseRow], now: datetime) -> None:
    """An old copy by what it says itself, whatever was told before."""
    for component, some in _by_component(rows).items():
        newest = max(some, key=_order)
        number = _month_number(newest)
        if number is not None and number < _yymm(now, -_OLDEST_MONTHS[component]):
            raise Unreadable(f"it is an old copy: {component} {newest['version']} is the newest in it")
        if now - newest["listed_at"] > _OLDEST_COPY:
            raise Unreadable(f"it is an old copy, of {newest['listed_at'].date()}")


def _refuse_older(rows: Iterable[ReleaseRow], before: Iterable[ReleaseRow]) -> None:
    """An old copy, because the feed told newer releases before."""
    former = _by_component(before)
    for component, some in _by_component(rows).items():
        newest = max(some, key=_order)
        known = max(former.get(component, [newest]), key=_order)
        if _order(newest) < _order(known):
            raise LessThanBefore(
                f"it is an old copy: {component} {newest['version']} is the newest in it, and {known['version']} was"
            )


def _joined(rows: list[ReleaseRow], before: list[ReleaseRow], occasion: Occasion, schema: pa.Schema) -> pa.Table:
    former = {(row["component"], row["version"]): row for row in before}
    known = {row["component"] for row in before}
    today = occasion.now.replace(hour=0, minute=0, second=0, microsecond=0)
    joined = []
    for row in rows:
        first = former.pop((row["component"], row["version"]), None)
        joined.append(row | {"released_at": _released(row, first, known, today)})
    oldest = {component: min(map(_order, some)) for component, some in _by_component(rows).items()}
    joined += [
        row
        for row in former.values()
        if occasion.partial or row["component"] not in oldest or _order(row) < oldest[row["component"]]
    ]
    return pa.Table.from_pylist(list(_bounded(joined, occasion.now)), schema=schema)


def _released(row: ReleaseRow, first: ReleaseRow | None, known: set[str], today: datetime) -> datetime | None:
    """The day of the release. One that came up since the component was read before came out today at the latest; one
    that was there when the component was first read may be of any day."""
    if first is not None:
        days: list[datetime] = [day for day in (first["released_at"], row["released_at"]) if day is not None]
        return min(days, default=None)
    told: datetime | None = row["released_at"]
    if told is not None:
        # The month of a release is that of its last day; what is listed is out.
        return min(told, today)
    return today if row["component"] in known else None


def _bounded(rows: Iterable[ReleaseRow], now: datetime) -> Iterable[ReleaseRow]:
    for some in _by_component(rows).values():
        recent = [row for row in some if now - row["listed_at"] <= _KEPT_FOR]
        yield from sorted(recent, key=_order, reverse=True)[:_KEPT_ROWS]


def _by_component(rows: Iterable[ReleaseRow]) -> Mapping[str, list[ReleaseRow]]:
    found: dict[str, list[ReleaseRow]] = defaultdict(list)
    for row in rows:
        found[row["component"]].append(row)
    return found


def _order(row: ReleaseRow) -> tuple[int, tuple[int, ...]]:
    return int(row["release"]), order_of(row["version"])


def _latest(rows: Iterable[ReleaseRow]) -> datetime:
    latest: datetime = max(row["listed_at"] for row in rows)
    return latest
