"""A refresh in a process of its own, which says how much memory it took.

``python -m defender_assets_tests.faults.bounded TABLE always|never FOLDER``, with the settings of a tenant in the
environment. Here: what became of the refresh, as JSON. Not here: the faults (``test_bounds.py``).
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import RefreshContext
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.settings import Settings, connection

from ..clocks import PassingClock


def main(table: str, export_files: str, folder: str) -> None:
    settings = Settings.load().model_copy(update={"export_files": export_files})
    clock, today = PassingClock(), datetime.now(UTC).date()
    with open_client(connection(), settings, clock=clock) as client:
        context = RefreshContext(lake=Lake(folder), settings=settings, today=today, client=lambda: client)
        (outcome,) = DatasetRefresh(DATASETS[table]).refresh([today], context)
    files = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet")) if Path(folder).exists() else 0
    said = {
        "rows": outcome.rows,
        "sentence": str(outcome.error or ""),
        "checks": [check.message for check in outcome.checks],
        "facts": {name: str(fact) for name, fact in outcome.facts.items()},
        "bytes": files,
        "waited": clock.waited,
        "peak_mib": peak_mib(),
        "allocated_mib": pa.default_memory_pool().max_memory() / 2**20,
    }
    sys.stdout.write(json.dumps(said))


def peak_mib() -> float:
    """The peak of this process's memory. ``ru_maxrss`` would begin with that of the process that started it."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
