"""An answer without rows says why, where there is a usual cause."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from defender_assets.catalog import TABLES
from defender_assets.lake import Lake
from defender_assets.queries import query
from defender_assets.queries.empty_answers import usual_causes, with_emptiness
from defender_assets.scope.conditions import scope_of_conditions

from ..lake.things import MONDAY, publish

NOON = dt.datetime.combine(MONDAY, dt.time(12), dt.UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    contents = {
        "devices": [{"device_id": "a", "machine_tags": ["internetFacing", "VIP"], "device_name": "Web-1"}],
        "alerts": [{"id": "1", "severity": "High", "status": "New"}],
        "machines": [{"id": "a", "last_seen": NOON, "observed_at": NOON, "onboarding_status": "Onboarded"}],
        "patch_findings": [],
    }
    for name, rows in contents.items():
        publish(lake, MONDAY, pa.Table.from_pylist(rows, TABLES[name].schema), TABLES[name])
    return lake


@pytest.mark.parametrize(
    ("sql", "causes"),
    [
        ("FROM devices WHERE list_contains(machine_tags, 'internetfacing')", ["but there is 'internetFacing'."]),
        ("FROM devices WHERE 'vip' = ANY (machine_tags)", ["but there is 'VIP'."]),
        ("SELECT count(*) FROM alerts_history WHERE severity IN ('high', 'Medium')", ["'High'", "'High'"]),
        ("SELECT 1 FROM alerts WHERE status = 'Nwe'", ["did you mean 'New'?"]),
        ("FROM devices WHERE device_name LIKE 'web%'", ["'Web-1'. LIKE is case-sensitive, ILIKE is not."]),
        ("SELECT sum(users) FROM devices WHERE users > 3", ["users is null in every row of devices: not known."]),
        ("FROM patch_findings WHERE state = 'overdue'", ["patch_findings has no rows."]),
        ("FROM machines WHERE last_seen > now()", ["The newest snapshot of machines is of 2026-03-02."]),
        ("SELECT 1 FROM alerts WHERE severity <> 'high' AND status <> 'New'", []),
        ("SELECT 1 FROM devices WHERE device_name = 'Web-1' AND false", []),
        ("SELECT 1 FROM alerts WHERE severity NOT IN ('High', 'low') OR NOT status IN ('New', 'new')", []),
        (
            "SELECT 1 FROM devices WHERE device_name NOT LIKE '%' OR NOT list_contains(machine_tags, 'vip') AND false",
            [],
        ),
        ("SELECT 1 FROM devices WHERE device_name ILIKE 'none%' OR contains(device_name, 'db')", []),
        ("SELECT coalesce(status, 'none') FROM alerts WHERE coalesce(severity, 'not known') IS NULL", []),
        ("SELECT date_trunc('day', alert_creation_time) AS day FROM alerts WHERE severity IS NULL", []),
        ("SELECT string_agg(device_name, ', ') AS names FROM devices WHERE device_name > 'Z'", []),
        (
            "SELECT 1 FROM devices WHERE 'x' IN (SELECT status FROM alerts WHERE severity > 'A') AND false",
            ["never 'x'"],
        ),
    ],
)
def test_the_usual_causes_are_told(lake: Lake, sql: str, causes: list[str]) -> None:
    assert with_emptiness(query(lake, sql))[1]
    found = usual_causes(lake, sql)
    assert len(found) == len(causes), found
    assert all(cause in sentence for sentence, cause in zip(found, causes, strict=True))


def test_of_a_table_that_is_gone_nothing_is_told(lake: Lake) -> None:
    assert usual_causes(lake, "SELECT count(*) FROM things_that_are_gone") == []


def test_the_scope_and_a_parameter_can_be_the_cause(lake: Lake) -> None:
    scope = scope_of_conditions(["onboarded"])
    (of_scope, of_value) = usual_causes(lake, "FROM devices WHERE device_name = $name", scope, {"name": "WEB-1"})
    assert of_scope == "The query was limited to a part of the tenant: onboarded devices."
    assert "there is 'Web-1'" in of_value


def test_an_answer_that_says_something_stays_as_it_is(lake: Lake) -> None:
    for sql, rows in (("SELECT 0 AS n UNION ALL SELECT 0", 2), ("SELECT 3 AS n", 1), ("SELECT false AS f", 1)):
        result, says_nothing = with_emptiness(query(lake, sql))
        assert (result.read_all().num_rows, says_nothing) == (rows, sql == "SELECT false AS f")
    result, _ = with_emptiness(query(lake, "SELECT range AS n FROM range(25000)"))
    assert result.read_all()["n"].to_pylist() == list(range(25_000))
