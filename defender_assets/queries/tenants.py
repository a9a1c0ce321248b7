"""The newest fleet summary of each tenant, and which of them are of one day.

Here: reading them, what is to be said of a tenant without one, and the view ``tenants``. Not here: adding them up
(``questions/tenants.sql``, and for the report over all tenants ``report/tenants/sums.py``).

A tenant counts in the sums if it was judged on the day that they are of. One that was judged before, never, or whose
file cannot be read, is shown and named, and is in no sum: missing numbers make a sum one of fewer tenants, never a
better one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from ..catalog.derived.fleet import FLEET_SUMMARY
from ..catalog.devices import MACHINES
from ..lake import Lake, NoSnapshot, UnreadableSnapshot
from ..lake.layout import DAY, TENANT, PartFile, newest_parts

TENANTS = "tenants"
"""The view with a row for each tenant."""


class State(StrEnum):
    """What a tenant has for the day of the sums."""

    JUDGED = "judged"
    OLDER = "older"
    ABSENT = "absent"
    UNREADABLE = "damaged"
    UNLISTED = "not listed"


@dataclass(frozen=True)
class TenantSummary:
    """A tenant. ``day`` is that of its ``numbers`` (column of fleet_summary -> value), None where it has none;
    ``reason``: why it is in no sum, and ``remedy`` what to do about a file that is damaged."""

    tenant: str
    state: State
    day: date | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    remedy: str = ""

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


def summaries_of(lake: Lake, day: date | None = None) -> Summaries | None:
    """The tenants on ``day``, by default the newest on which one of them was judged; None where none ever was.

    The tenants are those that the lake is told of (``Lake.listed``), without a list those that it holds. Raises
    LakeError."""
    if day is None:
        parts = {part.tenant: part for part in lake.newest_parts(FLEET_SUMMARY.name)}
    else:
        # Of a day that has passed: what was known of each tenant by then.
        parts = {part.tenant: part for part in newest_parts(lake.parts(FLEET_SUMMARY.name, date.min, day))}
    tenants = _expected(lake, parts)
    lake.storage.fetch_together(list(parts.values()))
    found = [_read(lake, tenant, parts.get(tenant)) for tenant in tenants]
    if not any(each.day for each in found):
        return None
    # A file that cannot be read tells of no day: the others would all be judged before it.
    of_day = day or max(each.day for each in found if each.day and (each.numbers or not any(f.numbers for f in found)))
    return Summaries(of_day, tuple(_on_day(each, of_day) for each in found), tuple(sorted(parts.keys() - set(tenants))))


def tenants_table(lake: Lake) -> pa.Table:
    """The view ``tenants``: a row for each tenant that there ought to be, and for each other that the lake holds, with
    its ``state``, the day and numbers of its newest fleet_summary, and the ``reason`` why it is in no sum."""
    found = summaries_of(lake)
    if found is None:
        each_of = tuple(_read(lake, tenant, None) for tenant in _expected(lake, {}))
    else:
        each_of = found.tenants + tuple(
            TenantSummary(tenant, State.UNLISTED, reason="The list of tenants lacks it.") for tenant in found.unlisted
        )
    rows = [
        {TENANT: each.tenant, "state": str(each.state), DAY: each.day, "reason": each.reason, **each.numbers}
        for each in each_of
    ]
    own = [pa.field(TENANT, pa.string()), pa.field("state", pa.string()), pa.field(DAY, pa.date32())]
    return pa.Table.from_pylist(
        rows, pa.schema([*own, *FLEET_SUMMARY.schema, pa.field("reason", pa.string())]).remove_metadata()
    )


def _expected(lake: Lake, parts: Mapping[str, PartFile]) -> tuple[str, ...]:
    if lake.tenant is not None:
        return (lake.tenant,)
    return lake.listed or tuple(sorted(parts.keys() | {part.tenant for part in lake.newest_parts(MACHINES.name)}))


def _read(lake: Lake, tenant: str, part: PartFile | None) -> TenantSummary:
    absent = TenantSummary(tenant, State.ABSENT, reason=f"The lake has no {FLEET_SUMMARY.name} of it: never judged.")
    if part is None:
        return absent
    try:
        rows = [row for batch in lake.part_batches(part) for row in batch.to_pylist()]
    except NoSnapshot:  # removed meanwhile
        return absent
    except UnreadableSnapshot as error:
        damaged = error
    else:
        if len(rows) == 1:
            return TenantSummary(tenant, State.JUDGED, part.date, rows[0])
        damaged = lake.damaged(part)
    return TenantSummary(tenant, State.UNREADABLE, part.date, reason=damaged.what, remedy=damaged.remedy)


def _on_day(each: TenantSummary, day: date) -> TenantSummary:
    if each.state is not State.JUDGED or each.day == day:
        return each
    return replace(each, state=State.OLDER, reason=f"It was last judged on {each.day}, before {day}.")
