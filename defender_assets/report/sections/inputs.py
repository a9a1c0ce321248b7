"""The inputs of the report: how old each was when the day was judged, and which were absent.

Here: facts from the files' own metadata, with the policy's limits. Not here: what follows from them (``caveats.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ...catalog import DATASETS, DERIVED, REFERENCE, TABLES
from ...compliance import Policy
from ...lake.facts import facts_of, feeds_in, kept_because, time_in
from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class FeedAge:
    """One of several public feeds that an input is from: where it was read, when, and why older rows were kept."""

    name: str
    source: str
    fetched_at: datetime | None
    dated: datetime | None
    kept_because: str | None


@dataclass(frozen=True)
class InputAge:
    """An input. ``age`` is at the moment of judging, from ``observed_at`` or, for a public feed, from its own date.
    ``needed_by`` are the derived tables that cannot do without it; ``kept_because`` is why a feed's older rows were
    kept; ``feeds`` are those of an input that has several."""

    table: str
    title: str
    day: date | None
    rows: int | None
    observed_at: datetime | None
    oldest_at: datetime | None
    dated: datetime | None
    age: timedelta | None
    limit: timedelta | None
    kept_because: str | None
    needed_by: tuple[str, ...]
    feeds: tuple[FeedAge, ...] = ()

    @property
    def is_absent(self) -> bool:
        return self.day is None

    @property
    def is_old(self) -> bool:
        """Older than the policy's freshness limit."""
        return self.age is not None and self.limit is not None and self.age > self.limit


@dataclass(frozen=True)
class OldestRow:
    """When the oldest row of an input was observed; of inputs that are fetched device by device."""

    input: str
    oldest_at: datetime | None


def input_ages(snapshot: DaySnapshot, policy: Policy, as_of: datetime | None) -> list[InputAge]:
    """Every fetched and reference table that a derived table is made from."""
    oldest = {row.input: row.oldest_at for row in snapshot.all(OldestRow, "oldest_rows")}
    return [
        _age(snapshot, name, policy, as_of, oldest.get(name))
        for name in (*DATASETS, *REFERENCE)
        if any(name in (*table.inputs, *table.optional_inputs) for table in DERIVED.values())
    ]


def _age(
    snapshot: DaySnapshot, name: str, policy: Policy, as_of: datetime | None, oldest_at: datetime | None
) -> InputAge:
    facts = snapshot.metadata.get(name, {})
    observed_at, dated = time_in(facts, "observed_at"), time_in(facts, "dated")
    since = dated or time_in(facts, "fetched_at") or observed_at
    hours = policy.document.checks.freshness_hours.get(name)
    day = snapshot.days.get(name)
    return InputAge(
        table=name,
        title=TABLES[name].title,
        day=day,
        rows=snapshot.lake.rows(name, day) if day else None,
        observed_at=observed_at,
        oldest_at=oldest_at,
        dated=dated,
        age=max(as_of - since, timedelta()) if as_of and since else None,
        limit=timedelta(hours=hours) if hours else None,
        kept_because=kept_because(facts),
        needed_by=tuple(table.name for table in DERIVED.values() if name in table.inputs),
        feeds=tuple(_feed(facts, feed) for feed in feeds_in(facts)),
    )


def _feed(facts: Mapping[str, str], name: str) -> FeedAge:
    own = facts_of(facts, name)
    return FeedAge(name, own.get("source", ""), time_in(own, "fetched_at"), time_in(own, "dated"), kept_because(own))


@dataclass(frozen=True)
class JudgedTable:
    """The policy that a derived table of the day was judged by, as its file says."""

    policy: str | None
    digest: str | None


def judged_tables(snapshot: DaySnapshot) -> tuple[list[JudgedTable], list[str]]:
    """(the derived tables of the day, the titles of those that are absent and not left out on purpose)."""
    judged, absent = [], []
    for name, table in DERIVED.items():
        if snapshot.has(name):
            facts = snapshot.metadata[name]
            judged.append(JudgedTable(facts.get("policy"), facts.get("policy_digest")))
        elif name not in snapshot.left_out:
            absent.append(table.title)
    return judged, absent
