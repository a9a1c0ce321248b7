"""The compliance tables by Spark Connect: a real server of its own, which the command reaches by its address alone."""

from pathlib import Path

import pytest

from ..test_golden import golden_tenant
from .lakes import copied, differences, files, lake_of, random_tenant
from .refreshes import refreshed, refreshing
from .spark_processes import connect_server

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def _settings(address: str, staging: Path) -> dict[str, str]:
    staging.mkdir(exist_ok=True)
    return {
        "DEFENDER_ENGINE": "spark",
        "DEFENDER_SPARK_REMOTE": address,
        "DEFENDER_SPARK_STAGING": str(staging),
        "DEFENDER_SPARK_FROM_ROWS": "0",
    }


def test_a_random_tenant_is_judged_alike_by_a_server_that_asks_for_a_token(tmp_path: Path) -> None:
    ours = lake_of(random_tenant(), tmp_path / "ours")
    theirs = copied(ours, tmp_path / "theirs")
    raw, duckdb = files(ours), refreshed(ours)
    token = "connect-canary-5127"
    with connect_server(tmp_path / "server", **{"spark.connect.authenticate.token": token}) as (address, server):
        # over localhost, as the client sends no token to another place without TLS
        place = address.replace("127.0.0.1", "localhost")
        with refreshing(
            theirs, "key:device_identity", **_settings(f"{place}/;token=wrong-{token}", tmp_path)
        ) as refused:
            assert refused.wait() == 1
        assert "FAILED  device_identity: " in refused.errors
        assert token not in refused.errors + refused.output
        assert files(theirs) == raw
        on_spark = refreshed(theirs, **_settings(f"{place}/;token={token}", tmp_path / "staging"))
        assert server.tasks[1]
    assert token not in on_spark.errors + on_spark.output
    assert on_spark.outcomes == duckdb.outcomes
    assert differences(ours, theirs) == {}
    assert files(theirs) == files(ours)
    assert list((tmp_path / "staging").iterdir()) == []


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
