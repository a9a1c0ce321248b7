"""What time adds: bytes a day of the lake by table, what other encodings would save, and Dagster's history.

Here: what is weighed, and the tables. Not here: the refreshed lake (``lakes.py``), the encoding that the lake has
(``defender_assets/lake/parquet.py``).
"""

import io
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus

from defender_assets.catalog import DATASETS, TABLES, Days
from defender_assets.demo.tenant import simulated_tenant
from defender_assets.lake import Lake
from defender_assets.lake.parquet import ROW_GROUP_ROWS, dictionary_paths
from defender_assets.orchestration.dagster_home import open_home

from .lakes import DAYS_OF_A_YEAR, refreshed
from .measure import PROGRAM, run, say
from .suites import Options
from .tables import Table

MACHINES = 10_000
_LISTED = 12
_ENCODED = 8
_TICKS = 2_000


def tables(options: Options) -> Iterator[Table]:
    lake = Lake(refreshed(options.folder, MACHINES))
    weighed = sorted((_weighed(lake, name) for name in lake.table_names()), key=lambda table: -table.bytes)
    weighed = [table for table in weighed if table.bytes]
    yield _lake_table(weighed)
    yield _encodings(lake, [table.name for table in weighed[:_ENCODED]])
    yield _dagster_table(options.folder)


@dataclass(frozen=True)
class _Weighed:
    """What one day adds: of a state table its newest partition, of an event table the mean of its days."""

    name: str
    rows: float
    bytes: float


def _weighed(lake: Lake, name: str) -> _Weighed:
    if name in DATASETS and DATASETS[name].days is Days.EVENT:
        # The day itself is not over.
        parts = [part for part in lake.parts(name) if part.date != lake.newest(name)]
    else:
        parts = lake.newest_parts(name)
    rows = sum(lake.rows(name, part.date) for part in parts)
    return _Weighed(name, rows / max(len(parts), 1), sum(part.size for part in parts) / max(len(parts), 1))


def _lake_table(weighed: list[_Weighed]) -> Table:
    def row(name: str, rows: str, size: float, row_bytes: str) -> list[str]:
        return [name, rows, f"{size / 1000:,.0f}", row_bytes, f"{size * DAYS_OF_A_YEAR / 1e9:.2f}"]

    listed = [
        row(f"`{table.name}`", f"{table.rows:,.0f}", table.bytes, f"{table.bytes / max(table.rows, 1):,.0f}")
        for table in weighed[:_LISTED]
    ]
    others = weighed[_LISTED:]
    listed.append(row(f"{len(others)} more tables", "", sum(table.bytes for table in others), ""))
    listed.append(row("all", "", sum(table.bytes for table in weighed), ""))
    return Table(
        f"What a day adds to the lake, {MACHINES:,} devices",
        ["table", "rows", "KB a day", "bytes a row", "GB a year"],
        listed,
        "After one whole refresh of the simulated tenant; of event tables the mean of their past days. A refresh of "
        "the same day replaces its partition and adds nothing.",
    )


@dataclass(frozen=True)
class _Encoding:
    """A way to write a table that differs from the lake's in what is named."""

    options: Mapping[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()


_DEVICE_FIRST = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")
_SOFTWARE_FIRST = ("software_vendor", "software_name", "software_version", "cve_id", "device_id")
_ENCODINGS = {
    "as the lake has it": _Encoding(),
    "zstd 3": _Encoding({"compression_level": 3}),
    "zstd 6": _Encoding({"compression_level": 6}),
    "zstd 9": _Encoding({"compression_level": 9}),
    "no dictionaries": _Encoding({"use_dictionary": False}),
    "dictionaries for every column": _Encoding({"use_dictionary": True}),
    "`id` as differences (DELTA_BYTE_ARRAY)": _Encoding({"column_encoding": {"id": "DELTA_BYTE_ARRAY"}}),
    "sorted by device, then software": _Encoding(order=_DEVICE_FIRST),
    "sorted by software, then device": _Encoding(order=_SOFTWARE_FIRST),
}


def _encodings(lake: Lake, names: list[str]) -> Table:
    size, seconds = dict.fromkeys(_ENCODINGS, 0), dict.fromkeys(_ENCODINGS, 0.0)
    for name in names:
        say(f"  encoding {name}")
        rows = lake.read(name, lake.newest(name))
        for encoding, how in _ENCODINGS.items():
            started = time.process_time()
            size[encoding] += len(_encoded(name, rows, how))
            seconds[encoding] += time.process_time() - started
    ours = "as the lake has it"
    return Table(
        "What other encodings would save",
        ["encoding", "MB", "of the lake's", "CPU s of writing"],
        [
            [encoding, f"{size[encoding] / 1e6:.2f}", f"{size[encoding] / size[ours]:.0%}", f"{seconds[encoding]:.2f}"]
            for encoding in _ENCODINGS
        ],
        f"A day of the {len(names)} largest tables ({', '.join(f'`{name}`' for name in names)}). The lake has zstd 1, "
        "dictionaries for strings that repeat, rows in the order of the service. Sorting counts as writing.",
    )


def _encoded(name: str, rows: pa.Table, how: _Encoding) -> pa.Buffer:
    by = [column for column in how.order if column in rows.column_names]
    if by:
        rows = rows.sort_by([(column, "ascending") for column in by])
    options = {"compression_level": 1, "use_dictionary": dictionary_paths(TABLES[name]) or False} | dict(how.options)
    if not {*options.get("column_encoding", ())} <= {*rows.column_names}:
        del options["column_encoding"]
    target = io.BytesIO()
    pq.write_table(rows, target, compression="zstd", version="2.6", row_group_size=ROW_GROUP_ROWS, **options)
    return pa.py_buffer(target.getvalue())


_INVENTORY = "key:machines or key:av_health or key:machine_users"
_COMPUTED = "tag:days=derived"


def _dagster_table(folder: Path) -> Table:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        home = Path(scratch) / "dagster"
        home.mkdir()
        whole, inventory, computed = _bytes_of_runs(home, Path(scratch))
        tick = _bytes_of_a_tick(home)
    hourly = 24 * (inventory + computed)
    every_half_minute = 2 * 24 * 60
    rest_of_ticks = 24 * 12 + 24 + 25

    def row(name: str, each: float, number: int, kept: str) -> list[str]:
        return [name, f"{each / 1000:,.0f}", f"{number:,}", f"{each * number / 1e6:.1f}", kept]

    ticks = 2 * every_half_minute + rest_of_ticks
    a_year = DAYS_OF_A_YEAR * (whole + hourly) / 1e9
    return Table(
        "What a day adds to Dagster's history",
        ["", "KB each", "a day", "MB a day", "kept"],
        [
            row("a whole refresh (`daily_refresh`, and what follows from it)", whole, 1, "for good"),
            row("an hour's inventory (`hourly_inventory`)", inventory, 24, "for good"),
            row("the derived tables that follow from it", computed, 24, "for good"),
            row("ticks that find nothing to do", tick, ticks, "7 days"),
        ],
        "SQLite, the `dagster.yaml` that ships; runs of the command line, ticks as the daemon records them. It does "
        "not depend on the number of devices.",
        notes=[
            f"with everything switched on, runs add {a_year:.0f} GB a year; with `daily_refresh` alone "
            f"{DAYS_OF_A_YEAR * whole / 1e9:.1f} GB; ticks stay at {7 * ticks * tick / 1e6:.0f} MB",
        ],
    )


def _bytes_of_runs(home: Path, scratch: Path) -> tuple[float, float, float]:
    """What a whole refresh, one of the inventory, and one of the derived tables add to the folder."""
    with simulated_tenant(300) as tenant:
        environment = tenant.settings | {
            "DEFENDER_LAKE": str(scratch / "lake"),
            "DEFENDER_BUDGET_FILE": str(scratch / "calls.sqlite"),
            "DAGSTER_HOME": str(home),
        }
        with open_home(home):
            pass

        def added(*arguments: str) -> float:
            before = _bytes_in(home)
            run([PROGRAM, "refresh", *arguments], environment)
            return _bytes_in(home) - before

        added()  # the first refresh brings half a year of alerts
        whole = added()
        inventory, computed = added("--select", _INVENTORY), added("--select", _COMPUTED)
    return whole, inventory, computed


def _bytes_of_a_tick(home: Path) -> float:
    before = _bytes_in(home)
    with open_home(home) as instance:
        for number in range(_TICKS):
            _record_tick(instance, time.time() - timedelta(seconds=30 * number).total_seconds())
    return (_bytes_in(home) - before) / _TICKS


def _record_tick(instance: dg.DagsterInstance, moment: float) -> None:
    origin = "0123456789abcdef0123456789abcdef01234567"
    instance.create_tick(
        TickData(
            instigator_origin_id=origin,
            instigator_name="compliance_automation",
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.SKIPPED,
            timestamp=moment,
            end_timestamp=moment + 1,
            selector_id=origin,
            skip_reason="Nothing changed.",
        )
    )


def _bytes_in(folder: Path) -> int:
    return sum(os.path.getsize(path) for path in folder.rglob("*") if path.is_file())
