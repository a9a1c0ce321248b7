"""The setting ``DEFENDER_RETENTION``: which days of the lake stay when it is pruned.

Here: reading it, and the rule of each table. Not here: which partitions that means (``lake/retention.py``), removing
them (``lake/pruning.py``).

It has a rule for all tables and, after semicolons, rules of some: names or patterns, a colon, the rule.

    30 days, 26 weeks, 24 months; software_*: 15 days, 8 weeks; alerts: 400 days; endpoint_status: all
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..catalog import EVENT_TABLES
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..quantity import quantity
from ..sanitize import redacted
from ..spelling import did_you_mean
from .errors import Problem, SettingsError
from .variables import variable

RETENTION_VARIABLE = variable("retention")
FEWEST_DAYS = 15
"""Tables are made from inputs that are up to 14 days older (``LAG`` in ``refresh/inputs.py``), and compared with days
before them."""
KEPT_WHOLE = EVENT_TABLES | {FLEET_SUMMARY.name}
"""Tables of which all stays unless they are named in full: events that the service forgets, each day's once, and the
one row a day that the report draws its trends from."""

_LONGEST = 60
_ALL = "all"
_AMOUNT = re.compile(r"(\d{1,6})\s*(d|days?|w|weeks?|m|months?)", re.ASCII)
_HOW = "say how many days, weeks and months stay, such as 30 days, 26 weeks, 24 months, or all"


@dataclass(frozen=True)
class Keep:
    """What stays of a table: all of the last ``days``, one day of each of the last ``weeks`` (ISO, from Monday) and one
    of each of the last ``months``. ``days`` None: everything."""

    days: int | None = None
    weeks: int = 0
    months: int = 0

    def __str__(self) -> str:
        if self.days is None:
            return _ALL
        amounts = {"day": self.days, "week": self.weeks, "month": self.months}
        return ", ".join(quantity(amount, unit) for unit, amount in amounts.items() if amount)


KEEP_ALL = Keep()


@dataclass(frozen=True)
class Retention:
    """The rule of each table: ``general``, but for those that have their own."""

    general: Keep = KEEP_ALL
    own: Mapping[str, Keep] = field(default_factory=dict)

    def of(self, table: str) -> Keep:
        """What stays of the table."""
        return self.own.get(table, KEEP_ALL if table in KEPT_WHOLE else self.general)


def retention(text: str | None, tables: Collection[str], *, named: str = RETENTION_VARIABLE) -> Retention | None:
    """The rules in ``text``, for ``tables``; None where there are none. A table that is named in full has that rule,
    else that of the last pattern which matches it. Raises SettingsError, which calls the setting by what it is
    ``named``, with everything that is wrong."""
    problems: list[Problem] = []
    general: list[Keep] = []
    by_pattern: dict[str, Keep] = {}
    by_name: dict[str, Keep] = {}
    for entry in filter(None, (entry.strip().lower() for entry in re.split(r"[;\n]", text or ""))):
        names, colon, rule = entry.rpartition(":")
        keep = _keep(rule, named)
        if isinstance(keep, Problem):
            problems.append(keep)
            continue
        if not colon:
            general.append(keep)
            continue
        for name in (name.strip() for name in names.split(",")):
            if problem := _unknown(name, tables, named):
                problems.append(problem)
            elif name in by_name or name in by_pattern:
                problems.append(Problem(named, f"has two rules for {name}", "leave one of them out"))
            else:
                (by_name if name in tables else by_pattern)[name] = keep
    if len(general) > 1:
        problems.append(Problem(named, "has two rules for all tables", "name the tables of one of them before a colon"))
    if problems:
        raise SettingsError(*problems)
    if not general and not by_pattern and not by_name:
        return None
    own = {
        table: keep
        for pattern, keep in by_pattern.items()
        for table in tables
        if table not in KEPT_WHOLE and fnmatchcase(table, pattern)
    }
    return Retention(general[0] if general else KEEP_ALL, own | by_name)


def _keep(rule: str, named: str) -> Keep | Problem:
    rule = rule.strip()
    if rule == _ALL:
        return KEEP_ALL
    amounts: dict[str, int] = {}
    for part in (part.strip() for part in rule.split(",")):
        found = _AMOUNT.fullmatch(part)
        if found is None:
            return Problem(named, f"has a rule that cannot be understood: '{redacted(rule, _LONGEST)}'", _HOW)
        unit = found[2][0]
        if unit in amounts:
            return Problem(named, f"says twice how many {_UNITS[unit]} stay: '{redacted(rule, _LONGEST)}'", _HOW)
        amounts[unit] = int(found[1])
    if amounts.get("d", 0) < FEWEST_DAYS:
        return Problem(
            named,
            f"keeps fewer than {FEWEST_DAYS} days: '{redacted(rule, _LONGEST)}'",
            f"say at least {FEWEST_DAYS} days: tables are made from inputs that are up to {FEWEST_DAYS - 1} days older",
        )
    return Keep(amounts["d"], amounts.get("w", 0), amounts.get("m", 0))


_UNITS = {"d": "days", "w": "weeks", "m": "months"}


def _unknown(name: str, tables: Collection[str], named: str) -> Problem | None:
    if any(fnmatchcase(table, name) for table in tables):
        return None
    shown = redacted(name, _LONGEST)
    remedy = did_you_mean(name, tables) or "defender-assets tables lists them"
    return Problem(named, f"names '{shown}', which is no table", remedy)
