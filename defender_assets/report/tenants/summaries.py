"""The newest fleet summary of each tenant, and which of them are of one day.

Here: reading them, and what is to be said of a tenant without one. Not here: adding them up (``sums.py``).

A tenant counts in the sums if it was judged on the day that they are of. One that was judged before, never, or whose
file cannot be read, is shown and named, and is in no sum: missing numbers make a sum one of fewer tenants, never a
better one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from ...catalog.derived.fleet import FLEET_SUMMARY
from ...catalog.devices import MACHINES
from ...lake import Lake, LakeError, NoSnapshot, UnreadableSnapshot
from ...lake.files import Files
from ...lake.layout import PartFile, newest_parts
from ..publishing import COMPLIANCE_REPORT, REPORT_FILE


class State(StrEnum):
    """What a tenant has for the day of the sums."""

    JUDGED = "judged"
    OLDER = "older"
    ABSENT = "absent"
    UNREADABLE = "damaged"


@dataclass(frozen=True)
class TenantSummary:
    """A tenant. ``day`` is that of its ``numbers`` (column of fleet_summary -> value), None where it has none;
    ``has_report``: its own report of that day is in the lake."""

    tenant: str
    state: State
    day: date | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    has_report: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is in the sums."""
        return self.state is State.JUDGED

    @property
    def as_of(self) -> datetime | None:
        """The moment that it was judged at."""
        moment: datetime | None = self.numbers.get("as_of")
        return moment

    @property
    def absent_inputs(self) -> list[str]:
        """Tables that it was judged without."""
        return [name.strip() for name in (self.text("absent_inputs") or "").split(",") if name.strip()]

    def number(self, column: str) -> int | None:
        """A number of it; None where that is not known."""
        value = self.numbers.get(column)
        return None if value is None else int(value)

    def text(self, column: str) -> str | None:
        """A text of it, likewise."""
        value = self.numbers.get(column)
        return None if value is None else str(value)


@dataclass(frozen=True)
class Summaries:
    """All tenants on one day, in the order they are listed. ``unlisted``: further tenants of the lake."""

    day: date
    tenants: tuple[TenantSummary, ...]
    unlisted: tuple[str, ...] = ()

    @property
    def counted(self) -> list[TenantSummary]:
        """Those that are in the sums."""
        return [each for each in self.tenants if each.counts]

    @property
    def not_counted(self) -> list[TenantSummary]:
        """The others."""
        return [each for each in self.tenants if not each.counts]


def summaries_of(lake: Lake, listed: Sequence[str] = (), day: date | None = None) -> Summaries | None:
    """The tenants on ``day``, by default the newest on which one of them was judged; None where none ever was.

    ``lake`` is that of all tenants. Without a list the tenants are those of the lake. Raises LakeError."""
    if day is None:
        parts = {part.tenant: part for part in lake.newest_parts(FLEET_SUMMARY.name)}
    else:
        # Of a day that has passed: what was known of each tenant by then.
        parts = {part.tenant: part for part in newest_parts(lake.parts(FLEET_SUMMARY.name, date.min, day))}
    tenants = tuple(listed) or tuple(sorted(parts.keys() | {part.tenant for part in lake.newest_parts(MACHINES.name)}))
    days = [parts[tenant].date for tenant in tenants if tenant in parts]
    if not days:
        return None
    lake.storage.fetch_together(list(parts.values()))
    of_day = day or max(days)
    return Summaries(
        of_day,
        tuple(_summary(lake, tenant, parts.get(tenant), of_day) for tenant in tenants),
        tuple(sorted(parts.keys() - set(tenants))),
    )


def _summary(lake: Lake, tenant: str, part: PartFile | None, day: date) -> TenantSummary:
    if part is None:
        return TenantSummary(tenant, State.ABSENT)
    try:
        rows = [row for batch in lake.part_batches(part) for row in batch.to_pylist()]
    except NoSnapshot:  # removed meanwhile
        return TenantSummary(tenant, State.ABSENT)
    except UnreadableSnapshot:
        return TenantSummary(tenant, State.UNREADABLE, part.date)
    if len(rows) != 1:
        return TenantSummary(tenant, State.UNREADABLE, part.date)
    state = State.JUDGED if part.date == day else State.OLDER
    return TenantSummary(tenant, state, part.date, rows[0], _has_report(lake, tenant, part.date))


def _has_report(lake: Lake, tenant: str, day: date) -> bool:
    try:
        return Files(lake.storage, tenant).is_there(COMPLIANCE_REPORT, day, REPORT_FILE)
    except LakeError:
        return False
