"""``make bench``: measures, and writes the tables of docs/performance.md.

    python -m benchmarks [SUITE …] [--full | --quick] [--print]

Here: which suites run, and where their tables go. Not here: what they measure (``suites.py`` names the modules).
"""

import argparse
import importlib.metadata
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from .measure import FOLDER, say
from .suites import ONLY_BY_NAME, SUITES, Options, suite
from .tables import put_into

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_PACKAGES = ("dagster", "duckdb", "httpx", "pandas", "polars", "pyarrow")


def machine() -> str:
    """What the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    kernel = platform.release().partition("-")[0]
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {kernel}, "
        f"Python {platform.python_version()}, {versions}; {datetime.now(UTC):%Y-%m-%d}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="; ".join(f"{name}: {what}" for name, what in SUITES.items())
    )
    parser.add_argument("--full", action="store_true", help="larger inputs and more rounds: hours instead of minutes")
    parser.add_argument("--quick", action="store_true", help="so little that it only tries the suite (engine); prints")
    parser.add_argument("--print", action="store_true", help="print the tables and leave the document as it is")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="kept between runs")
    options = parser.parse_args()
    if unknown := set(options.suites) - SUITES.keys():
        parser.error(f"there is no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = Options(full=options.full, folder=options.folder.resolve(), quick=options.quick)
    for name in options.suites or [name for name in SUITES if name not in ONLY_BY_NAME]:
        say(f"{name}: {SUITES[name]}")
        started = time.perf_counter()
        text = "\n".join(table.markdown() for table in suite(name)(chosen))
        if options.print or options.quick:
            print(text)
        else:
            put_into(DOCUMENT, name, f"Measured on {machine()}.\n\n{text}")
        say(f"{name}: {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
