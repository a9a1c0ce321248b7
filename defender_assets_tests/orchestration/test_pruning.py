"""Retention in Dagster's terms: the job, its schedule, what the UI shows afterwards, and Dagster's own history."""

import resource
import shutil
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from dagster._core.storage.schedules.schema import AssetDaemonAssetEvaluationsTable
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import func, insert, select

from defender_assets.catalog import TABLES
from defender_assets.definitions import build_defs
from defender_assets.lake import Lake
from defender_assets.orchestration import history_retention, pruned_partitions
from defender_assets.orchestration.dagster_home import open_home
from defender_assets.orchestration.history_retention import compact, databases, old_runs, remove_old_history
from defender_assets.orchestration.pruned_partitions import forget_pruned

from ..peers import library
from ..rules.places import ROOT
from ..serve.postgresql import serving_postgresql
from .automation.ticks import QUIET, Daemon, execute

TODAY = datetime.now(UTC).date()
NOW = datetime.now(UTC)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def captured(lake: Lake, table: str, *days: date) -> None:
    for day in days:
        facts = {"observed_at": (datetime.combine(day, NOW.time(), UTC) - timedelta(minutes=5)).isoformat()}
        with lake.writing(TABLES[table], day, facts) as partition:
            partition.write(TABLES[table].schema.empty_table())
            partition.publish()


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("DEFENDER_RETENTION", "30 days")
    return Lake(str(tmp_path / "lake"))


def known(instance: dg.DagsterInstance, table: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(table))


def run_job(daemon: Daemon, **config: object) -> dg.ExecuteInProcessResult:
    job = daemon.defs.resolve_job_def("prune")
    run_config = {"ops": {"prune_days": {"config": config}}, **QUIET}
    return job.execute_in_process(run_config=run_config, instance=daemon.instance, raise_on_error=False)


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = (event for event in result.all_node_events if event.event_type_value == "STEP_OUTPUT")
    return {name: value.value for name, value in event.event_specific_data.metadata.items()}


def test_the_job_only_says_what_would_go_until_it_is_told_to_delete(lake, instance):
    captured(lake, "machines", ago(0), ago(60), ago(90))
    daemon = Daemon(instance)
    daemon.tick("lake_partitions")
    assert known(instance, "machines") == {str(ago(days)) for days in (0, 60, 90)}
    # as it is started from the UI
    facts = told(run_job(daemon))
    assert facts["would be removed"] == 2
    assert facts["bytes"] > 0
    assert len(lake.dates("machines")) == 3
    # and told to
    facts = told(run_job(daemon, delete=True))
    assert (facts["removed"], lake.dates("machines")) == (2, [ago(0)])
    record = facts["tables"][0].data if isinstance(facts["tables"], list) else facts["tables"].records[0].data
    assert record == {
        "tenant": "default", "table": "machines", "days": 2, "first": str(ago(90)), "last": str(ago(60)),
        "bytes": facts["bytes"], "left, because in use": 0,
    }  # fmt: skip
    # then the UI shows what there is, and goes on to
    assert known(instance, "machines") == {str(ago(0))}
    daemon.cursors.clear()
    assert daemon.tick("lake_partitions").skip_message == "The lake holds nothing new."
    assert known(instance, "machines") == {str(ago(0))}


def test_the_job_prunes_the_report_over_all_tenants_too(lake, instance):
    pages = Lake(lake.root, "all").files
    for days in (0, 60):
        pages.publish("compliance_report", ago(days), "report.html", b"page")
    facts = told(run_job(Daemon(instance), delete=True))
    assert (facts["removed"], pages.days("compliance_report")) == (1, [ago(0)])


def test_the_job_says_which_days_it_did_not_count_from(lake, instance):
    """As the verb does: a day after a long pause, which a wrong clock may have made."""
    captured(lake, "machines", *(ago(days) for days in (0, 100, 101, 102, 103, 140)))
    facts = told(run_job(Daemon(instance)))
    assert facts["would be removed"] == 1
    assert (
        f"counted back from {ago(100)}, because more than a month is between it and {TODAY}."
        in facts["not counted from"]
    )
    # and nothing of it where every day counts
    captured(lake, "machines", ago(60), ago(80))
    assert "not counted from" not in told(run_job(Daemon(instance)))


def test_the_day_that_a_run_is_working_on_stays(lake, instance):
    captured(lake, "machines", ago(0), ago(60), ago(90))
    tags = {"dagster/partition": str(ago(60))}
    create_run_for_test(instance, job_name="refresh_all", status=dg.DagsterRunStatus.STARTED, tags=tags)
    facts = told(run_job(Daemon(instance), delete=True))
    assert (facts["removed"], lake.dates("machines")) == (1, [ago(60), ago(0)])


def test_the_job_without_a_rule_fails_with_what_to_do(lake, instance, monkeypatch):
    monkeypatch.delenv("DEFENDER_RETENTION")
    result = run_job(Daemon(instance), delete=True)
    failure = result.failure_data_for_node("prune_days")
    assert "DEFENDER_RETENTION is not set: say which days stay" in failure.user_failure_data.description


def test_the_job_refuses_a_tenant_that_nobody_knows(lake, instance):
    failure = run_job(Daemon(instance), tenant="nobody", delete=True).failure_data_for_node("prune_days")
    assert "without it there is one tenant, named 'default'" in failure.user_failure_data.description


def test_the_schedule_deletes_and_does_nothing_without_a_rule(lake, instance, monkeypatch):
    daemon = Daemon(instance)
    request = daemon.clock("daily_pruning").run_requests[0]
    assert request.run_config["ops"] == {"prune_days": {"config": {"delete": True}}}
    assert request.run_key == f"daily_pruning:{TODAY}"
    schedule = daemon.defs.resolve_schedule_def("daily_pruning")
    assert (schedule.cron_schedule, schedule.default_status) == ("0 18 * * *", dg.DefaultScheduleStatus.STOPPED)
    monkeypatch.delenv("DEFENDER_RETENTION")
    assert "every day stays" in daemon.clock("daily_pruning").skip_message


def test_partitions_that_were_pruned_elsewhere_are_forgotten_and_lost_ones_are_not(lake, instance):
    captured(lake, "machines", ago(0), ago(60), ago(90))
    captured(lake, "software", ago(0), ago(60))
    lake.files.publish("compliance_report", ago(60), "report.html", b"<p>")
    daemon = Daemon(instance)
    daemon.tick("lake_partitions")
    days = daemon.defs.resolve_asset_graph().get(dg.AssetKey("machines")).partitions_def
    keys = [str(ago(60)), str(ago(90))]
    made = AssetPartitionStatus.MATERIALIZED
    assert list(instance.get_status_by_partition(dg.AssetKey("machines"), keys, days).values()) == [made, made]
    # given a prune on another machine, a day that was made again since, and one that is lost
    for table in ("machines", "compliance_report"):
        lake.note_pruned(table, [ago(60), ago(90)], TODAY)
    for table, day in (("machines", 60), ("compliance_report", 60), ("software", 60)):
        lake.storage.remove_partition(table, f"{table}/tenant=default/snapshot_date={ago(day)}")
    daemon.cursors["lake_partitions"] = None
    # when the sensor looks
    assert daemon.tick("lake_partitions").skip_message.endswith("2 partitions forgotten that retention removed.")
    assert known(instance, "machines") == {str(ago(0)), str(ago(90))}
    assert known(instance, "compliance_report") == set()
    assert known(instance, "software") == {str(ago(0)), str(ago(60))}
    # then what counts the partitions of an asset counts anew
    assert list(instance.get_status_by_partition(dg.AssetKey("machines"), keys, days).values()) == [None, made]
    with instance.event_log_storage.index_connection() as connection:
        events = SqlEventLogStorageTable.c
        left = select(func.count()).where(events.asset_key == '["machines"]', events.partition == str(ago(60)))
        assert connection.execute(left).scalar() == 0
    assert forget_pruned(instance, lake) == 0


def test_what_a_storage_cannot_forget_is_not_counted(lake, instance, monkeypatch):
    captured(lake, "machines", ago(0), ago(60))
    Daemon(instance).tick("lake_partitions")
    lake.note_pruned("machines", [ago(60)], TODAY)
    lake.storage.remove_partition("machines", f"machines/tenant=default/snapshot_date={ago(60)}")
    monkeypatch.setattr(pruned_partitions, "SqlEventLogStorage", ())
    assert forget_pruned(instance, lake) == 0
    assert known(instance, "machines") == {str(ago(0)), str(ago(60))}


def _finished(instance: dg.DagsterInstance, days_old: int) -> str:
    run = create_run_for_test(instance, job_name="refresh_all", status=dg.DagsterRunStatus.SUCCESS)
    _age(instance, run.run_id, days_old)
    return run.run_id


def _age(instance: dg.DagsterInstance, run_id: str, days_old: int) -> None:
    from dagster._core.storage.runs.schema import RunsTable

    with instance.run_storage.connect() as connection:
        long_ago = datetime.now(UTC) - timedelta(days=days_old)
        connection.execute(RunsTable.update().where(RunsTable.c.run_id == run_id).values(update_timestamp=long_ago))


def test_old_runs_go_with_all_that_is_kept_of_them(lake, tmp_path, simulator, tenant_settings):
    """The history of a folder, as `serve` keeps it: a run that fetched, and one that is still under way."""
    home = tmp_path / "home"
    with open_home(home) as instance:
        defs = build_defs()
        old = execute(defs, ["kev"], instance=instance, partition_key=str(TODAY))
        new = execute(defs, ["kev"], instance=instance, partition_key=str(TODAY))
        running = create_run_for_test(instance, job_name="refresh_all", status=dg.DagsterRunStatus.STARTED)
        for run_id in (old.run_id, running.run_id):
            _age(instance, run_id, 40)
        checks = set(instance.event_log_storage.get_latest_asset_check_execution_by_key(_checks(defs)))
        shards = {path.stem for path in (home / "history" / "runs").glob("*.db")}
        assert {old.run_id, new.run_id} <= shards
        assert old_runs(instance, 30, NOW) == 1
        assert remove_old_history(instance, 30, NOW).runs == 1
        assert not instance.has_run(old.run_id)
        assert instance.has_run(new.run_id)
        assert instance.has_run(running.run_id)
        assert not list((home / "history" / "runs").glob(f"{old.run_id}*"))
        assert not (home / "storage" / old.run_id).exists()
        assert (home / "storage" / new.run_id).exists()
        # the last verdict of a check, and what the newer run made, are there
        assert set(instance.event_log_storage.get_latest_asset_check_execution_by_key(_checks(defs))) == checks
        assert known(instance, "kev") == {str(TODAY)}
        # when the other goes too, the lake says what there is
        _age(instance, new.run_id, 40)
        assert remove_old_history(instance, 30, NOW).runs == 1
        assert known(instance, "kev") == set()
        # (what was only just made is told two minutes later)
        assert "1 to come" in Daemon(instance, defs).tick("lake_partitions").skip_message
        assert remove_old_history(instance, None, NOW).runs == 0


def _checks(defs: dg.Definitions) -> list[dg.AssetCheckKey]:
    return sorted(defs.resolve_asset_graph().get_check_keys_for_assets({dg.AssetKey("kev")}))


def test_without_time_the_rest_is_left_to_the_next_tick(instance):
    for _ in range(3):
        _finished(instance, 40)
    assert remove_old_history(instance, 30, NOW, seconds=0).to_come
    assert remove_old_history(instance, 30, NOW).runs == 3
    assert old_runs(instance, 30, NOW) == 0


def test_when_time_is_up_the_checks_of_the_runs_that_went_go_too(tmp_path, monkeypatch, simulator, tenant_settings):
    with open_home(tmp_path / "home") as instance:
        defs = build_defs()
        runs = [execute(defs, ["kev"], instance=instance, partition_key=str(TODAY)).run_id for _ in range(3)]
        for run_id in runs[:2]:
            _age(instance, run_id, 40)
        seconds = iter([0.0, 0.0, 2.0])
        monkeypatch.setattr(history_retention, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
        removed = remove_old_history(instance, 30, NOW, seconds=1.0)
        assert (removed.runs, removed.to_come) == (1, True)
        with instance.event_log_storage.index_connection() as connection:
            checked = set(connection.execute(select(AssetCheckExecutionsTable.c.run_id)).scalars())
        assert checked == {run_id for run_id in runs if instance.has_run(run_id)}


def _evaluate(instance: dg.DagsterInstance, number: int, when: datetime, body: str = "{}") -> None:
    rows = [
        {"evaluation_id": n, "asset_key": '["devices"]', "asset_evaluation_body": body, "num_requested": 0,
         "create_timestamp": when.replace(tzinfo=None)}
        for n in range(number)
    ]  # fmt: skip
    with instance.schedule_storage.connect() as connection:
        last = connection.execute(select(func.max(AssetDaemonAssetEvaluationsTable.c.evaluation_id))).scalar() or 0
        connection.execute(
            insert(AssetDaemonAssetEvaluationsTable),
            [row | {"evaluation_id": row["evaluation_id"] + last + 1} for row in rows],
        )


def test_evaluations_stay_for_a_day_and_the_newest_of_many(instance, monkeypatch):
    _evaluate(instance, 7, NOW - timedelta(days=2))
    _evaluate(instance, 5, NOW)
    assert remove_old_history(instance, None, NOW).evaluations == 7
    monkeypatch.setattr(history_retention, "EVALUATIONS_KEPT", 3)
    assert remove_old_history(instance, None, NOW).evaluations == 2
    assert remove_old_history(instance, None, NOW).evaluations == 0
    with instance.schedule_storage.connect() as connection:
        left = connection.execute(select(AssetDaemonAssetEvaluationsTable.c.evaluation_id)).scalars().all()
    assert left == [10, 11, 12]


def test_the_sensor_keeps_the_history_small_and_says_what_it_did(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFENDER_HISTORY_DAYS", "30")
    with open_home(tmp_path / "home") as instance:
        _evaluate(instance, 300, NOW - timedelta(days=2), body="x" * 80_000)
        _finished(instance, 40)
        before = databases(instance)
        assert before.bytes > 300 * 80_000
        said = Daemon(instance).tick("dagster_history").skip_message
        assert said == "300 evaluations and 1 run removed."
        after = databases(instance)
        assert after.bytes < 2_000_000
        # what is in the folder is what was measured
        schedules = tmp_path / "home" / "schedules" / "schedules.db"
        assert schedules.stat().st_size < 1_000_000


def test_a_database_that_is_in_use_keeps_its_size_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(history_retention, "_BUSY_SECONDS", 0.1)
    with open_home(tmp_path / "home") as instance:
        _evaluate(instance, 300, NOW - timedelta(days=2), body="x" * 80_000)
        remove_old_history(instance, None, NOW)
        other = sqlite3.connect(tmp_path / "home" / "schedules" / "schedules.db")
        other.execute("BEGIN IMMEDIATE")
        assert compact(instance) == ["In use, so not made smaller: schedules.db."]
        other.rollback()
        other.close()
        # one that holds much waits for somebody to ask for it
        assert compact(instance, at_most=1) == []
        assert databases(instance).unused > 20_000_000
        assert compact(instance) == []
        assert databases(instance).unused < 1_000_000


def test_a_database_that_cannot_be_made_smaller_says_why_and_in_any_folder(tmp_path):
    with open_home(tmp_path / "home #1") as instance:
        _evaluate(instance, 300, NOW - timedelta(days=2), body="x" * 80_000)
        remove_old_history(instance, None, NOW)
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, former[1]))  # as on a disk that is full
        try:
            (told,) = compact(instance)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
        assert told.startswith("schedules.db was not made smaller: ")
        assert compact(instance) == []


def test_a_history_in_memory_has_no_files():
    with dg.DagsterInstance.ephemeral() as instance:
        assert databases(instance) is None
        assert compact(instance) == []
        assert remove_old_history(instance, 30, NOW).runs == 0


@pytest.mark.slow
def test_a_history_in_postgresql_is_kept_small_in_the_same_way(lake, tmp_path, monkeypatch, simulator, tenant_settings):
    captured(lake, "machines", ago(0), ago(60))
    library("dagster_postgres", "defender-assets[postgresql]")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(ROOT / "deploy" / "postgresql" / "dagster.yaml", home / "dagster.yaml")
    with serving_postgresql() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        with open_home(home) as instance:
            defs = build_defs()
            old = execute(defs, ["kev"], instance=instance, partition_key=str(TODAY))
            new = execute(defs, ["kev"], instance=instance, partition_key=str(TODAY))
            _age(instance, old.run_id, 40)
            _evaluate(instance, 7, NOW - timedelta(days=2))
            _evaluate(instance, 5, NOW)
            checks = set(instance.event_log_storage.get_latest_asset_check_execution_by_key(_checks(defs)))
            assert checks
            removed = remove_old_history(instance, 30, NOW)
            assert (removed.runs, removed.evaluations, removed.to_come) == (1, 7, False)
            assert (instance.has_run(old.run_id), instance.has_run(new.run_id)) == (False, True)
            assert not instance.all_logs(old.run_id)
            assert set(instance.event_log_storage.get_latest_asset_check_execution_by_key(_checks(defs))) == checks
            assert databases(instance) is None
            assert compact(instance) == []
            # and what was pruned of the lake is forgotten
            Daemon(instance, defs).tick("lake_partitions")
            assert known(instance, "machines") == {str(ago(0)), str(ago(60))}
            assert told(run_job(Daemon(instance), delete=True))["removed"] == 1
            assert known(instance, "machines") == {str(ago(0))}
