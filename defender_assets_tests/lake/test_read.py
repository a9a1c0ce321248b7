"""``defender_assets.read``: a table as a DataFrame, in one line."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import defender_assets
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake, LakeError, NoSnapshot
from defender_assets.queries import QueryError

from .things import EMPTY, MONDAY, RICH, TUESDAY, WEDNESDAY, many, publish, row, rows_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, many(3))
    publish(lake, TUESDAY, rows_of([RICH, EMPTY]))
    publish(Lake(tmp_path / "lake", "contoso"), MONDAY, many(5))
    return lake


def test_the_newest_snapshot_is_a_dataframe(lake: Lake) -> None:
    frame = defender_assets.read("things", lake=lake.root)

    assert list(frame.columns) == list(RICH)
    assert len(frame) == 2
    assert frame.loc[0, "seen_at"] == pd.Timestamp("2026-03-02T12:00:00.123456Z")
    assert list(frame.loc[0, "evidence"]) == RICH["evidence"]
    assert frame.loc[0, "evidence"][0]["size"] == 2**53 + 1
    assert pd.isna(frame.loc[1, "score"])


def test_gaps_change_neither_the_type_of_a_column_nor_its_values(lake: Lake) -> None:
    large = 2**53 + 1
    publish(lake, WEDNESDAY, rows_of([row(number=large, is_new=True), row(number=None, is_new=None)]))
    frame = defender_assets.read("things", lake=lake.root)

    assert frame["number"].dtype == "Int64"
    assert frame["is_new"].dtype == "boolean"
    assert frame.loc[0, "number"] == large
    assert frame[frame["is_new"]].index.tolist() == [0]
    assert frame.dtypes.equals(defender_assets.read("things", MONDAY, lake=lake.root).dtypes)


def test_a_day_columns_and_tenant_can_be_chosen(lake: Lake) -> None:
    assert len(defender_assets.read("things", "2026-03-02", lake=lake.root)) == 3
    assert len(defender_assets.read("things", MONDAY, lake=Path(lake.root))) == 3
    assert list(defender_assets.read("things", columns=["number"], lake=lake.root)) == ["number"]
    assert len(defender_assets.read("things", tenant="contoso", lake=lake.root)) == 5


@pytest.mark.parametrize("day", ["yesterday", "02.03.2026", 20260302])
def test_what_is_not_a_day_is_refused_with_the_forms_that_are(lake: Lake, day) -> None:
    with pytest.raises(QueryError, match=rf"^{day!r} is not a day: give YYYY-MM-DD, such as '2026-03-02', or a"):
        defender_assets.read("things", day, lake=lake.root)
    with pytest.raises(QueryError, match="is not a day"):
        defender_assets.explain("web", date=day, lake=lake.root)
    assert len(defender_assets.read("things", pd.Timestamp(MONDAY), lake=lake.root)) == 3


def test_an_event_table_without_a_day_is_all_its_days(lake: Lake) -> None:
    alerts = DATASETS["alerts"]
    # given a day that was written before there was a title
    before = dataclasses.replace(alerts, columns=tuple(c for c in alerts.columns if c.name != "title"))
    for day, table in ((MONDAY, before), (TUESDAY, alerts)):
        rows = [{"id": day.isoformat(), "incident_id": 1, "title": "x"}]
        publish(lake, day, pa.Table.from_pylist(rows, table.schema), table)

    frame = defender_assets.read("alerts", columns=["title", "id", "incident_id"], lake=lake.root)
    assert list(frame.columns) == ["title", "id", "incident_id"]
    assert frame["id"].tolist() == ["2026-03-02", "2026-03-03"]
    assert frame["title"].isna().tolist() == [True, False]
    assert frame["incident_id"].dtype == "Int64"
    assert defender_assets.read("alerts", MONDAY, lake=lake.root)["id"].tolist() == ["2026-03-02"]
    with pytest.raises(LakeError, match="alerts has no column titel"):
        defender_assets.read("alerts", columns=["titel"], lake=lake.root)


def test_several_days_have_their_day_on_each_row(lake: Lake) -> None:
    frame = defender_assets.read("things", days=2, lake=lake.root)
    assert frame.groupby("snapshot_date").size().to_dict() == {pd.Timestamp(MONDAY): 3, pd.Timestamp(TUESDAY): 2}
    assert frame["number"].dtype == "Int64"
    assert len(defender_assets.read("things", MONDAY, days=30, lake=lake.root)) == 3
    assert len(defender_assets.read("things_history", lake=lake.root)) == 5
    assert len(defender_assets.read("things_history", columns=["tenant"], tenant="all", lake=lake.root)) == 10
    with pytest.raises(NoSnapshot, match="no snapshot from 2019-12-30 to 2020-01-01"):
        defender_assets.read("things", "2020-01-01", days=3, lake=lake.root)
    with pytest.raises(QueryError, match="1 or more"):
        defender_assets.read("things", days=0, lake=lake.root)


def test_the_device_is_device_id_in_every_table_about_devices(lake: Lake) -> None:
    machines = DATASETS["machines"]
    publish(lake, MONDAY, pa.Table.from_pylist([{"id": "a"}], machines.schema), machines)
    for more in ({}, {"columns": ["id", "device_id"]}, {"days": 1}):
        assert defender_assets.read("machines", lake=lake.root, **more)["device_id"].tolist() == ["a"]


def test_a_query_is_a_dataframe_and_so_are_the_tables(lake: Lake) -> None:
    sql = "SELECT id, sum(number) AS total, count(*) AS n FROM things WHERE id = $id GROUP BY id"
    frame = defender_assets.query(sql, {"id": "b"}, lake=lake.root)
    assert frame.to_dict("records") == [{"id": "b", "total": 2, "n": 1}]
    assert frame["total"].dtype == "Int64"
    assert defender_assets.tables(lake=lake.root).loc["things", ["rows", "days"]].to_list() == [2, 2]
    with pytest.raises(QueryError, match="give id=…"):
        defender_assets.query(sql, lake=lake.root)


def test_what_is_misspelled_is_told_with_what_is_meant(lake: Lake) -> None:
    machines = DATASETS["machines"]
    publish(lake, MONDAY, machines.schema.empty_table(), machines)
    with pytest.raises(NoSnapshot, match="no table machnes; did you mean machines"):
        defender_assets.read("machnes", lake=lake.root)
    with pytest.raises(LakeError, match="no column hostname; did you mean computer_dns_name"):
        defender_assets.read("machines", columns=["hostname"], lake=lake.root)


def test_the_lake_of_the_settings_is_read_where_none_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFENDER_LAKE", lake.root)
    assert len(defender_assets.read("things")) == 2


def test_what_is_not_there_is_reported(lake: Lake) -> None:
    with pytest.raises(NoSnapshot, match="machines has no snapshot"):
        defender_assets.read("machines", lake=lake.root)
    with pytest.raises(LakeError, match="has no column"):
        defender_assets.read("things", columns=["nmae"], lake=lake.root)


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, defender_assets; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for heavy in ("pandas", "pyarrow", "duckdb", "dagster", "fsspec"):
        assert f"'{heavy}'" not in loaded


def test_a_query_does_without_pandas() -> None:
    script = "import sys, defender_assets.queries; print('pandas' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "False"
