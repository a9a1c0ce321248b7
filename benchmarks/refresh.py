"""How long a whole refresh takes, and how much memory: ``python benchmarks/refresh.py --machines 10000``.

Serves a simulated tenant from a process of its own, runs ``defender-assets refresh`` against it as a user would, and
samples the resident memory of its process tree. Prints one line per run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil


def tree_rss(process: psutil.Process) -> int:
    """Resident bytes of a process and its children now."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def measured(command: list[str], environment: dict[str, str]) -> tuple[int, float, int]:
    """Exit code, seconds, peak resident bytes of the process tree."""
    started = time.monotonic()
    process = psutil.Popen(command, env=environment)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, tree_rss(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    return process.wait(), time.monotonic() - started, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--select", help="assets to refresh; all by default")
    parser.add_argument("--export-files", choices=["auto", "always", "never"], default="auto")
    parser.add_argument("--runs", type=int, default=1, help="the second and later ones replace a former snapshot")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "defender_assets.simulator", "--machines", str(options.machines), "--prepare"]
        simulator = subprocess.Popen([*command, "--ready-file", str(ready)])
        try:
            while not ready.exists():
                if simulator.poll() is not None:
                    sys.exit("the simulated tenant did not start")
                time.sleep(0.1)
            environment = (
                os.environ
                | json.loads(ready.read_text())
                | {
                    "DEFENDER_LAKE": f"{folder}/lake",
                    "DEFENDER_EXPORT_FILES": options.export_files,
                    "DEFENDER_BUDGET_FILE": f"{folder}/budget.sqlite",
                }
            )
            words = ["refresh", *(["--select", options.select] if options.select else [])]
            program = Path(sys.executable).with_name("defender-assets")
            for run in range(1, options.runs + 1):
                code, seconds, peak = measured([str(program), *words], environment)
                print(f"run {run}: exit {code}, {seconds:.1f} s, peak of the process tree {peak / 2**20:,.0f} MiB")
        finally:
            simulator.terminate()
            simulator.wait()


if __name__ == "__main__":
    main()
