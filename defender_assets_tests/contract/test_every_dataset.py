"""Every dataset of the catalog against the simulated tenant: what was served is what is in the lake."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS, CursorPages, Dataset, Days, ExportFiles
from defender_assets.lake import Lake
from defender_assets.refresh import remembered
from defender_assets.settings import Settings, connection

from ..clocks import PassingClock
from ..refreshing import Refreshed, refresh_dataset
from .oracle import expected_row, unknown_members


def fetched(dataset: Dataset, tenant_settings, lake: Lake, *, days=None, **settings) -> Refreshed:
    """The outermost plain-Python function, on the wire; raises what the outcome says."""
    for name, value in settings.items():
        tenant_settings.setenv(f"DEFENDER_{name.upper()}", str(value))
    today = datetime.now(UTC).date()
    dates = days or (remembered(dataset, today).dates if dataset.days is Days.EVENT else [today])
    with open_client(connection(), Settings.load(), attempts=3, clock=PassingClock()) as client:
        return refresh_dataset(dataset, client, lake, dates)


def in_lake(lake: Lake, dataset: Dataset) -> list[dict]:
    return [row for day in lake.dates(dataset.name) for row in lake.read(dataset.name, day).to_pylist()]


def served(simulator, dataset: Dataset, export_files: str = "never") -> list[dict]:
    """The truth: every row as the tenant holds it, in the form of the pages or of the export files."""
    return list(simulator.tenant.rows(dataset.name, "files" if export_files == "always" else "pages"))


def ways_of(dataset: Dataset) -> tuple[str, ...]:
    """The values of the setting for export files that make a difference to the dataset."""
    if isinstance(dataset.fetch, ExportFiles):
        return ("always",)
    return ("never", "always") if isinstance(dataset.fetch, CursorPages) and dataset.fetch.files else ("never",)


def key_of(dataset: Dataset, row: dict) -> tuple:
    return tuple(str(row[name]) for name in dataset.key)


@pytest.mark.parametrize("export_files", ["never", "always"])
@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_every_row_served_is_in_the_lake_exactly_once_with_its_values(
    dataset, export_files, simulator, tenant_settings, tmp_path
):
    if export_files not in ways_of(dataset):
        pytest.skip("this dataset is not read in this way")
    lake = Lake(str(tmp_path / "lake"))
    result = fetched(dataset, tenant_settings, lake, export_files=export_files)

    found = sorted(in_lake(lake, dataset), key=lambda row: key_of(dataset, row))
    assert result.rows == len(found)
    assert len({key_of(dataset, row) for row in found}) == len(found)
    wanted = {}
    for row in served(simulator, dataset, export_files):
        expected = expected_row(dataset, row)
        if dataset.days is Days.EVENT and expected[dataset.event_time].date() not in lake.dates(dataset.name):
            continue
        wanted[key_of(dataset, expected)] = (expected, unknown_members(dataset, row))
    assert len(found) == len(wanted)
    for row in found:
        expected, unknown = wanted[key_of(dataset, row)]
        assert {name: row[name] for name in expected} == expected
        assert json.loads(row["extra"] or "{}") == unknown
        assert row["observed_at"].tzinfo is not None


@pytest.mark.parametrize("name", [name for name, dataset in DATASETS.items() if dataset.days is Days.EVENT])
def test_an_event_lies_in_the_partition_of_its_day(name, simulator, tenant_settings, tmp_path):
    dataset, lake = DATASETS[name], Lake(str(tmp_path / "lake"))
    fetched(dataset, tenant_settings, lake)
    days = remembered(dataset, datetime.now(UTC).date()).dates
    assert lake.dates(name) == days
    for day in days:
        times = lake.read(name, day, columns=[dataset.event_time])[dataset.event_time].to_pylist()
        assert {time.date() for time in times} <= {day}


def test_a_range_of_days_is_one_walk(simulator, tenant_settings, tmp_path):
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in range(30)]
    result = fetched(DATASETS["alerts"], tenant_settings, Lake(str(tmp_path / "lake")), days=days)
    assert result.facts["API calls"] <= 3
    assert len(result.outcomes) == 30


def test_each_file_says_where_it_comes_from(simulator, tenant_settings, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    result = fetched(DATASETS["machines"], tenant_settings, lake)
    facts = lake.metadata("machines", result.outcomes[0].day)
    assert facts["dataset"] == "machines"
    assert facts["tenant"] == "default"
    assert facts["observed_at"] == result.facts["observed at"].isoformat()
    assert facts["api_host"] == "127.0.0.1" or facts["api_host"] == "localhost"
    assert lake.read("machines").schema.field("id").metadata[b"description"]
