"""Whether the rows of a dataset are about devices of the machine list.

Here: the check ``references_known_devices``, on published rows. Not here: when the machine list is there to be compared
with (``orchestration/assets.py``), the checks that rows have to pass before (``checks.py``).
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from ...catalog import Dataset, Days
from ...catalog.devices import MACHINES
from ...checks import Check
from ...lake import Lake, LakeError
from ...quantity import quantity
from ...scope.left_out import left_out_in
from ...settings import DATASETS_VARIABLE, Settings, chosen_datasets
from ..inputs import input_days

REFERENCES_KNOWN_DEVICES = "references_known_devices"

_BATCH_ROWS = 512 * 1024
"""Ids that are looked up together. The machine list is hashed for each batch, so it is not to be a small one."""


def has_devices(dataset: Dataset) -> bool:
    """Whether its rows are about devices of the machine list."""
    return dataset.device_column is not None and dataset.name != MACHINES.name


def references_known_devices(
    dataset: Dataset, days: Sequence[date], today: date, lake: Lake, settings: Settings
) -> Check:
    """Whether the published rows of these days are about devices of the list of machines: that of the same day or, for
    events, which come at any hour and tell of the past, the newest of the last two weeks. Without one it is not known,
    and the check does not pass.

    Memory holds the ids of the machine list, some rows' ids, and those that are unknown.
    """
    listing = (MACHINES.name,)
    try:
        if dataset.days is Days.EVENT:
            found = input_days(lake, today, needed=(), optional=listing)
        else:
            found = input_days(lake, today, needed=listing, optional=())
        if not found[MACHINES.name]:
            chosen = not chosen_datasets(settings).leaves_out(MACHINES)
            remedy = (
                "refresh machines too" if chosen else f"{DATASETS_VARIABLE} does not choose machines; choose it too"
            )
            return _unknown(f"the lake has no list of machines of {today}; {remedy}")
        (listed_on,) = found[MACHINES.name]
        machines = lake.read(MACHINES.name, listed_on, ["id"])["id"].combine_chunks()
        return _compared(dataset, days, machines, listed_on, lake)
    except LakeError as error:
        return _unknown(str(error))


def _unknown(reason: str) -> Check:
    return Check(REFERENCES_KNOWN_DEVICES, False, f"not known: {reason}")


def _compared(dataset: Dataset, days: Sequence[date], machines: pa.Array, listed_on: date, lake: Lake) -> Check:
    rows = unnamed = unknown_rows = not_kept = 0
    unknown: set[str] = set()
    parts = [part for part in lake.parts(dataset.name, min(days), max(days)) if part.date in days] if days else []
    lake.storage.fetch_together(parts)
    for part in parts:
        _, facts = lake.part_facts(part)
        left_out = left_out_in(facts)
        not_kept += left_out.unknown_devices if left_out else 0
        for batch in lake.part_batches(part, [str(dataset.device_column)], _BATCH_ROWS):
            devices = batch.column(0)
            rows += len(devices)
            unnamed += devices.null_count
            others = devices.filter(pc.invert(pc.is_in(devices, value_set=machines))).drop_null()
            unknown_rows += len(others)
            unknown.update(others.unique().to_pylist())
    words = f"each of {quantity(rows - unnamed, 'row')} is about a device of the list of machines of {listed_on}"
    if unknown_rows:
        words = (
            f"the list of machines of {listed_on} lacks {quantity(len(unknown), 'device')}, which {unknown_rows:,} of "
            f"{quantity(rows, 'row')} are about"
        )
    if not_kept:
        words += (
            f"; {quantity(not_kept, 'row')} of devices that it lacks were left out, because nobody knows whether they "
            "are in the scope"
        )
    if unnamed:
        words += f"; {quantity(unnamed, 'row')} without a device"
    return Check(
        REFERENCES_KNOWN_DEVICES,
        not unknown_rows + not_kept,
        words,
        numbers={
            "rows": rows,
            "rows of unknown devices": unknown_rows + not_kept,
            "unknown devices": len(unknown),
            "rows without a device": unnamed,
        },
    )
