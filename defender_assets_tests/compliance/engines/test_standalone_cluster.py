"""The compliance tables on a cluster of one master and two workers: the same command, with the engine's settings alone
changed, leaves the same lake, also when a worker is lost in mid-run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import event_log
from .lakes import copied, differences, files, lake_of, random_tenant
from .refreshes import refreshed, refreshing
from .spark_processes import StandaloneCluster, standalone_cluster

pytestmark = pytest.mark.slow

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
