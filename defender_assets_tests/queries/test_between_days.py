"""What changed between two days: devices, verdicts, findings, and the rows of any table."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from defender_assets.lake import Lake, NoSnapshot
from defender_assets.queries import QueryError
from defender_assets.queries.between_days import changes, day_changes, table_changes, two_days

from ..cli.program import invoke
from .conftest import TODAY, YESTERDAY


def test_devices_verdicts_and_findings_are_compared(judged_lake: Lake) -> None:
    rows = changes(judged_lake, YESTERDAY, TODAY).read_all().to_pylist()
    found = {(row["what"], row["change"], row["device_id"], row["cve_id"]) for row in rows}
    assert {key[2] for key in found if key[:2] == ("device", "added")} == {"twin", "rogue"}
    assert {key[2] for key in found if key[:2] == ("device", "removed")} == {"phone"}
    assert {key[2:] for key in found if key[:2] == ("finding", "added")} == {
        ("web", "CVE-2026-0001"),
        ("desk", "CVE-2026-0003"),
    }
    assert {key[2:] for key in found if key[:2] == ("finding", "removed")} == {
        ("phone", "CVE-2026-0004"),
        ("newer", "CVE-2026-0004"),
    }
    assert {key[2:] for key in found if key[:2] == ("finding", "fell due")} == {("db", "CVE-2026-0001")}
    verdicts = {row["device_id"]: (row["before"], row["after"]) for row in rows if row["what"] == "patch verdict"}
    assert verdicts["web"] == verdicts["db"] == ("compliant", "noncompliant")

    told = day_changes(judged_lake, YESTERDAY, TODAY)
    assert sum(told.counts.values()) == len(rows)
    assert told.examples["patch verdict", "changed"][0]["after"] == "noncompliant"
    assert told.not_compared == {"policy verdict": f"policy_compliance has no snapshot of {YESTERDAY}"}
    assert told.notes == []


def test_the_rows_of_a_table_are_compared_by_its_key(judged_lake: Lake) -> None:
    rows = {row["id"]: row for row in table_changes(judged_lake, "machines", YESTERDAY, TODAY).read_all().to_pylist()}
    assert (rows["phone"]["change"], rows["rogue"]["change"], rows["db"]["change"]) == ("removed", "added", "changed")
    assert {"os_platform", "rbac_group_name"} <= set(rows["db"]["changed_columns"])
    assert "observed_at" not in rows["db"]["changed_columns"]
    assert rows["phone"]["device_id"] == "phone"
    (summary,) = table_changes(judged_lake, "fleet_summary", YESTERDAY, TODAY).read_all().to_pylist()
    assert "machines" in summary["changed_columns"]


def test_the_days_are_the_newest_unless_they_are_named(judged_lake: Lake) -> None:
    assert two_days(judged_lake, None, None) == (YESTERDAY, TODAY)
    assert two_days(judged_lake, TODAY, YESTERDAY) == (YESTERDAY, TODAY)
    with pytest.raises(NoSnapshot, match=f"no snapshot of 2020-01-01; near it there are {YESTERDAY} and {TODAY}"):
        two_days(judged_lake, dt.date(2020, 1, 1), None)
    with pytest.raises(NoSnapshot, match="users has one snapshot"):
        two_days(judged_lake, None, None, "users")
    for table, says in (("alerts", "a table of events"), ("machnes", "did you mean machines")):
        with pytest.raises(QueryError, match=says):
            two_days(judged_lake, None, None, table)
    with pytest.raises(QueryError, match="compared with itself"):
        two_days(judged_lake, TODAY, TODAY)


def test_the_verb_tells_it_in_words_and_writes_all_of_it(
    judged_lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEFENDER_LAKE", judged_lake.root)
    told = invoke("diff", str(YESTERDAY), str(TODAY))
    assert told.exit_code == 0, told.stderr
    assert "devices removed: 1 device\n    phone.contoso.example (eligible)\n" in told.stdout
    assert (
        "findings fell due: 1 finding\n    db.contoso.example: critical CVE-2026-0001 in contoso editor" in told.stdout
    )
    assert "policy verdict: not compared; policy_compliance has no snapshot of" in told.stdout

    written = invoke("diff", "--output", str(tmp_path / "changes.csv"))
    assert written.exit_code == 0, written.stderr
    rows = list(csv.DictReader((tmp_path / "changes.csv").read_text(encoding="utf-8").splitlines()))
    assert f"{len(rows)} changes from {YESTERDAY} to {TODAY}" in written.stderr
    assert "removed" in invoke("diff", "--table", "machines").stdout
    refused = invoke("diff", "--output", str(tmp_path / "table.csv"), "--format", "table")
    assert (refused.exit_code, "a table is for the terminal" in refused.stderr) == (2, True)
    assert not (tmp_path / "table.csv").exists()
    assert invoke("diff", "2020-01-01").exit_code == 1
