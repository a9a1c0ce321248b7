"""What the report rests on: every input, how old it was at the moment of judging, and which were absent.

Here: facts from the files' own metadata, beside the policy's limits. Not here: fetching anything again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ...catalog import DATASETS, DERIVED, REFERENCE, TABLES
from ...compliance import Policy
from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class InputAge:
    """An input. ``age`` is at the moment of judging, from ``observed_at`` or, for a public feed, from its own date.
    ``used_by`` are the results that need it or do without it; ``kept_because`` why a feed's older rows were kept."""

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
    used_by: tuple[str, ...]

    @property
    def is_absent(self) -> bool:
        return self.day is None

    @property
    def is_old(self) -> bool:
        """Older than the policy's freshness limit."""
        return self.age is not None and self.limit is not None and self.age > self.limit


@dataclass(frozen=True)
class OldestRow:
    """When the oldest row of an input was observed that is asked device by device."""

    input: str
    oldest_at: datetime | None


def input_ages(snapshot: DaySnapshot, policy: Policy, as_of: datetime | None) -> list[InputAge]:
    """Every fetched and reference table that a result is made from."""
    oldest = {row.input: row.oldest_at for row in snapshot.all(OldestRow, "oldest_rows")}
    return [
        _age(snapshot, name, policy, as_of, oldest.get(name))
        for name in (*DATASETS, *REFERENCE)
        if _users(name, needed=True) or _users(name, needed=False)
    ]


def _users(table: str, *, needed: bool) -> tuple[str, ...]:
    return tuple(
        derived.name for derived in DERIVED.values() if table in (derived.inputs if needed else derived.optional_inputs)
    )


def _age(
    snapshot: DaySnapshot, name: str, policy: Policy, as_of: datetime | None, oldest_at: datetime | None
) -> InputAge:
    facts = snapshot.metadata.get(name, {})
    observed_at, dated = _time(facts, "observed_at"), _time(facts, "dated")
    since = dated or _time(facts, "fetched_at") or observed_at
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
        kept_because=facts.get("reason") or "a later fetch failed" if facts.get("stale") == "true" else None,
        needed_by=_users(name, needed=True),
        used_by=_users(name, needed=False),
    )


def _time(facts: Mapping[str, str], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(facts[name]).astimezone(UTC)
    except (KeyError, ValueError):  # a file that another program wrote
        return None


@dataclass(frozen=True)
class Result:
    """A derived table of the day, and the policy its file says it was judged by."""

    table: str
    title: str
    policy: str | None
    digest: str | None


def results_of(snapshot: DaySnapshot) -> tuple[list[Result], list[str]]:
    """(the derived tables of the day, the titles of those that are absent)."""
    there, absent = [], []
    for name, table in DERIVED.items():
        if snapshot.has(name):
            facts = snapshot.metadata[name]
            there.append(Result(name, table.title, facts.get("policy"), facts.get("policy_digest")))
        else:
            absent.append(table.title)
    return there, absent
