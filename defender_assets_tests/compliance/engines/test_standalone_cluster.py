"""The compliance tables on a cluster of one master and two workers: the same command, with the engine's settings alone
changed, leaves the same lake; also when a worker or the driver is lost in mid-run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from defender_assets.catalog import DERIVED

from ...cli.program import invoke
from ..test_golden import golden_tenant
from . import event_log
from .lakes import copied, differences, files, lake_of, random_tenant, rounded
from .refreshes import refreshed, refreshing
from .spark_processes import StandaloneCluster, standalone_cluster

pytestmark = [pytest.mark.slow, pytest.mark.alone]

FINDINGS = "key:patch_findings or key:patch_compliance"
"""Two tables of which one is made from the other: most of the work of all."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def spark(cluster: StandaloneCluster, tmp_path: Path) -> dict[str, str]:
    """What is set for the cluster, of which nothing is read from a configuration of the machine's own."""
    staging = tmp_path / "staging"
    staging.mkdir()
    return {
        "DEFENDER_ENGINE": "spark",
        "DEFENDER_SPARK_MASTER": cluster.master,
        "DEFENDER_SPARK_STAGING": str(staging),
        "DEFENDER_SPARK_FROM_ROWS": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
        **event_log.configuration(tmp_path / "driver"),
    }


def _answers(lake: Path) -> list[str]:
    """What the readers of a lake say of every derived table: each of its rows."""
    rows = " UNION ALL ".join(f"SELECT '{name}' AS made, to_json(t)::VARCHAR AS row FROM {name} t" for name in DERIVED)
    told = json.loads(invoke("query", "--format", "json", rows, DEFENDER_LAKE=str(lake)).stdout)
    assert {each["made"] for each in told} == set(DERIVED)
    return sorted(f"{each['made']}: {rounded(json.loads(each['row']))}" for each in told)


def test_the_golden_tenant_is_judged_alike_and_readers_notice_nothing(spark: dict[str, str], tmp_path: Path) -> None:
    ours = lake_of(golden_tenant(), tmp_path / "ours")
    theirs = copied(ours, tmp_path / "theirs")
    duckdb = refreshed(ours)
    on_spark = refreshed(theirs, **spark)
    # every table was computed on both workers, and the command says the same of each
    ends = event_log.task_ends(tmp_path / "driver")
    assert {end.executor for end in ends} == {"0", "1"}
    assert {end.reason for end in ends} == {"Success"}
    assert event_log.application(tmp_path / "driver") == "defender-assets"
    assert on_spark.outcomes == duckdb.outcomes
    assert len([line for line in duckdb.outcomes if line.startswith("ok")]) == len(DERIVED) + 1
    # rows, types and what each file says of itself are the same, and no other file is there
    assert differences(ours, theirs) == {}
    assert files(theirs) == files(ours)
    assert _answers(theirs) == _answers(ours)
    assert list(Path(spark["DEFENDER_SPARK_STAGING"]).iterdir()) == []


def test_a_worker_that_is_killed_in_mid_run_changes_nothing(
    cluster: StandaloneCluster, spark: dict[str, str], tmp_path: Path
) -> None:
    ours = lake_of(random_tenant(), tmp_path / "ours")
    theirs = copied(ours, tmp_path / "theirs")
    some = f"key:device_identity or {FINDINGS}"
    duckdb = refreshed(ours, some)
    with refreshing(theirs, some, **spark) as refresh:
        lost = cluster.stop_in_mid_task(finished=3, work=refresh.process)
        in_work = lost.tasks[0]
        cluster.lose(lost)
        assert refresh.wait() == 0, refresh.output + refresh.errors
    cluster.add_worker()
    # the tasks that it was at ended with it, and the other worker finished their parts of the stage
    ends = event_log.task_ends(tmp_path / "driver")
    gone = [end for end in ends if end.task in in_work]
    assert gone
    for end in gone:
        assert end.reason == "ExecutorLostFailure"
        made = {e.executor for e in ends if (e.stage, e.part, e.reason) == (end.stage, end.part, "Success")}
        assert made
        assert end.executor not in made
    # and nothing else tells of it
    assert refresh.outcomes == duckdb.outcomes
    assert differences(ours, theirs) == {}
    assert files(theirs) == files(ours)


def test_a_worker_that_does_not_share_the_staging_folder_loses_no_row_unnoticed(
    cluster: StandaloneCluster, spark: dict[str, str], tmp_path: Path
) -> None:
    """Spark itself counts such a run as a success, and the rows of that worker are nowhere."""
    lake = lake_of(random_tenant(), tmp_path / "lake")
    before = files(lake)
    apart = cluster.add_worker(own=Path(spark["DEFENDER_SPARK_STAGING"]))
    apart.said("(Successfully registered with master)")
    try:
        with refreshing(lake, "key:device_identity", **spark) as refresh:
            assert refresh.wait() == 1, refresh.output + refresh.errors
    finally:
        apart.kill()
        cluster.workers.remove(apart)
    assert "of 64 rows that Spark" in refresh.output + refresh.errors
    assert "DEFENDER_SPARK_STAGING" in refresh.output + refresh.errors
    assert files(lake) == before


def test_a_lost_driver_leaves_what_was_there_and_the_next_run_works(
    cluster: StandaloneCluster, spark: dict[str, str], tmp_path: Path
) -> None:
    lake = lake_of(golden_tenant(), tmp_path / "lake")
    refreshed(lake, f"key:device_identity or {FINDINGS}")
    former = {name: (lake / name).read_bytes() for name in files(lake)}
    with refreshing(lake, FINDINGS, **spark) as refresh:
        executor = cluster.stop_in_mid_task(finished=3, work=refresh.process)
        refresh.java.kill()
        executor.process.resume()
        assert refresh.wait() == 1
    assert "FAILED  patch_findings: " in refresh.errors
    assert "Traceback" not in refresh.errors
    assert "not made, because patch_findings failed: patch_compliance" in refresh.errors
    assert {name: (lake / name).read_bytes() for name in files(lake)} == former
    again = copied(lake, tmp_path / "again")
    refreshed(again, FINDINGS, **(spark | event_log.configuration(tmp_path / "2")))
    assert differences(lake, again) == {}
    assert list(Path(spark["DEFENDER_SPARK_STAGING"]).iterdir()) == []
