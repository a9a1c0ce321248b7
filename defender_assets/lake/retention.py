"""Which partitions stay, and which would be removed, by the rules of ``DEFENDER_RETENTION``.

Here: the decision, and the looks at the lake that it needs. Not here: reading the rules (``settings/retention.py``),
removing anything (``pruning.py``).

Beyond the rules, these stay:

* the newest partition of each table, and what is of a day to come;
* each day of an event table that the service still remembers: the next refresh would fetch it again;
* everything, as long as nothing new comes: "the last 30 days" are those before the newest day in the lake, so a refresh
  that stopped, or a clock that is wrong, costs no history. A few days that a wrong clock made
  do not count as new.

One day stands for a week or month in all tables alike, so that what stays can be joined and computed again: the day
which the most tables have, the newest of several. A table that lacks it keeps its own best one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ..catalog import DATASETS, EVENT_TABLES
from ..settings import Keep, Retention
from ..tenant import ALL_TENANTS
from .lake import Lake
from .layout import is_table, tenant_folder

_MONTH_DAYS = 31
_REGULAR = 4
"""So many days within a month are a history that goes on, day by day or week by week."""
_FEW = 3
"""So many days after a pause of more than a month may be of a wrong clock; more are a refresh that went on."""


@dataclass(frozen=True)
class TablePlan:
    """What becomes of a table's days: those that are kept, and those that are removed with the bytes of their files.
    ``counted_from`` is the day that the rule's days end with. ``remembered_days``: so many days stay although the rule
    says fewer, because the service still has them."""

    table: str
    keep: Keep
    kept: tuple[date, ...]
    removed: Mapping[date, int]
    bytes: int
    counted_from: date
    remembered_days: int | None = None

    @property
    def freed(self) -> int:
        """The bytes of what is removed."""
        return sum(self.removed.values())

    @property
    def in_effect(self) -> Keep:
        """The rule with the days in it that the service still has."""
        return self.keep if self.remembered_days is None else replace(self.keep, days=self.remembered_days)


def planned(lake: Lake, rules: Retention, today: date) -> list[TablePlan]:
    """What the rules mean for each table of a tenant's lake, reports included, by name; in the lake of all tenants, for
    the pages over all of them. ``today`` is the UTC day. Raises LakeError."""
    held = {
        name: days
        for name in lake.storage.folders("")
        if is_table(name) and (days := lake.storage.bytes_by_day(tenant_folder(name, lake.tenant or ALL_TENANTS)))
    }
    tables_of = Counter(day for days in held.values() for day in days)
    newest = _newest([day for day in tables_of if day <= today], today)
    return [_plan(name, held[name], rules.of(name), newest, today, tables_of) for name in sorted(held)]


def days_apart(plans: Sequence[TablePlan], today: date) -> str:
    """Which days of a lake its rules are not counted from, and what to do about them, in a sentence; empty where there
    are none."""
    apart = sorted({day for plan in plans for day in plan.kept if plan.counted_from < day <= today})
    if not apart:
        return ""
    return (
        f"Days are counted back from {plans[0].counted_from}, because more than a month is between it and "
        f"{', '.join(map(str, apart))}. If a wrong clock made that, delete its folders; if a refresh went on after a "
        "pause, it counts once four days are there."
    )


def _newest(days: Collection[date], default: date) -> date:
    """The day that "the last 30 days" end with: the newest, unless a few stand far from a regular history before
    them. A refresh under a clock that is months ahead must not make that history old."""
    descending = sorted(days, reverse=True)
    for after in range(1, min(_FEW, len(descending) - 1) + 1):
        newer, last = descending[after - 1], descending[after]
        is_regular = sum((last - day).days < _MONTH_DAYS for day in descending[after:]) >= _REGULAR
        if (newer - last).days > _MONTH_DAYS and is_regular:
            return last
    return descending[0] if descending else default


def _plan(
    table: str, held: Mapping[date, int], keep: Keep, newest: date, today: date, tables_of: Mapping[date, int]
) -> TablePlan:
    kept = kept_days(held, keep, newest, tables_of)
    remembered = DATASETS[table].remembered_days if table in EVENT_TABLES else None
    if remembered is not None:
        kept |= {day for day in held if today.toordinal() - day.toordinal() < remembered}
    kept |= {max((day for day in held if day <= today), default=max(held))}
    return TablePlan(
        table,
        keep,
        tuple(sorted(kept)),
        {day: held[day] for day in sorted(set(held) - kept)},
        sum(held.values()),
        newest,
        remembered if remembered is not None and keep.days is not None and keep.days < remembered else None,
    )


def kept_days(held: Collection[date], keep: Keep, newest: date, tables_of: Mapping[date, int]) -> set[date]:
    """Those of the days that the rule keeps, counted back from ``newest``; ``tables_of``: how many tables have a
    day."""
    if keep.days is None:
        return set(held)
    # Numbers and not dates, because nobody can be kept from asking for a hundred thousand days.
    kept = {day for day in held if newest.toordinal() - day.toordinal() < keep.days}
    for number_of, periods in ((_week, keep.weeks), (_month, keep.months)):
        for days in _by_period(held, number_of, number_of(newest) - periods).values():
            kept.add(max(days, key=lambda day: (tables_of.get(day, 0), day)))
    return kept


def _by_period(held: Collection[date], number_of: Callable[[date], int], after: int) -> dict[int, list[date]]:
    found: dict[int, list[date]] = {}
    for day in held:
        if (number := number_of(day)) > after:
            found.setdefault(number, []).append(day)
    return found


def _week(day: date) -> int:
    """Monday begins a week, as in ISO 8601; 0001-01-01 was one."""
    return (day.toordinal() - 1) // 7


def _month(day: date) -> int:
    return day.year * 12 + day.month
