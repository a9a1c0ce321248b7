"""The checks made on the rows of a refresh before they are published, and which a dataset has.

Here: the checks, each a pure function, and ``proof``, which runs those of a dataset. Not here: the check made after
publication (``known_devices.py``), counting duplicate keys (``sql/duplicates.py``), reading values (``decode/``),
refusing to publish (``refresh/publication.py``).
"""

from collections.abc import Sequence
from contextlib import suppress

from ...catalog import Dataset, Days
from ...catalog.devices import MACHINES
from ...checks import Check, Severity
from ...errors import DefenderAssetsError
from ...lake import Lake, PartitionWriter, UnreadableSnapshot
from ...quantity import quantity
from ..context import RefreshContext
from ..former_rows import rows_read
from ..publication import Proof
from .completeness import EMPTIED_FROM
from .crawl_order import Coverage
from .known_devices import REFERENCES_KNOWN_DEVICES, has_devices
from .name_list import counted_name_list, name_list
from .scoped_rows import SCOPE_IS_KNOWN
from .statistics import FetchStatistics

COLLAPSE_FROM = 1_000
COLLAPSE_BELOW = 0.2
UNKNOWN_ONE_IN = 10
"""Devices in the machine list that the service does not know when it is asked for their users. A few have just left."""
DATASET_CHECKS = {
    "key_is_unique": "No two rows have the same key.",
    "not_empty": "The service answered with at least one row.",
    "columns_are_known": "The service sent no member that the catalog lacks and no value of another type (both are "
    "kept in extra, unless they may be credentials).",
    "not_collapsed": "The table did not shrink to less than a fifth of its former partition, and not to nothing.",
    SCOPE_IS_KNOWN: "Every tag and device group that the settings DEFENDER_SCOPE_… name is on a device.",
    "complete": "Every row of the service was read; the result says how that was proven, and what was doubted.",
    REFERENCES_KNOWN_DEVICES: "Every row's device is in the machine list; not passed where there is no list to compare "
    "with.",
}
_OF_EVENTS = ("key_is_unique", "columns_are_known", "complete", REFERENCES_KNOWN_DEVICES)


def checks_of(dataset: Dataset) -> tuple[str, ...]:
    """The names of the checks that apply: a day without events is as good as any other."""
    names = _OF_EVENTS if dataset.days is Days.EVENT else tuple(DATASET_CHECKS)
    left_out = set() if has_devices(dataset) else {REFERENCES_KNOWN_DEVICES}
    left_out |= set() if dataset.name == MACHINES.name else {SCOPE_IS_KNOWN}
    return tuple(name for name in names if name not in left_out)


def key_is_unique(dataset: Dataset, keys: int, rows: int) -> Check:
    """``keys`` is the number of keys that occur more than once, in ``rows`` rows that differ in other columns."""
    words = "every key occurs once"
    if keys:
        words = (
            f"{keys} keys ({', '.join(dataset.key)}) occur more than once, in {rows} rows that differ from each other; "
            "the service contradicts itself, so the former partition is kept"
        )
    return Check(
        "key_is_unique", keys == 0, words, severity=Severity.BLOCKING, numbers={"repeated keys": keys, "rows": rows}
    )


def not_empty(rows: int) -> Check:
    """An empty state table is suspicious, but correct for an empty tenant."""
    return Check("not_empty", rows > 0, quantity(rows, "row"), numbers={"rows": rows})


def columns_are_known(dataset: Dataset, unknown: Sequence[str], unreadable: dict[str, int]) -> Check:
    """Unknown members and unreadable values are kept in ``extra``, unless they may be credentials; they show where the
    catalog needs an update."""
    kept, kept_raw = ("not kept", "not kept") if dataset.credentials else ("kept in extra", "kept raw in extra")
    words = []
    if unknown:
        # Where there may be credentials, a name may be one too.
        named = f"{len(unknown):,}" if dataset.credentials else name_list(unknown)
        words.append(f"members that the catalog lacks, {kept}: {named}")
    if unreadable:
        words.append(f"values of another type than declared, {kept_raw}: {counted_name_list(unreadable)}")
    return Check(
        "columns_are_known",
        not words,
        "; ".join(words) or "every member is declared",
        numbers={"unknown members": len(unknown), "unreadable values": sum(unreadable.values())},
    )


def not_collapsed(rows: int, former: int | None, allowed: bool) -> Check:
    """A table that loses four fifths of its rows overnight, or all of them, is more likely cut off than true."""
    collapsed = former is not None and (
        (former >= COLLAPSE_FROM and rows < COLLAPSE_BELOW * former) or (former >= EMPTIED_FROM and not rows)
    )
    words = f"{quantity(rows, 'row')}, " + ("no former partition" if former is None else f"formerly {former:,}")
    if collapsed and not allowed:
        words += "; if the rows are really gone, refresh once with DEFENDER_ALLOW_COLLAPSE=true"
    return Check(
        "not_collapsed",
        not collapsed or allowed,
        words,
        severity=Severity.BLOCKING,
        numbers={"rows": rows} | ({"former rows": former} if former is not None else {}),
    )


def covers_the_fleet(covered: Coverage, unknown: int, unusable: Sequence[DefenderAssetsError]) -> Check:
    """The check ``complete`` of a crawl, which covers the fleet little by little. ``unknown``: devices of the machine
    list that the service does not know. ``unusable``: the errors of devices whose answer stayed wrong. Both keep the
    rows that they had."""
    words = f"{covered.covered:,} of {quantity(covered.devices, 'device')} have answered at some time"
    if unknown:
        words += f"; the service does not know {quantity(unknown, 'device')} of the machine list"
    if unusable:
        words += f"; {quantity(len(unusable), 'answer')} could not be used, the first because: {unusable[0].what}"
    return Check(
        "complete",
        not unusable and unknown * UNKNOWN_ONE_IN <= covered.devices,
        words,
        numbers={
            "devices": covered.devices,
            "covered": covered.covered,
            "unknown devices": unknown,
            "unusable answers": len(unusable),
        },
    )


def proof(dataset: Dataset, context: RefreshContext, statistics: FetchStatistics) -> Proof:
    """The checks that each day's rows must pass before they are published. Exact repeats are dropped first."""
    lake, allow_collapse = context.lake, context.settings.allow_collapse

    def prove(writer: PartitionWriter) -> tuple[Check, ...]:
        duplicates = writer.duplicates()
        if duplicates:
            statistics.duplicate_rows += writer.drop_exact_duplicates()
        former_rows = _former_rows(lake, dataset.name) if dataset.days is Days.STATE else None
        if former_rows is not None:
            former_rows -= statistics.former_rows_out_of_scope
        counts = statistics.decoder.counts
        verdicts = (
            key_is_unique(dataset, duplicates.conflicting_keys, duplicates.conflicting_rows),
            not_empty(writer.rows),
            columns_are_known(dataset, sorted(counts.unknown_members), dict(counts.unreadable)),
            not_collapsed(writer.rows, former_rows, allow_collapse),
        )
        return tuple(check for check in verdicts if check.name in checks_of(dataset))

    return prove


def _former_rows(lake: Lake, table: str) -> int | None:
    """How many rows the newest partition that can be read has. A damaged one is passed over: refreshing replaces it."""
    for day in reversed(lake.dates(table)):
        with suppress(UnreadableSnapshot):
            return rows_read(lake, table, day)
    return None
