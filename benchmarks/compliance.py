"""Compliance of a large fleet: every derived table as a refresh makes it, beside pandas, Polars and DuckDB by hand.

Here: which cases run on how many rows, and the tables. Not here: the cases (``compliance_cases.py``), their inputs
(``compliance_inputs.py``).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .compliance_inputs import PER_MACHINE, generated
from .measure import Command, Failed, Measured, in_turn, say
from .suites import Options
from .tables import Table

_OURS, _BY_HAND = "ours", "DuckDB by hand"
_ALL = (_OURS, _BY_HAND)
_CORE = ("ours, core", "pandas, core", "Polars, core")
_TEXT = """Derived tables of a generated fleet: {per_machine} rows of inventory and as many findings a machine, in two
threads and the default `DEFENDER_COMPUTE_MEMORY` of 1 GB. *Ours* is what a refresh does to all {tables} derived tables,
without Dagster: computed, written, checked, headlines counted, published. *DuckDB by hand* is the same SQL in one
connection with the same limits, copied to Parquet, without checks and headlines. *Core* are the questions that a
notebook can answer as well: who is eligible, due dates, overdue findings, verdicts by device, exposure by product, old
agents; pandas reads, merges and groups in memory, Polars collects lazy queries with its streaming engine. The answers
are compared, and are the same."""


def tables(options: Options) -> Iterator[Table]:
    sizes = {1_000_000: options.times, 10_000_000: options.times if options.full else 1}
    if options.full:
        sizes[50_000_000] = 1
    measured: dict[int, dict[str, Measured]] = {}
    for rows, times in sizes.items():
        # In memory, pandas would need some 25 GiB for the largest.
        cases = (*_ALL, *_CORE) if rows <= 10_000_000 else _ALL
        measured[rows] = _measured(cases, generated(options.folder, rows), rows, times)
    yield _all_cases(measured, sizes)
    yield _by_table(measured)


def _measured(cases: Sequence[str], root: Path, rows: int, times: int) -> dict[str, Measured]:
    say(f" {rows:,} findings")
    commands = {case: Command([sys.executable, "-m", "benchmarks.compliance_cases", case, str(root)]) for case in cases}
    measured = in_turn(commands, times=times)
    answers = {case: answer for case in cases if (answer := _said(measured[case])["answers"])}
    if any(answer != answers[_OURS] for answer in answers.values()):
        raise Failed(f"the answers differ: {answers}")
    return measured


def _said(measured: Measured) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(measured.output.splitlines()[-1])
    return said


def _all_cases(measured: dict[int, dict[str, Measured]], times: dict[int, int]) -> Table:
    rows = []
    for size, cases in measured.items():
        for case, each in cases.items():
            ours = cases[_CORE[0] if case in _CORE else _OURS]
            ratio = "1" if each is ours else f"{each.wall / ours.wall:.2f}"
            rows.append((f"{case}, {size / 1e6:g} M", f"{each.wall:.1f}", f"{each.cpu:.1f}", f"{each.mib:,.0f}", ratio))
    runs = ", ".join(f"{size / 1e6:g} M {count}" for size, count in times.items())
    return Table(
        "All derived tables, and the core questions",
        ("case, findings", "seconds", "CPU seconds", "MiB", "seconds ÷ ours"),
        rows,
        _TEXT.format(per_machine=PER_MACHINE, tables=len(_said(next(iter(measured.values()))[_OURS])["took"])),
        (f"Runs in turn: {runs}.",),
    )


def _by_table(measured: dict[int, dict[str, Measured]]) -> Table:
    took = {(size, case): _said(measured[size][case])["took"] for size in measured for case in _ALL if size > 1_000_000}
    names = next(iter(took.values()))
    columns = ["table"]
    for size, case in took:
        of = f"{case}, {size / 1e6:g} M"
        columns += [f"{of}: seconds", "CPU seconds", "MiB"] if case == _OURS else [f"{of}: seconds", "MiB"]
    rows = []
    for name in names:
        row = [f"`{name}`"]
        for (_, case), by_name in took.items():
            wall, cpu, peak = by_name[name]
            row += [f"{wall:.1f}", *([f"{cpu:.1f}"] if case == _OURS else []), f"{peak:,.0f}"]
        rows.append(row)
    return Table("By table", columns, rows, "Of the last run. Memory is the peak while the table was made.")
