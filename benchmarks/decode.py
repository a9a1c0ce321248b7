"""How fast answers become Arrow tables: this project's decoder beside the usual way, on the same bytes in one run.

    python -m benchmarks.decode [--rows 50000] [--repeat 3] [--threads 2]

Here: the decoder alone, its tolerant path too, for work on it. Not here: reading and writing around it (``ingest.py``).

The usual way is ``orjson.loads`` and ``pyarrow.Table.from_pylist``: no times parsed, names as they come. Rows a second
are those of one thread by its processor time, best of ``--repeat``; they depend on the machine, the ratio (ours to
usual) hardly does. ``fast path`` is the share of rows that took it; ``x threads`` how much faster ``--threads`` threads
get through the same number of blocks than one, by the clock on the wall.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder

from .service.rows import findings, machines

Row = dict[str, Any]


def as_page(rows: list[Row]) -> bytes:
    return orjson.dumps(
        {
            "@odata.context": "https://api.example.com/$metadata",
            "value": rows,
            "@odata.nextLink": "https://next.example.com",
        }
    )


@dataclass(frozen=True)
class Case:
    """The same rows for both ways; ``body`` is a page, or a file if ``is_file``."""

    name: str
    dataset: str
    body: bytes
    rows: int
    is_file: bool = False


def cases(count: int) -> Iterator[Case]:
    found: list[Row] = [orjson.loads(text) for text in findings(0, count, in_file=False)]
    in_file = "\n".join(findings(0, count, in_file=True)).encode() + b"\n"
    yield Case("findings, page", "software_vulnerabilities", as_page(found), count)
    yield Case("findings, export file", "software_vulnerabilities", in_file, count, is_file=True)
    added = [{**row, "newMember": "2025-10-06", "newScore": number % 7} for number, row in enumerate(found)]
    yield Case("findings, 2 new members", "software_vulnerabilities", as_page(added), count)
    drifted = [{**row, "cvssScore": str(row["cvssScore"])} for row in found]
    yield Case("findings, a type changed", "software_vulnerabilities", as_page(drifted), count)
    listed: list[Row] = [orjson.loads(text) for text in machines(0, count // 5)]
    yield Case("machines, page", "machines", as_page(listed), len(listed))


def best_of(repeat: int, *works: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> list[float]:
    """The best time of each by the clock, taking turns so that what else the machine does hits all alike."""
    best = [float("inf")] * len(works)
    for _ in range(repeat):
        for at, work in enumerate(works):
            begin = clock()
            work()
            best[at] = min(best[at], clock() - begin)
    return best


def usual_way(case: Case) -> pa.Table:
    if case.is_file:
        return pa.Table.from_pylist([orjson.loads(line) for line in case.body.splitlines()])
    return pa.Table.from_pylist(orjson.loads(case.body)["value"])


def our_way(case: Case, decoder: Decoder) -> pa.Table:
    return decoder.lines(case.body) if case.is_file else decoder.page(case.body).table


def side_by_side(case: Case, decoder: Decoder, threads: int) -> None:
    """Twice as many blocks as threads, decoded by all of them."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(our_way, case, decoder) for _ in range(2 * threads)]:
            done.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of a block (a page of the service has 50,000)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="for the last column")
    chosen = parser.parse_args()

    print(f"{chosen.rows:,} rows, best of {chosen.repeat}, pyarrow {pa.__version__}")
    print(f"{'case':26}{'MB':>6}{'usual rows/s':>14}{'our rows/s':>12}{'ratio':>7}{'fast path':>11}{'x threads':>11}")
    for case in cases(chosen.rows):
        decoder = Decoder(DATASETS[case.dataset], observed_at=datetime(2025, 10, 6, tzinfo=UTC))
        alone = partial(our_way, case, decoder)
        ours, usual = best_of(chosen.repeat, alone, partial(usual_way, case))
        together = partial(side_by_side, case, decoder, chosen.threads)
        wall, threaded = best_of(chosen.repeat, alone, together, clock=time.perf_counter)
        counts = decoder.counts
        fast = 1 - counts.tolerant_rows / counts.rows
        print(
            f"{case.name:26}{len(case.body) / 1e6:6.1f}{case.rows / usual:14,.0f}{case.rows / ours:12,.0f}"
            f"{usual / ours:7.2f}{fast:11.0%}{wall * 2 * chosen.threads / threaded:11.2f}"
        )


if __name__ == "__main__":
    main()
