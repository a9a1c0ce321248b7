"""``defender-assets refresh`` of all that is computed from a lake's day, in a process of its own, as a person calls it.

Here: running it to its end, or while something happens to it. Not here: the lake (``lakes.py``), what happens
(``spark_processes.py``).
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ...cli.program import COMMAND
from .lakes import DAY

EVERYTHING = "tag:days=derived"
"""All derived tables, and the report."""
_PATIENCE = 600
"""Seconds for all tables on a machine that is busy."""


@dataclass
class Refresh:
    """One that runs, or has ended: what it printed is in two files."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def output(self) -> str:
        return (self.folder / "refresh.out").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "refresh.err").read_text()

    @property
    def outcomes(self) -> set[str]:
        """What it said of each table: rows, warnings, failures."""
        lines = map(str.strip, self.output.splitlines())
        return {re.sub(r"\s+", " ", line) for line in lines if line.startswith(("ok", "warning", "FAILED"))}

    @property
    def java(self) -> psutil.Process:
        """The driver of Spark that it has started."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        (driver,) = [each for each in started if each.name() == "java"]
        return driver

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(_PATIENCE)


@contextmanager
def refreshing(lake: Path, select: str = EVERYTHING, **settings: str) -> Iterator[Refresh]:
    """A refresh that runs during the block, and is ended with it if it has not ended."""
    folder = lake.parent / f"{lake.name} refresh"
    folder.mkdir(exist_ok=True)
    words = [*COMMAND, "refresh", "--select", select, "--date", str(DAY)]
    environment: Mapping[str, str] = os.environ | {"DEFENDER_LAKE": str(lake), "TMPDIR": str(folder)} | settings
    with (folder / "refresh.out").open("wb") as output, (folder / "refresh.err").open("wb") as errors:
        process = subprocess.Popen(
            words, env=environment, cwd=folder, stdout=output, stderr=errors, stdin=subprocess.DEVNULL
        )
    try:
        yield Refresh(process, folder)
    finally:
        if process.poll() is None:
            for each in (*psutil.Process(process.pid).children(recursive=True), process):
                each.kill()
            process.wait(30)


def refreshed(lake: Path, select: str = EVERYTHING, **settings: str) -> Refresh:
    """A refresh that has ended well."""
    with refreshing(lake, select, **settings) as refresh:
        assert refresh.wait() == 0, refresh.output + refresh.errors
    return refresh
