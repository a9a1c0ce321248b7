"""``export_changes``, ticked in process against a simulated tenant."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from defender_assets.orchestration.automation.cursor import SensorCursor
from defender_assets.orchestration.automation.exported_tables import exported_tables, shortest_interval
from defender_assets.simulator import SimulatedTenant, Simulator

from .ticks import Daemon, days_of, tables_of, today

SENSOR = "export_changes"
EXPORTS = set(exported_tables())
TABLES = EXPORTS | {"software_vulnerability_changes"}


@pytest.fixture(scope="session")
def fetched(shape, stored_instance, tmp_path_factory) -> tuple[Path, str]:
    """A lake with today's exported tables, and the cursor of the sensor that had them refreshed."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as environment, Simulator(SimulatedTenant(shape)) as simulator:
        for name, value in simulator.settings.items():
            environment.setenv(name, value)
        environment.setenv("DEFENDER_BUDGET_FILE", str(folder / "calls.sqlite"))
        environment.setenv("DEFENDER_LAKE", str(folder / "lake"))
        daemon = Daemon(stored_instance)
        (run,) = daemon.launch(daemon.tick(SENSOR).run_requests)
        assert run.success
        cursor = daemon.cursors[SENSOR]
    assert cursor
    return folder / "lake", cursor


@pytest.fixture
def up_to_date(fetched, daemon, lake, tmp_path) -> None:
    """The first start is over: the exported tables of today are in the lake."""
    path, daemon.cursors[SENSOR] = fetched
    shutil.copytree(path, tmp_path / "lake", dirs_exist_ok=True)


UP_TO_DATE = pytest.mark.usefixtures("up_to_date")


def test_the_first_time_the_tables_are_fetched_in_one_run_and_then_no_more(daemon, lake):
    (request,) = daemon.tick(SENSOR).run_requests
    assert tables_of(request) == TABLES
    assert days_of(request) == (today(), today())
    (result,) = daemon.launch([request])
    assert result.success
    assert daemon.tick(SENSOR).run_requests == []


@UP_TO_DATE
@pytest.mark.parametrize("mode", ["never", "always"])
def test_a_new_export_is_refreshed_once_however_the_rows_are_read(mode, daemon, lake, own_settings, own_simulator):
    own_settings.setenv("DEFENDER_EXPORT_FILES", mode)
    assert daemon.tick(SENSOR).run_requests == []
    before = {table: lake.metadata(table)["observed_at"] for table in TABLES}
    own_simulator.control.regenerate_exports()
    (request,) = daemon.tick(SENSOR).run_requests
    assert tables_of(request) == TABLES
    daemon.launch([request])
    assert all(lake.metadata(table)["observed_at"] > before[table] for table in TABLES)
    assert daemon.tick(SENSOR).run_requests == []


@UP_TO_DATE
def test_what_is_under_way_waits_and_what_fails_is_asked_for_three_times(daemon, lake, own_simulator):
    own_simulator.control.regenerate_exports()
    requests = [daemon.tick(SENSOR).run_requests[0] for _ in range(3)]
    assert len({request.run_key for request in requests}) == 3
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "often enough" in result.skip_message
    own_simulator.control.regenerate_exports()
    (request,) = daemon.tick(SENSOR).run_requests
    daemon.queue(request)
    assert "being refreshed" in daemon.tick(SENSOR).skip_message


@UP_TO_DATE
def test_a_look_that_fails_says_why_and_changes_nothing(daemon, lake, own_simulator):
    cursor = daemon.cursors[SENSOR]
    own_simulator.control.regenerate_exports()
    own_simulator.control.revoke_roles("Vulnerability.Read.All", "Software.Read.All")
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "Vulnerability.Read.All" in result.skip_message
    after = SensorCursor.from_json(daemon.cursors[SENSOR])
    assert replace(after, pauses={}) == SensorCursor.from_json(cursor)
    assert after.pauses["default"].failures == 1
    own_simulator.control.grant_roles("Vulnerability.Read.All", "Software.Read.All")
    own_simulator.control.expire_tokens()
    assert len(daemon.tick(SENSOR).run_requests) == 1


def test_a_look_is_one_call_for_each_table_and_nothing_is_downloaded(daemon, lake, own_simulator):
    own_simulator.control.reset_counters()
    daemon.tick(SENSOR)
    assert own_simulator.control.counters()["calls"] == {"tvm_files": len(EXPORTS)}


def test_looks_leave_half_of_the_quota_to_the_refreshes(own_settings):
    own_settings.setenv("DEFENDER_EXPORT_INTERVAL_SECONDS", "1")
    from defender_assets.definitions import build_defs

    interval = build_defs().resolve_sensor_def(SENSOR).minimum_interval_seconds
    exports = exported_tables()
    assert interval >= shortest_interval(exports.values())
    assert 3_600 / interval * len(exports) <= next(iter(exports.values())).quota.per_hour / 2


@UP_TO_DATE
def test_exports_that_are_not_chosen_are_not_looked_at(daemon, own_settings, own_simulator):
    own_settings.setenv("DEFENDER_DATASETS", "!secure_configuration,!software_vulnerability_changes")
    own_simulator.control.reset_counters()
    own_simulator.control.regenerate_exports()
    (request,) = daemon.tick(SENSOR).run_requests
    assert tables_of(request) == TABLES - {"secure_configuration", "software_vulnerability_changes"}
    assert not [path for _, path, _ in own_simulator.control.requests() if "SecureConfigurations" in path]
