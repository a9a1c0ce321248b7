"""Rows about devices that the list of machines lacks: counted, and not known where there is no list."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.checks import Check, Severity
from defender_assets.errors import DefenderAssetsError
from defender_assets.lake import Lake
from defender_assets.refresh import PartitionOutcome, RefreshContext, Status, table_refreshes
from defender_assets.settings import Settings

TODAY = date(2026, 11, 26)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(lake: Lake, table: str, day: date, rows: list[dict]) -> None:
    dataset = DATASETS[table]
    with lake.writing(dataset, day, {}) as partition:
        partition.write(pa.Table.from_pylist(rows, dataset.schema))
        partition.publish()


def machines(lake: Lake, day: date, *ids: str) -> None:
    put(lake, "machines", day, [{"id": device} for device in ids])


def alerts(lake: Lake, day: date, *devices: str | None) -> None:
    noon = datetime.combine(day, time(12), UTC)
    rows = [{"id": f"{day}-{n}", "machine_id": of, "alert_creation_time": noon} for n, of in enumerate(devices)]
    put(lake, "alerts", day, rows)


def compared(lake: Lake, table: str, *days: date) -> Check:
    """The check, as it is made of days that were just published."""

    def no_client() -> None:
        raise AssertionError("no answer of the service is needed")

    context = RefreshContext(lake=lake, settings=Settings.load(), today=TODAY, client=no_client)
    outcomes = [PartitionOutcome(table, day, Status.PUBLISHED, rows=lake.rows(table, day)) for day in days or [TODAY]]
    found = [check for outcome in table_refreshes()[table].compare(outcomes, context) for check in outcome.checks]
    assert all(check == found[0] for check in found)
    return found[0]


def numbers(check: Check) -> tuple[float, ...]:
    names = ("rows", "rows of unknown devices", "unknown devices", "rows without a device")
    return tuple(check.numbers[name] for name in names)


def test_every_fetched_table_with_a_device_has_the_check(lake: Lake) -> None:
    having = {name for name, table in table_refreshes().items() if "references_known_devices" in table.checks}
    named = {
        name for name, of in DATASETS.items() if {"device_id", "machine_id"} & {column.name for column in of.columns}
    }
    assert having == named
    assert {"software_inventory", "av_health", "machine_users", "alerts"} <= having
    assert "machines" not in having


def test_rows_of_devices_that_the_list_lacks_are_counted(lake: Lake) -> None:
    machines(lake, TODAY, "a", "b")
    put(lake, "software_inventory", TODAY, [{"device_id": of} for of in ("a", "a", "b", "gone", "gone", "lost")])
    check = compared(lake, "software_inventory")
    assert (check.passed, check.severity, numbers(check)) == (False, Severity.WARNING, (6, 3, 2, 0))
    assert check.message == "the list of machines of 2026-11-26 lacks 2 devices, which 3 of 6 rows are about"

    put(lake, "software_inventory", TODAY, [{"device_id": of} for of in ("a", "b")])
    check = compared(lake, "software_inventory")
    assert (check.passed, numbers(check)) == (True, (2, 0, 0, 0))
    assert check.message == "each of 2 rows is about a device of the list of machines of 2026-11-26"


def test_an_empty_list_of_machines_knows_no_device(lake: Lake) -> None:
    machines(lake, TODAY)
    put(lake, "av_health", TODAY, [{"machine_id": "a"}])
    assert numbers(compared(lake, "av_health")) == (1, 1, 1, 0)


def test_without_a_list_of_the_day_it_is_not_known_and_does_not_pass(lake: Lake) -> None:
    machines(lake, YESTERDAY, "a")
    put(lake, "software_inventory", TODAY, [{"device_id": "a"}])
    check = compared(lake, "software_inventory")
    assert (check.passed, check.severity) == (False, Severity.WARNING)
    assert check.message == "not known: the lake has no list of machines of 2026-11-26; refresh machines too"


def test_where_no_list_is_fetched_the_advice_is_to_choose_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFENDER_DATASETS", "!machines")
    put(lake, "software_inventory", TODAY, [{"device_id": "a"}])
    check = compared(lake, "software_inventory")
    assert not check.passed
    assert check.message.endswith("; DEFENDER_DATASETS does not choose machines; choose it too")


def test_a_list_that_cannot_be_read_is_named(lake: Lake) -> None:
    machines(lake, TODAY, "a")
    put(lake, "software_inventory", TODAY, [{"device_id": "a"}])
    (file,) = lake.source("machines", [TODAY])
    Path(file).write_bytes(b"PAR1")
    check = compared(lake, "software_inventory")
    assert not check.passed
    assert check.message.startswith(f"not known: machines: {file} is damaged")


def test_events_of_many_days_are_compared_with_the_newest_list_in_one_verdict(lake: Lake) -> None:
    # given an alert of before the lake began, one about no device, and a new day whose machines are not there yet
    machines(lake, YESTERDAY, "a")
    alerts(lake, TODAY - timedelta(days=150), "a", "gone")
    alerts(lake, YESTERDAY)
    alerts(lake, TODAY, "a", None)
    check = compared(lake, "alerts", TODAY - timedelta(days=150), YESTERDAY, TODAY)
    assert (check.passed, numbers(check)) == (False, (4, 1, 1, 1))
    assert check.message == (
        "the list of machines of 2026-11-25 lacks 1 device, which 1 of 4 rows are about; 1 row without a device"
    )


def test_a_list_of_more_than_two_weeks_ago_is_no_list(lake: Lake) -> None:
    machines(lake, TODAY - timedelta(days=15), "a")
    alerts(lake, TODAY, "a")
    assert not compared(lake, "alerts").passed


def test_a_table_larger_than_a_batch_is_counted_whole(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defender_assets.refresh.dataset.known_devices._BATCH_ROWS", 100)
    machines(lake, TODAY, *map(str, range(500)))
    put(lake, "software_inventory", TODAY, [{"device_id": str(n % 600)} for n in range(1_200)])
    assert numbers(compared(lake, "software_inventory")) == (1_200, 200, 100, 0)


def test_what_failed_is_not_compared(lake: Lake) -> None:
    table = table_refreshes()["software_inventory"]
    error = DefenderAssetsError("refused")
    outcome = PartitionOutcome(table.name, TODAY, Status.FAILED, error=error)
    context = RefreshContext(lake=lake, settings=Settings.load(), today=TODAY, client=lambda: None)
    assert table.compare([outcome], context) == [outcome]


def test_a_dataset_whose_rows_are_about_no_device_is_not_compared() -> None:
    assert table_refreshes()["vulnerabilities"].compared_with == ()


def test_days_without_rows_have_nothing_to_compare(lake: Lake) -> None:
    machines(lake, TODAY, "a")
    alerts(lake, YESTERDAY)
    check = compared(lake, "alerts", YESTERDAY)
    assert (check.passed, numbers(check)) == (True, (0, 0, 0, 0))
