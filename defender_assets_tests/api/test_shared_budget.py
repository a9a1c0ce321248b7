"""One allowance for all that ask: two refreshes and a sensor's look at once, where the service enforces its quotas."""

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import CaughtUp, note_caught_up, stale_days
from defender_assets.settings import Settings, connection
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..cli.program import COMMAND

CALLS = 110  # of each refresh; the quota of logon users is 100 a minute


def refusals(simulator: Simulator) -> int:
    """How often the service said 429, and how often it was asked while it wanted to be left alone."""
    counters = simulator.control.counters()
    return sum(counters["refused"].values()) + sum(counters["early"].values())


@pytest.mark.alone
@pytest.mark.slow
def test_two_refreshes_and_a_sensor_keep_one_quota_and_lose_no_time(monkeypatch, tmp_path):
    """Given 220 calls to make at 100 a minute, then after the first minute's warm-up the service refuses none, and the
    last call is made within a tenth of the two minutes that the quota needs."""
    with Simulator(SimulatedTenant(TenantShape(machines=120)), enforce_quotas=True) as simulator:
        for name, value in simulator.settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DEFENDER_USER_CALLS", str(CALLS))
        for lake in ("one", "two"):
            done = subprocess.run(
                [*COMMAND, "refresh", "--select", "machines"], env=os.environ | {"DEFENDER_LAKE": str(tmp_path / lake)},
                timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 0
        started = time.monotonic()
        refreshes = [
            subprocess.Popen(
                [*COMMAND, "refresh", "--select", "machine_users"],
                env=os.environ | {"DEFENDER_LAKE": str(tmp_path / lake)},
            )
            for lake in ("one", "two")
        ]
        settings = Settings.load()
        alerts, lake = DATASETS["alerts"], Lake(str(tmp_path / "looked at"))
        warm = False
        with open_client(connection(settings), settings) as client:
            while any(refresh.poll() is None for refresh in refreshes):
                now = datetime.now(UTC)
                note_caught_up(lake, alerts, CaughtUp(to=now - timedelta(hours=1), compared=now))
                stale_days(client, alerts, lake, now, quick=True)
                if not warm and time.monotonic() - started > 50:
                    warm = True
                    warmed_up = refusals(simulator)
                assert time.monotonic() - started < 300
                time.sleep(5)
        seconds = time.monotonic() - started
        assert [refresh.returncode for refresh in refreshes] == [0, 0]
        counters = simulator.control.counters()
        assert counters["calls"]["logon_users"] >= 2 * CALLS
        assert refusals(simulator) == warmed_up
        starting = 10  # until both processes have loaded and logged in
        assert seconds <= 1.1 * 120 + starting
