"""The compliance tables by Spark Connect: a real server of its own, which the command reaches by its address alone."""

from pathlib import Path

import pytest

from ..test_golden import golden_tenant
from .lakes import copied, differences, files, lake_of
from .refreshes import refreshed, refreshing
from .spark_processes import connect_server

pytestmark = pytest.mark.slow


def _settings(address: str, staging: Path) -> dict[str, str]:
    staging.mkdir(exist_ok=True)
    return {
        "DEFENDER_ENGINE": "spark",
        "DEFENDER_SPARK_REMOTE": address,
        "DEFENDER_SPARK_STAGING": str(staging),
        "DEFENDER_SPARK_FROM_ROWS": "0",
    }


def test_a_lost_server_leaves_what_was_there_and_the_next_run_works(tmp_path: Path) -> None:
    lake = lake_of(golden_tenant(), tmp_path / "lake")
    refreshed(lake, "key:device_identity or key:patch_findings or key:patch_compliance")
    former = {name: (lake / name).read_bytes() for name in files(lake)}
    tables = "key:patch_findings or key:patch_compliance"
    with (
        connect_server(tmp_path / "server") as (address, server),
        refreshing(lake, tables, **_settings(address, tmp_path / "staging")) as refresh,
    ):
        server.stop_in_mid_task(finished=3, work=refresh.process)
        server.kill()
        assert refresh.wait() == 1
    assert "FAILED  patch_findings: " in refresh.errors
    assert "Traceback" not in refresh.errors
    assert {name: (lake / name).read_bytes() for name in files(lake)} == former
    again = copied(lake, tmp_path / "again")
    with connect_server(tmp_path / "server again") as (address, _):
        refreshed(again, tables, **_settings(address, tmp_path / "staging"))
    assert differences(lake, again) == {}
