"""The history of runs in this process where no folder is kept: what is recorded, and how often it is asked."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.event_log.base import AssetRecordsFilter
from sqlalchemy import event

from defender_assets.orchestration.check_targets import with_one_target
from defender_assets.orchestration.dagster_home import dagster_instance
from defender_assets.orchestration.local_runs import materialize
from defender_assets.orchestration.partitions import TenantDays

TODAY = datetime.now(UTC).date()
DAYS = TenantDays(TODAY - timedelta(days=1))


@pytest.fixture
def instance(tmp_path, monkeypatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dagster_instance() as instance:
        assert instance.is_ephemeral
        yield instance


def checked_asset(checks: int) -> dg.AssetsDefinition:
    names = [f"check_{number}" for number in range(checks)]

    @dg.asset(
        name="things",
        partitions_def=DAYS.definition,
        check_specs=[dg.AssetCheckSpec(name, asset="things") for name in names],
    )
    def things():
        results = with_one_target(dg.AssetCheckResult(check_name=name, passed=True) for name in names)
        return dg.MaterializeResult(check_results=results)

    return things


def refresh(asset: dg.AssetsDefinition, instance: dg.DagsterInstance) -> None:
    (outcome,) = materialize(dg.Definitions([asset]), instance, {asset.key}, tenant="default", first=TODAY, last=TODAY)
    assert outcome.ok


def targets(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Of each result of a check of the run, the run whose materialization it is about."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [entry.get_dagster_event().asset_check_evaluation_data for entry in events]
    return [each.target_materialization_data.run_id for each in evaluations if each.target_materialization_data]


def test_each_result_of_a_check_is_about_the_materialization_of_its_run(instance):
    asset = checked_asset(3)
    for _ in range(2):
        refresh(asset, instance)
        newest = instance.get_runs(limit=1)[0].run_id
        assert targets(instance, newest) == [newest] * 3


def test_more_checks_do_not_ask_for_the_materialization_more_often(instance, monkeypatch):
    asked: list[object] = []
    fetch = type(instance.event_log_storage).fetch_materializations
    monkeypatch.setattr(
        type(instance.event_log_storage),
        "fetch_materializations",
        lambda storage, *words, **more: asked.append(words) or fetch(storage, *words, **more),
    )
    refresh(checked_asset(1), instance)
    of_one = len(asked)
    refresh(checked_asset(9), instance)
    assert len(asked) - of_one == of_one == 1


def test_events_do_not_open_a_connection_each(instance):
    refresh(checked_asset(1), instance)
    opened: list[object] = []
    storage = instance.event_log_storage
    for engine in (storage._engine, storage._kept):
        event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    refresh(checked_asset(9), instance)
    assert not opened


def test_what_many_threads_record_is_all_there_and_ends_without_a_word(instance, caplog):
    def record(number: int) -> None:
        for place in range(5):
            instance.report_runless_asset_event(dg.AssetMaterialization(f"of_thread_{number}", partition=str(place)))

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        of_thread = AssetRecordsFilter(dg.AssetKey(f"of_thread_{number}"))
        found = instance.fetch_materializations(of_thread, limit=10).records
        assert sorted(str(each.partition_key) for each in found) == list("01234")
    # then another thread than those that recorded can end it, of which SQLAlchemy would tell the fault with a traceback
    instance.event_log_storage.dispose()
    assert not caplog.records
