"""What writing to the lake costs, beside the same rows written by pyarrow, pandas and DuckDB alone.

    python benchmarks/lake.py [--rows 1000000] [--case NAME …]

Each case runs in a process of its own, on rows of ``software_vulnerabilities`` that arrive 50,000 at a time, and prints
seconds (making the rows not counted), rows a second, megabytes of Parquet, and the peak memory of the process.
``lake`` streams; ``pyarrow`` is the floor: everything in memory, one call, the same encoding, nothing hidden or synced.
"""

import argparse
import datetime as dt
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

TABLE = DATASETS["software_vulnerabilities"]
PAGE = 50_000
DAY = dt.date(2026, 1, 1)


def pages(rows: int) -> Iterator[pa.Table]:
    """Rows as the service sends them: unique ids, few devices and products, sorted by device."""
    randomness = np.random.default_rng(20260101)
    for start in range(0, rows, PAGE):
        numbers = np.arange(start, min(start + PAGE, rows))
        columns = {}
        for field in TABLE.schema:
            columns[field.name] = _column(field, numbers, randomness)
        yield pa.table(columns, schema=TABLE.schema)


def _column(field: pa.Field, numbers: np.ndarray, randomness: np.random.Generator) -> pa.Array:
    def words(prefix: str, values: np.ndarray) -> pa.Array:
        return pc.binary_join_element_wise(prefix, pc.cast(pa.array(values), pa.string()), "-")

    count = len(numbers)
    if field.name == "id":
        return words("6f0c5a1e3b9d4f7788aa-_-vendor-_-product-_-1.0-_-CVE", numbers)
    if field.name == "device_id":
        return words("c0ffee00c0ffee00c0ffee00c0ffee00c0ff", numbers // 400)
    if pa.types.is_string(field.type):
        return words(field.name, randomness.integers(0, 500, count))
    if pa.types.is_timestamp(field.type):
        return pa.array(1_760_000_000_000_000 + randomness.integers(0, 10**13, count)).cast(field.type)
    if pa.types.is_list(field.type):
        offsets = pa.array(np.arange(count + 1), pa.int32())
        return pa.ListArray.from_arrays(offsets, words(field.name, randomness.integers(0, 500, count))).cast(field.type)
    if pa.types.is_boolean(field.type):
        return pa.array(randomness.integers(0, 2, count) == 1)
    return pa.array(randomness.integers(0, 100, count)).cast(field.type)


class Stopwatch:
    """Adds up what happens inside ``with``."""

    seconds = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter() - self._started


def lake(rows: int, folder: Path, watch: Stopwatch) -> int:
    """Streamed into a partition, published; the key not looked at."""
    with Lake(folder).writing(TABLE, DAY, {}) as partition:
        for page in pages(rows):
            with watch:
                partition.write(page)
        with watch:
            return partition.publish().bytes


def lake_duplicates(rows: int, folder: Path, watch: Stopwatch) -> int:
    """Only the search for keys that occur twice, of which there are none."""
    with Lake(folder).writing(TABLE, DAY, {}) as partition:
        for page in pages(rows):
            partition.write(page)
        with watch:
            assert not partition.duplicates()
        return partition.publish().bytes


def lake_repeats(rows: int, folder: Path, watch: Stopwatch) -> int:
    """The search, and the rewriting without them, where every tenth page came twice."""
    with Lake(folder).writing(TABLE, DAY, {}) as partition:
        for number, page in enumerate(pages(rows)):
            partition.write(page)
            if number % 10 == 0:
                partition.write(page)
        with watch:
            assert not partition.duplicates().conflicting_keys
            partition.drop_exact_duplicates()
        assert partition.rows == rows
        return partition.publish().bytes


def pyarrow(rows: int, folder: Path, watch: Stopwatch) -> int:
    """The floor: one call on everything in memory."""
    table = pa.concat_tables(pages(rows))
    file = folder / "pyarrow.parquet"
    strings = [field.name for field in table.schema if pa.types.is_string(field.type) and field.name != "id"]
    with watch:
        pq.write_table(
            table, file, compression="zstd", compression_level=1, use_dictionary=strings, row_group_size=128 * 1024
        )
    return file.stat().st_size


def pandas(rows: int, folder: Path, watch: Stopwatch) -> int:
    """DataFrame.to_parquet."""
    frame = pa.concat_tables(pages(rows)).to_pandas()
    file = folder / "pandas.parquet"
    with watch:
        frame.to_parquet(file, compression="zstd")
    return file.stat().st_size


def duckdb_copy(rows: int, folder: Path, watch: Stopwatch) -> int:
    """COPY … TO, from Arrow in memory."""
    table = pa.concat_tables(pages(rows))
    file = folder / "duckdb.parquet"
    with duckdb.connect(config={"threads": 1}) as connection, watch:
        connection.register("page", table)
        connection.execute(f"COPY page TO '{file}' (COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    return file.stat().st_size


CASES: dict[str, Callable[[int, Path, Stopwatch], int]] = {
    function.__name__: function for function in (lake, lake_duplicates, lake_repeats, pyarrow, pandas, duckdb_copy)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--here", action="store_true", help="run the case in this process")
    arguments = parser.parse_args()
    if not arguments.here:
        print(f"{'case':<16} {'seconds':>8} {'rows/s':>12} {'MB':>8} {'peak MB':>8}")
        for case in arguments.case or CASES:
            command = [sys.executable, __file__, "--here", "--case", case, "--rows", str(arguments.rows)]
            subprocess.run(command, check=True)
        return
    for case in arguments.case or CASES:
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            size = CASES[case](arguments.rows, Path(folder), watch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        speed = arguments.rows / watch.seconds
        print(f"{case:<16} {watch.seconds:>8.2f} {speed:>12,.0f} {size / 1e6:>8.1f} {peak:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
