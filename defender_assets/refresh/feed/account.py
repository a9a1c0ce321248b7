"""What became of the feeds of a day, in words and facts: how old the rows are, and why they are not fresh.

Here: sentences, facts and the check of the outcome. Not here: the decisions they are about (``reading.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...catalog import Table
from ...checks import Check
from ...quantity import quantity
from ..outcome import Fact, Markdown, Status
from .component_age import ComponentAge, component_ages
from .reading import FeedReading

FRESH = "is_fresh"
_EXAMPLES = 3


@dataclass(frozen=True)
class Account:
    """The check and the facts of an outcome."""

    check: Check
    facts: Mapping[str, Fact]


def account_of(
    table: Table, readings: Sequence[FeedReading], status: Status, rows: int, now: datetime, limit_days: int | None
) -> Account:
    """``rows`` is the number of rows of the day. ``limit_days``: from how many days on a component of several feeds is
    out of date; by default the feeds' own limit."""
    if len(readings) == 1:
        return _of_one(table.name, readings[0], rows, now)
    limit = readings[0].feed.fresh_for if limit_days is None else timedelta(days=limit_days)
    return _of_several(table.name, readings, status, rows, now, limit)


def _of_one(name: str, reading: FeedReading, rows: int, now: datetime) -> Account:
    age, provenance = reading.age(now), reading.provenance
    fresh = age is not None and age <= reading.feed.fresh_for
    sentence = _sentence(name, reading, rows, age, fresh)
    facts: dict[str, Fact | None] = {
        "status": reading.status.value,
        "summary": sentence,
        "source": provenance.source if provenance else None,
        "fetched at": provenance.fetched_at if provenance else None,
        "feed dated": provenance.dated if provenance else None,
        "reason": reading.reason,
        "what to do": reading.remedy,
        "age in days": None if age is None else round(age / timedelta(days=1), 2),
        **_unreadable([reading]),
    }
    return Account(Check(FRESH, reading.status is Status.OFF or fresh, sentence), _known(facts))


def _sentence(name: str, reading: FeedReading, rows: int, age: timedelta | None, fresh: bool) -> str:
    why = f" ({reading.reason})" if reading.reason else ""
    match reading.status:
        case Status.OFF:
            return f"{name} is switched off; the columns that need it are empty."
        case Status.ABSENT:
            return f"{name} is absent{why}; the columns that need it are empty."
        case Status.KEPT:
            return f"{name} could not be fetched{why}; its {rows:,} former rows are kept, {_old(age)}."
    late = "" if fresh else ", which is older than it should be"
    return f"{name} has {rows:,} rows, {_old(age)}{late}."


def _of_several(
    name: str, readings: Sequence[FeedReading], status: Status, rows: int, now: datetime, limit: timedelta
) -> Account:
    ages = component_ages(readings)
    late = [age for age in ages if age.is_late(now, limit)]
    failed = [reading for reading in readings if reading.reason is not None]
    sentence = " ".join(_sentences(name, status, rows, ages, late, failed, now))
    facts: dict[str, Fact | None] = {
        "status": status.value,
        "summary": sentence,
        "components": Markdown("\n".join(_component_lines(ages, now, limit))) if ages else None,
        **{reading.feed.name: _feed_words(reading) for reading in readings},
        "reason": "; ".join(f"{each.feed.name}: {each.reason}" for each in failed) or None,
        "what to do": "; ".join(f"{each.feed.name}: {each.remedy}" for each in failed) or None,
        **_unreadable(readings),
    }
    check = Check(
        FRESH, status is Status.OFF or not late, sentence, numbers={"components that are not up to date": len(late)}
    )
    return Account(check, _known(facts))


def _sentences(
    name: str,
    status: Status,
    rows: int,
    ages: Sequence[ComponentAge],
    late: Sequence[ComponentAge],
    failed: Sequence[FeedReading],
    now: datetime,
) -> Iterator[str]:
    if status is Status.OFF:
        yield f"{name} is switched off; the newest releases are inferred from the fleet."
        return
    if status is Status.ABSENT:
        yield f"{name} is absent; the newest releases are inferred from the fleet."
    else:
        yield f"{name} has {rows:,} rows."
    current = [age for age in ages if age not in late]
    if current:
        yield f"Up to date: {', '.join(f'{age.component} {age.release} ({age.feed})' for age in current)}."
    if late:
        last = ", ".join(f"{age.component} ({_listed(age, now)})" for age in late)
        yield f"Not up to date, so the newest releases are inferred from the fleet: {last}."
    if failed:
        yield f"Not read: {'; '.join(f'{reading.feed.name} ({reading.reason})' for reading in failed)}."


def _listed(age: ComponentAge, now: datetime) -> str:
    if age.listed_at is None:
        return "never listed"
    return f"last listed by {age.feed} {quantity((now - age.listed_at).days, 'day')} ago"


def _component_lines(ages: Sequence[ComponentAge], now: datetime, limit: timedelta) -> Iterator[str]:
    yield "| component | newest release | told by | last listed | up to date |"
    yield "|---|---|---|---|---|"
    for age in ages:
        listed = f"{age.listed_at:%Y-%m-%d %H:%M}" if age.listed_at else "–"
        fresh = "no" if age.is_late(now, limit) else "yes"
        yield f"| {age.component} | {age.release or '–'} | {age.feed or '–'} | {listed} | {fresh} |"


def _feed_words(reading: FeedReading) -> str:
    provenance = reading.provenance
    kept = 0 if reading.rows is None else reading.rows.num_rows
    if reading.status is Status.OFF:
        return "switched off" + (f"; {quantity(kept, 'earlier row')} kept" if kept else "")
    if provenance is None:
        return f"absent: {reading.reason}"
    read = f"{provenance.source}, read {provenance.fetched_at:%Y-%m-%d %H:%M} UTC"
    if reading.status is Status.KEPT:
        return f"{quantity(kept, 'former row')} of {read}"
    before = f"; {quantity(kept - reading.told, 'earlier row')} kept" if kept > reading.told else ""
    missed = f"; missed: {'; '.join(reading.missed)}" if reading.missed else ""
    return f"{quantity(reading.told, 'release')} told by {read}{before}{missed}"


def _unreadable(readings: Sequence[FeedReading]) -> dict[str, Fact | None]:
    examples = [example for reading in readings for example in reading.examples]
    return {
        "unreadable entries": sum(reading.unreadable for reading in readings) or None,
        "unreadable, for example": "; ".join(examples[:_EXAMPLES]) or None,
    }


def _old(age: timedelta | None) -> str:
    days = age.days if age else 0
    return "less than a day old" if days == 0 else f"{quantity(days, 'day')} old"


def _known(facts: Mapping[str, Fact | None]) -> dict[str, Fact]:
    return {name: fact for name, fact in facts.items() if fact is not None}
