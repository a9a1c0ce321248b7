"""How long a whole refresh takes, and how much memory: ``python benchmarks/refresh.py --machines 10000``.

Serves a simulated tenant from a process of its own, runs ``defender-assets refresh`` against it as a user would, and
samples the resident memory of its process tree. Prints one line per run.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from defender_assets.demo.tenant import simulated_tenant

SAMPLING_INTERVAL_SECONDS = 0.02


def resident_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and its children now."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def measure(command: list[str], environment: dict[str, str]) -> tuple[int, float, int]:
    """Runs the command; returns its exit code, the seconds it took, and the peak resident bytes of its process tree."""
    started = time.monotonic()
    process = psutil.Popen(command, env=environment)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, resident_bytes(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(SAMPLING_INTERVAL_SECONDS)
    return int(process.wait()), time.monotonic() - started, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--select", help="assets to refresh; all by default")
    parser.add_argument("--export-files", choices=["auto", "always", "never"], default="auto")
    parser.add_argument("--runs", type=int, default=1, help="the second and later ones replace a former snapshot")
    options = parser.parse_args()
    program = Path(sys.executable).with_name("defender-assets")
    selection = ["--select", options.select] if options.select else []
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated_tenant(options.machines, prepare_exports=True) as tenant,
    ):
        environment = {
            **os.environ,
            **tenant.settings,
            "DEFENDER_LAKE": f"{folder}/lake",
            "DEFENDER_EXPORT_FILES": options.export_files,
            "DEFENDER_BUDGET_FILE": f"{folder}/budget.sqlite",
        }
        for run in range(1, options.runs + 1):
            exit_code, seconds, peak = measure([str(program), "refresh", *selection], environment)
            print(f"run {run}: exit {exit_code}, {seconds:.1f} s, peak of the process tree {peak / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
