"""The derived tables of a large fleet on DuckDB, on Spark in a process beside it, and on a cluster of two workers.

Here: which engines compute how many rows, what each costs, and from where on Spark would pay. Not here: the fleet
(``compliance_inputs.py``), what is done to each table (``ours`` in ``compliance_cases.py``).
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from defender_assets_tests.compliance.engines.spark_processes import standalone_cluster

from .compliance_inputs import PER_MACHINE, generated
from .measure import Command, Failed, Measured, in_turn, say
from .suites import Options
from .tables import Table

_DUCKDB, _LOCAL, _CLUSTER = "DuckDB", "Spark, `local[2]`", "Spark, two workers"
_WORKER_GIB = 3
_DRIVER = {
    "spark.driver.memory": "4g",
    "spark.executor.memory": f"{_WORKER_GIB}g",
}
_TEXT = """What a refresh does to all {tables} derived tables of a generated fleet, {per_machine} rows of inventory and
as many findings a machine, without Dagster: computed, written, checked, headlines counted, published. The command is
the same; only the settings of the engine differ. DuckDB has two threads and the default `DEFENDER_COMPUTE_MEMORY`;
Spark has the same {cores} cores, as `local[2]`, or as a standalone cluster on loopback of a master and two workers
with a core and {worker} GiB each. Seconds contain the start of Python and of Spark. Processor seconds and memory are
those of all its processes: Python, the driver, master, workers and executors. The answers are compared, and are the
same."""


def tables(options: Options) -> Iterator[Table]:
    sizes = (100_000,) if options.quick else (1_000_000, 10_000_000, *((50_000_000,) if options.full else ()))
    with (
        tempfile.TemporaryDirectory() as folder,
        standalone_cluster(Path(folder) / "cluster", memory=f"{_WORKER_GIB}g") as cluster,
    ):
        spark = _spark(Path(folder))
        settings: Mapping[str, Mapping[str, str]] = {
            _DUCKDB: {},
            _LOCAL: spark | {"DEFENDER_SPARK_MASTER": "local[2]"},
            _CLUSTER: spark | {"DEFENDER_SPARK_MASTER": cluster.master},
        }
        measured = {size: _measured(options, size, settings, cluster.pids) for size in sizes}
    yield _all_tables(measured)
    yield _by_table(measured)


def _spark(folder: Path) -> dict[str, str]:
    """The settings that both ways to Spark have, and its own configuration."""
    conf, staging = folder / "driver", folder / "staging"
    conf.mkdir()
    staging.mkdir()
    (conf / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in _DRIVER.items()))
    return {
        "DEFENDER_ENGINE": "spark",
        "DEFENDER_SPARK_FROM_ROWS": "0",
        "DEFENDER_SPARK_STAGING": str(staging),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def _measured(
    options: Options, rows: int, settings: Mapping[str, Mapping[str, str]], cluster: list[int]
) -> dict[str, Measured]:
    say(f" {rows:,} findings")
    case = [sys.executable, "-m", "benchmarks.compliance_cases", "ours", str(generated(options.folder, rows))]
    commands = {
        engine: Command(case, environment, beside=cluster if engine == _CLUSTER else ())
        for engine, environment in settings.items()
    }
    measured = in_turn(commands, times=1)
    answers = {engine: _said(each)["answers"] for engine, each in measured.items()}
    if any(answer != answers[_DUCKDB] for answer in answers.values()):
        raise Failed(f"the answers differ: {answers}")
    return measured


def _said(measured: Measured) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(measured.output.splitlines()[-1])
    return said


def _all_tables(measured: Mapping[int, Mapping[str, Measured]]) -> Table:
    rows = []
    former: Mapping[str, Measured] | None = None
    for size, engines in measured.items():
        for engine, each in engines.items():
            millions = size / 1e6
            grown = f"{each.wall / former[engine].wall:.1f} ×" if former else ""
            rows.append(
                (
                    f"{engine}, {millions:g} M",
                    *(f"{each.wall:.1f}", f"{each.cpu:.1f}", f"{each.mib:,.0f}"),
                    *(f"{each.wall / millions:.1f}", f"{each.cpu / millions:.1f}", grown),
                    f"{each.wall / engines[_DUCKDB].wall:.2f}",
                )
            )
        former = engines
    columns = ("engine, findings", "seconds", "CPU seconds", "MiB", "seconds a million", "CPU seconds a million")
    told = _said(next(iter(measured.values()))[_DUCKDB])["took"]
    text = _TEXT.format(tables=len(told), per_machine=PER_MACHINE, cores=os.cpu_count(), worker=_WORKER_GIB)
    return Table(
        "All derived tables by engine",
        (*columns, "seconds ÷ those of the size before", "seconds ÷ DuckDB"),
        rows,
        text,
        ("Each ran once, in turn.", _where_it_pays(measured)),
    )


def _where_it_pays(measured: Mapping[int, Mapping[str, Measured]]) -> str:
    """What follows for a cluster. It is arithmetic, and says so: no larger cluster was there to be measured."""
    size = max(measured)
    engines = measured[size]
    duckdb, cluster = engines[_DUCKDB], engines[_CLUSTER]
    verdict = "is not faster" if cluster.wall >= duckdb.wall else "is faster"
    return (
        f"On the same {os.cpu_count()} cores the cluster {verdict}: at {size / 1e6:g} M it takes "
        f"{cluster.wall / duckdb.wall:.1f} times the seconds and {cluster.cpu / duckdb.cpu:.1f} times the processor "
        f"seconds of DuckDB. If all of its {cluster.cpu:.0f} processor seconds could be shared out evenly, some "
        f"{cluster.cpu / duckdb.wall:.0f} cores would be as fast as DuckDB on two: arithmetic, which was not measured."
    )


def _by_table(measured: Mapping[int, Mapping[str, Measured]]) -> Table:
    size = max(measured)
    took = {engine: _said(each)["took"] for engine, each in measured[size].items()}
    rows = [
        (f"`{name}`", *(f"{by_name[name][0]:.1f}" for by_name in took.values())) for name in next(iter(took.values()))
    ]
    return Table(f"Seconds by table, {size / 1e6:g} M findings", ("table", *took), rows, "Of the same runs.")
