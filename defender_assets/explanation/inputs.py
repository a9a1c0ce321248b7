"""What the day's verdicts were made from: each input with its source and age.

Here: facts from the metadata of partitions. Not here: which partition a day is made from (``refresh/inputs.py``).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta

from ..catalog import DERIVED
from ..catalog.derived.reasons import VERDICT_REASONS
from ..lake import Lake
from ..lake.facts import facts_of, feeds_in, kept_because, time_in
from ..refresh.inputs import input_days
from .model import InputUsed


def fetched_inputs() -> Mapping[str, bool]:
    """Every fetched table behind the verdicts -> whether one of their tables cannot do without it."""
    found: dict[str, bool] = {}

    def walk(table: str) -> None:
        declared = DERIVED[table]
        for name in (*declared.inputs, *declared.optional_inputs):
            if name in DERIVED:
                walk(name)
            else:
                found[name] = found.get(name, False) or name in declared.inputs

    walk(VERDICT_REASONS.name)
    return found


def inputs_used(lake: Lake, day: date, as_of: datetime | None, absent: Collection[str]) -> Iterator[InputUsed]:
    """Each input, needed ones first. ``absent`` are those that were not there when the device was judged."""
    needed = fetched_inputs()
    days = input_days(
        lake,
        day,
        needed=[name for name, is_needed in needed.items() if is_needed],
        optional=[name for name, is_needed in needed.items() if not is_needed],
    )
    for name in sorted(needed, key=lambda name: (not needed[name], name)):
        partition = max(days[name], default=None)
        facts = lake.metadata(name, partition) if partition else {}
        feeds: list[str | None] = [*feeds_in(facts)] or [None]
        for feed in feeds:
            told = facts_of(facts, feed) if feed else facts
            observed_at = time_in(told, "fetched_at") or time_in(facts, "observed_at")
            dated = time_in(told, "dated")
            since = dated or observed_at
            yield InputUsed(
                table=name,
                feed=feed,
                needed=needed[name],
                day=partition,
                source=told.get("source") or told.get("api_host"),
                observed_at=observed_at,
                dated=dated,
                age=max(as_of - since, timedelta()) if as_of and since else None,
                was_absent=name in absent,
                kept_because=kept_because(told),
            )
