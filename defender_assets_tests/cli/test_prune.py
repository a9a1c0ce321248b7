"""``defender-assets prune``."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.catalog import TABLES
from defender_assets.lake import Lake

from .program import invoke

TODAY = datetime.now(UTC).date()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    lake = Lake(str(tmp_path / "lake"))
    for table, days in {"machines": (0, 20, 60, 90), "alerts": (0, 60, 200), "kev": (0,)}.items():
        for day in days:
            with lake.writing(TABLES[table], ago(day), {}) as partition:
                partition.write(TABLES[table].schema.empty_table())
                partition.publish()
    return lake


def lines(text: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}


def test_without_delete_it_is_only_said_what_would_go(lake, monkeypatch):
    monkeypatch.setenv("DEFENDER_RETENTION", "30 days; alerts: 40 days")
    result = invoke("prune")
    assert result.exit_code == 0, result.stderr
    said = lines(result.stdout)
    assert (said["machines"][0], said["machines"][3]) == ("4", "2")
    assert (said["alerts"][0], said["alerts"][3]) == ("3", "1")
    assert said["kev"][-2:] == ["-", "-"]
    assert "keeps: 30 days" in result.stdout
    # The rule that is in effect, in the table and in the sentence alike.
    assert said["alerts"][-2:] == ["180", "days"]
    assert "alerts: 180 days stay, not 40 days as its rule says; the service still has the last 180" in result.stdout
    assert "3 of 8 partitions would go" in result.stdout
    assert result.stdout.splitlines()[-1] == "Nothing was removed. To remove it: defender-assets prune --delete"
    assert len(lake.dates("machines")) == 4
    # and done
    result = invoke("prune", "--delete")
    assert result.exit_code == 0, result.stderr
    assert "3 of 8 partitions were removed" in result.stdout
    assert "Nothing was removed" not in result.stdout
    assert (lake.dates("machines"), lake.dates("alerts")) == ([ago(20), ago(0)], [ago(60), ago(0)])
    # then every reader still reads
    assert json.loads(invoke("query", "SELECT count(*) AS n FROM alerts", "--format", "json").stdout) == [{"n": 0}]
    assert lines(invoke("tables").stdout)["machines"][:3] == ["0", str(TODAY), "2"]
    diff = invoke("diff", str(ago(90)), str(TODAY), "--table", "machines")
    assert (diff.exit_code, f"retention removed it on {TODAY}" in diff.stderr) == (1, True)


def test_where_nothing_would_go_no_command_is_said_that_removes_it(lake):
    result = invoke("prune", "--keep", "400 days")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0 of 8 partitions would go" in result.stdout
    assert result.stdout.splitlines()[-1] == "There is nothing to remove."


def test_rules_can_be_tried_in_place_of_the_setting(lake):
    result = invoke("prune", "--keep", "75 days")
    assert "1 of 8 partitions would go" in result.stdout
    # and what is said to do does the same
    assert result.stdout.splitlines()[-1].endswith("To remove it: defender-assets prune --delete --keep '75 days'")
    wrong = invoke("prune", "--keep", "7 days")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "--keep keeps fewer than 15 days" in wrong.stderr


def test_without_a_rule_there_is_nothing_to_do_and_a_wrong_one_is_told_with_the_other_settings(lake, monkeypatch):
    result = invoke("prune", "--delete")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "DEFENDER_RETENTION is not set, so every day stays" in result.stderr
    monkeypatch.setenv("DEFENDER_RETENTION", "machnes: 30 days")
    monkeypatch.setenv("DEFENDER_HISTORY_DAYS", "3")
    result = invoke("prune", "--delete")
    assert result.exit_code == 2
    assert "did you mean machines" in result.stderr
    assert "DEFENDER_HISTORY_DAYS is out of range: give at least 7" in result.stderr
    assert len(lake.dates("machines")) == 4


def test_an_empty_lake_and_tenants_one_by_one(lake, monkeypatch, tmp_path):
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {name: fabrikam}]")
    monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    for day in (0, 60):
        with Lake(lake.root, "contoso").writing(TABLES["machines"], ago(day), {}) as partition:
            partition.write(TABLES["machines"].schema.empty_table())
            partition.publish()
    result = invoke("prune", "--keep", "30 days")
    assert result.exit_code == 0, result.stderr
    assert f"The lake of contoso at {lake.root} keeps: 30 days" in result.stdout
    assert f"The lake of fabrikam at {lake.root} is empty." in result.stdout
    assert "contoso" not in invoke("prune", "--keep", "30 days", "--tenant", "fabrikam").stdout
    assert invoke("prune", "--keep", "30 days", "--tenant", "nobody").exit_code == 2


def test_a_lake_that_does_not_exist_is_no_empty_one(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lak"))
    for options in ((), ("--delete",)):
        result = invoke("prune", "--keep", "30 days", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "DEFENDER_LAKE names a folder that does not exist" in result.stderr
    assert not (tmp_path / "lak").exists()


def test_days_of_a_wrong_clock_are_said(lake):
    for day in range(100, 180, 4):
        with lake.writing(TABLES["software"], ago(day), {}) as partition:
            partition.write(TABLES["software"].schema.empty_table())
            partition.publish()
    for day in (20, 60, 90):
        lake.storage.remove_partition("machines", f"machines/tenant=default/snapshot_date={ago(day)}")
    lake.storage.remove_partition("alerts", f"alerts/tenant=default/snapshot_date={ago(60)}")
    result = invoke("prune", "--keep", "30 days", "--delete")
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert f"Days are counted back from {ago(100)}, because more than a month is between it and {TODAY}." in said
    assert lake.dates("software") == [ago(day) for day in range(128, 99, -4)]


def test_the_history_of_dagster_is_counted_and_removed(lake, monkeypatch, tmp_path):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DEFENDER_HISTORY_DAYS", "30")
    result = invoke("prune")
    assert result.exit_code == 0, result.stderr
    assert "Dagster's history: 0 runs more than 30 days old would go. Its databases take " in result.stdout
    assert result.stdout.splitlines()[-1] == "There is nothing to remove."
    result = invoke("prune", "--delete")
    assert (
        "0 runs more than 30 days old and 0 evaluations of conditions were removed. Its databases took "
        in result.stdout
    )


def test_the_report_over_all_tenants_is_pruned_as_each_tenant_s_own_is(lake, monkeypatch):
    monkeypatch.setenv("DEFENDER_RETENTION", "30 days")
    pages = Lake(lake.root, "all").files
    for day in (0, 20, 60, 90):
        for file in ("report.html", "tenants.csv"):
            pages.publish("compliance_report", ago(day), file, b"page")
    said = invoke("prune").stdout
    assert f"The lake of all tenants together at {lake.root} keeps: 30 days" in said
    assert pages.days("compliance_report") == [ago(0), ago(20), ago(60), ago(90)]
    of_one = invoke("prune", "--tenant", "default").stdout
    assert "all tenants" not in of_one
    done = invoke("prune", "--delete")
    assert done.exit_code == 0, done.stderr
    assert pages.days("compliance_report") == [ago(0), ago(20)]
    assert pages.is_there("compliance_report", ago(0), "tenants.csv")


def test_what_killed_computations_left_goes_wherever_staging_is(lake, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_RETENTION", "30 days")
    monkeypatch.setenv("DEFENDER_SPARK_STAGING", str(tmp_path / "staging"))
    old, new = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC)
    for root in (tmp_path / "staging", Path(lake.root, ".staging")):
        for begun in (old, new):
            (root / f"staging-{begun:%Y%m%dT%H%M%S}-elsewhere-0123456789ab" / "result").mkdir(parents=True)
        (root / "what-else-is-there").mkdir()
    assert invoke("prune", "--delete").exit_code == 0
    for root in (tmp_path / "staging", Path(lake.root, ".staging")):
        assert sorted(path.name for path in root.iterdir()) == [
            f"staging-{new:%Y%m%dT%H%M%S}-elsewhere-0123456789ab", "what-else-is-there",
        ]  # fmt: skip
