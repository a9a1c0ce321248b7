"""What a session's event log says of its tasks: where each ran, and how it ended.

Here: reading the log. Not here: who writes it (Spark, by the configuration that a test gives to the driver).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...serve.local_dagster import eventually
from .spark_processes import FOR_FEW_ROWS


@dataclass(frozen=True)
class TaskEnd:
    """An attempt to compute a part of a stage."""

    task: int
    stage: int
    part: int
    executor: str
    reason: str


def configuration(folder: Path) -> dict[str, str]:
    """The environment with which a driver that has few rows writes an event log below the folder."""
    (folder / "events").mkdir(parents=True)
    settings = {"enabled": "true", "dir": (folder / "events").as_uri(), "compress": "false", "rolling.enabled": "false"}
    lines = [f"spark.eventLog.{name} {value}" for name, value in settings.items()]
    lines += [f"{name} {value}" for name, value in FOR_FEW_ROWS.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    return {"SPARK_CONF_DIR": str(folder)}


def task_ends(folder: Path) -> list[TaskEnd]:
    """Every attempt that ended, in the order in which the driver heard of it. The driver, which may outlive the command
    by a moment, finishes its log first."""
    ends = []
    for event in _events(folder):
        if event["Event"] == "SparkListenerTaskEnd":
            told = event["Task Info"]
            ends.append(
                TaskEnd(
                    told["Task ID"], event["Stage ID"], told["Index"], told["Executor ID"],
                    event["Task End Reason"]["Reason"],
                )
            )  # fmt: skip
    return ends


def application(folder: Path) -> str:
    """What the cluster's pages call it."""
    (name,) = [event["App Name"] for event in _events(folder) if event["Event"] == "SparkListenerApplicationStart"]
    return str(name)


def _events(folder: Path) -> list[dict[str, Any]]:
    def finished() -> list[Path]:
        logs = [path for path in (folder / "events").iterdir() if not path.name.startswith(".")]
        return [] if any(path.suffix == ".inprogress" for path in logs) else sorted(logs)

    logs = eventually(finished, 120, "the driver has finished its event log")
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]
