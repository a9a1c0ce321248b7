"""An installation of so many tenants: their settings, and a lake in which each has been refreshed.

Here: one simulated service, asked once, whose rows every tenant has. Not here: what is measured on it
(``orchestration.py``, ``ticks.py``).
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from defender_assets.demo.tenant import simulated_tenant

from .measure import PROGRAM, run

_FIRST = "tenant-000"


def names(count: int) -> list[str]:
    return [f"tenant-{number:03}" for number in range(count)]


@dataclass(frozen=True)
class Installation:
    """``settings`` reach the service; the lake holds ``_FIRST``, refreshed twice, and is copied for the others."""

    folder: Path
    settings: Mapping[str, str]

    def of(self, count: int) -> dict[str, str]:
        """The environment of an installation with so many tenants. They share files of the lake, which are replaced and
        never changed."""
        lake = self.folder / "lake"
        for first in (*lake.glob(f"*/tenant={_FIRST}"), *lake.glob(f".notes/*/tenant={_FIRST}")):
            for name in names(count):
                other = first.with_name(f"tenant={name}")
                if not other.exists():
                    # Notes are small and change in place.
                    shutil.copytree(first, other, copy_function=shutil.copy2 if ".notes" in first.parts else os.link)
        listed = self.folder / f"tenants-{count}.yaml"
        listed.write_text(yaml.safe_dump({"tenants": [{"name": name} for name in names(count)]}))
        return {**self.settings, "DEFENDER_TENANTS": str(listed)}


@contextmanager
def installation(folder: Path, *, machines: int = 200) -> Iterator[Installation]:
    """The service, in a process of its own, and the refreshed lake, in ``folder``."""
    with simulated_tenant(machines) as tenant:
        settings = tenant.settings | {
            "DEFENDER_LAKE": str(folder / "lake"),
            "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        made = Installation(folder, settings)
        for _ in range(2):  # the days of a change feed are settled by two equal readings
            run([PROGRAM, "refresh", "--tenant", _FIRST], made.of(1))
        yield made
