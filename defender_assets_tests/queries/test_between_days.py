"""What changed between two days: devices, verdicts, findings, and the rows of any table."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from defender_assets.compliance import Policy
from defender_assets.lake import Lake, NoSnapshot
from defender_assets.queries import QueryError
from defender_assets.queries.between_days import changes, day_changes, table_changes, two_days

from ..cli.program import invoke
from ..compliance.tenant import AS_OF, Tenant, days
from ..report.days import judge, note_of_scope, store
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


def test_what_left_or_entered_the_scope_is_neither_removed_nor_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two days of one scope, when it is not noted which devices it left out, then that is said; when it is, then
    what is out of the scope is told from what is gone."""
    lake = Lake(tmp_path / "lake")
    for day, as_of, devices in (
        (YESTERDAY, AS_OF - days(1), ("stays", "leaves", "gone")),
        (TODAY, AS_OF, ("stays", "enters", "new")),
    ):
        tenant = Tenant(as_of)
        for device in devices:
            tenant.machine(device).finding(device)
        tenant.finding("stays", f"CVE-2026-00{day.day}")
        for name, rows in tenant.inputs.items():
            store(lake, day, name, rows, scope="devices tagged S")
        judge(lake, day, tenant.inputs, Policy.load("default"), ["device_identity", "patch_findings"])

    def told(what: str) -> dict[str, set[str]]:
        rows = changes(lake, YESTERDAY, TODAY).read_all().to_pylist()
        kinds = {row["change"] for row in rows if row["what"] == what}
        return {
            kind: {row["device_id"] for row in rows if (row["what"], row["change"]) == (what, kind)} for kind in kinds
        }

    def told_of_table(table: str) -> dict[str, set[str]]:
        rows = table_changes(lake, table, YESTERDAY, TODAY).read_all().to_pylist()
        return {
            kind: {row["device_id"] for row in rows if row["change"] == kind}
            for kind in {row["change"] for row in rows} - {"changed"}
        }

    unknown = {"removed or left the scope": {"leaves", "gone"}, "added or entered the scope": {"enters", "new"}}
    of_stays = {"removed": {"stays"}, "added": {"stays"}}
    assert (told("device"), told("finding")) == (unknown, unknown | of_stays)
    assert (told_of_table("machines"), told_of_table("patch_findings")) == (unknown, unknown | of_stays)
    assert len([note for note in day_changes(lake, YESTERDAY, TODAY).notes if "is not known" in note]) == 2

    note_of_scope(lake, YESTERDAY, "enters", "outside")
    note_of_scope(lake, TODAY, "leaves", "outside")
    by_scope = {"left the scope": {"leaves"}, "entered the scope": {"enters"}}
    assert told("device") == by_scope | {"removed": {"gone"}, "added": {"new"}}
    of_both = by_scope | {"removed": {"gone", "stays"}, "added": {"new", "stays"}}
    assert (told("finding"), told_of_table("patch_findings")) == (of_both, of_both)
    assert told_of_table("machines") == told("device")
    monkeypatch.setenv("DEFENDER_LAKE", lake.root)
    shown = invoke("diff").stdout
    assert "devices removed: 1 device\n    gone.contoso.example (eligible)\ndevices left the scope: 1 device\n" in shown
    assert "findings left the scope: 1 finding\n    leaves.contoso.example: " in shown
    assert "not known" not in shown
