"""Ctrl-C and SIGTERM in mid-refresh: one sentence, an exit code, a record that is true, within seconds."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from defender_assets.lake import Lake
from defender_assets.orchestration.dagster_home import open_home
from defender_assets.simulator import Simulator

from ..serve.local_dagster import eventually

SENTENCE = "defender-assets: stopped; what was published stays, what was under way is discarded\n"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass
class Waiting:
    """A table that waits for the service, and the signal that comes then. ``before`` is published before it, ``after``
    would come after it."""

    table: str
    kind: str
    how: dict[str, Any]
    number: signal.Signals
    before: str = ""
    after: str = ""
    part: str = ""
    settings: dict[str, str] = field(default_factory=dict)


WAITING = {
    "for an answer": Waiting("machines", "slow", {"seconds": 300}, signal.SIGINT, after="machine_users"),
    "to try again": Waiting("machines", "status", {"status": 503}, signal.SIGTERM, after="machine_users"),
    "for the quota": Waiting("machines", "throttled", {"seconds": 300}, signal.SIGINT, after="machine_users"),
    "in a crawl": Waiting("machine_users", "status", {"status": 503}, signal.SIGTERM, before="machines"),
    "before its run": Waiting("alerts", "throttled", {"seconds": 300}, signal.SIGTERM),
    "for a file": Waiting(
        "software_vulnerabilities", "pending", {}, signal.SIGINT,
        part="storage", settings={"DEFENDER_EXPORT_FILES": "always"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "what",
    [
        "for an answer",
        "in a crawl",
        *(
            pytest.param(what, marks=pytest.mark.slow)
            for what in WAITING
            if what not in ("for an answer", "in a crawl")
        ),
    ],
)
def test_a_refresh_that_waits_is_stopped(
    what: str, own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    """Then what was published stays, the table that waits is not, and the one after it is not begun."""
    case = WAITING[what]
    own_simulator.control.fault(case.kind, case.part or case.table, times=-1, **case.how)
    selection = " or ".join(f"key:{table}" for table in (case.before, case.table, case.after) if table)
    process = subprocess.Popen(
        [sys.executable, "-c", "from defender_assets.cli import main; main()", "refresh", "--select", selection],
        env=os.environ | case.settings | {"DAGSTER_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    control = own_simulator.control
    eventually(
        lambda: control.faults()[0]["number"] or process.poll() is not None, 300, "the fault was met", every=0.05
    )
    process.send_signal(case.number)
    output, errors = process.communicate(timeout=300)

    assert process.returncode == CODES[case.number]
    assert errors.endswith(SENTENCE)
    assert "Traceback" not in errors
    assert "FAILED" not in errors
    published = [case.before] if case.before else []
    assert [line.split()[1] for line in output.splitlines() if line.startswith("ok")] == published
    lake = Lake(str(tmp_path / "lake"))
    assert [table for table in (case.before, case.table, case.after) if table and lake.newest(table)] == published
    with open_home(tmp_path / "home") as instance:
        done = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED
        assert {run.status for run in instance.get_runs()} <= set(done)
