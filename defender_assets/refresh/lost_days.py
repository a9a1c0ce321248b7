"""Past days that a table can no longer be made for: its source reports only the current state, or what it is made from
was not captured on that day.

Here: what of it is a failure. Not here: which days a source can be asked for (``days.py``), tables that are
done without (``absence.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from ..catalog import DERIVED, TABLES, Days
from ..compliance import InputMissing
from ..lake import Lake, LakeError
from .errors import WrongDay
from .outcome import PartitionOutcome


def days_over(table: str, days: Collection[date], wrong: Mapping[date, WrongDay], lake: Lake) -> list[PartitionOutcome]:
    """The outcomes for those of the days that are ``wrong``. They are failures only where nothing else is to be made
    and none of them is in the lake. Raises LakeError."""
    if not wrong:
        return []
    held = set(lake.dates(table, min(wrong), max(wrong))) & wrong.keys()
    if not held and wrong.keys() == set(days):
        return [PartitionOutcome.failed(table, day, error) for day, error in wrong.items()]
    return [PartitionOutcome.of_a_past_day(table, day, error.what, is_held=day in held) for day, error in wrong.items()]


def lost_inputs(tables: Collection[str], day: date, lake: Lake) -> list[str]:
    """Those tables of the service that a past day lacks for ever, of these tables and of what they are made from.
    Raises LakeError."""
    lost: dict[str, None] = {}
    for name in tables:
        if name not in TABLES or lake.dates(name, day, day):
            continue
        if TABLES[name].days is Days.STATE:
            lost[name] = None
        elif name in DERIVED:
            lost |= dict.fromkeys(lost_inputs(DERIVED[name].inputs, day, lake))
    return list(lost)


def without_lost_days(table: str, outcomes: Sequence[PartitionOutcome], lake: Lake) -> list[PartitionOutcome]:
    """The outcomes, in which a day that lost what it would be made from is no failure, as long as another was made. One
    that has a partition is one: what was made of it once can no longer follow the policy."""
    lost = [each.day for each in outcomes if isinstance(each.error, InputMissing) and each.error.lost]
    if not lost or not any(outcome.is_made for outcome in outcomes):
        return list(outcomes)
    try:
        gone = set(lost) - set(lake.dates(table, min(lost), max(lost)))
    except LakeError:
        return list(outcomes)
    return [
        PartitionOutcome.of_a_past_day(table, each.day, each.error.what, is_held=False)
        if each.error is not None and each.day in gone
        else each
        for each in outcomes
    ]
