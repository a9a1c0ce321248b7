"""What is to be done, and the files for spreadsheets beside the page."""

import csv
import io
import os
import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from defender_assets.lake import Lake
from defender_assets.queries import query
from defender_assets.refresh.context import RefreshContext
from defender_assets.refresh.report import ReportRefresh, report_partitions
from defender_assets.report import csv_files_of, publish_csv_files, publish_report
from defender_assets.settings import Settings

from .days import ENGINE, OF_A_FORMER_DAY
from .fleet import DAY, NOON, Fleet, reported
from .pages import Page

KB = {
    "recommended_security_update": "August Security Updates",
    "recommended_security_update_id": "5055001",
    "recommended_security_update_url": "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB5055001",
}
NO_ID = {
    "recommended_security_update": "Reader 25.1",
    "recommended_security_update_url": "https://downloads.example/reader.exe",
}


def with_updates() -> Fleet:
    fleet = Fleet()
    for device in ("a", "b", "c"):
        fleet.device(device)
    fleet.device("gone", silent=60)
    # an update by its id, for two products on two devices; the device that is not eligible does not count
    fleet.finding("a", "CVE-2026-0001", overdue=2, product="windows_11", **KB)
    fleet.finding("a", "CVE-2026-0002", "Critical", overdue=9, product="windows_11", **KB)
    fleet.finding("b", "CVE-2026-0001", overdue=-20, product="windows_10", **KB)
    fleet.finding("gone", "CVE-2026-0001", overdue=2, product="windows_11", **KB)
    # one that has a name alone
    fleet.finding("b", "CVE-2026-0003", "Low", overdue=1, vendor="adobe", product="reader", **NO_ID)
    # a newer version of a product, which the recommendation names; and one that nothing names
    for device in ("b", "c"):
        fleet.finding(device, "CVE-2026-0004", overdue=1, vendor="google", product="chrome")
    fleet.add(
        "recommendations",
        id="va-_-google-_-chrome",
        vendor="google",
        product_name="chrome",
        recommendation_name="Update Chrome to version 142.0",
        recommended_version="142.0",
    )
    fleet.finding("c", "CVE-2026-0005", "Medium", overdue=-3, vendor="zoom", product="zoom")
    # without a fix, under a policy that does not count such findings
    fleet.finding("c", "CVE-2026-0006", overdue=9, product="old", security_update_available=False)
    return fleet


def test_findings_are_grouped_by_the_update_that_closes_them(lake):
    with_updates().into(lake)
    report = reported(lake)
    section = Page(report.html).sections["todo"]
    place = {heading: number for number, heading in enumerate(section.tables[0][0])}
    asked = ("what to do", "worst severity", "overdue findings", "of findings", "overdue on devices", "of devices")
    # most overdue findings first: what is overdue on more devices comes before
    assert [[row[place[heading]] for heading in asked] for row in section.rows()] == [
        ["Update Chrome to version 142.0", "high", "2", "2", "2", "2"],
        ["Install KB5055001 (August Security Updates)", "critical", "2", "3", "1", "2"],
        ["Install Reader 25.1", "low", "1", "1", "1", "1"],
        ["Update zoom zoom", "medium", "0", "1", "0", "1"],
    ]
    assert section.column("closes findings in")["Install KB5055001 (August Security Updates)"] == (
        "contoso windows 10, contoso windows 11"
    )
    # an address that the service sends is on no page
    assert b"downloads.example" not in report.html
    assert b"catalog.update" not in report.html


def test_the_query_beside_the_list_answers_with_the_list_s_own_numbers(lake):
    fleet = with_updates()
    fleet.finding("a", "CVE-2026-0007", overdue=4, product="old", security_update_available=False)
    fleet.into(lake)
    section = Page(reported(lake).html).sections["todo"]
    place = {heading: number for number, heading in enumerate(section.tables[0][0])}
    asked = ("overdue findings", "of findings", "overdue on devices", "of devices")
    (command,) = section.commands
    _, sql, *_ = shlex.split(command.removeprefix("defender-assets "))
    answered = query(lake, sql).read_all().to_pylist()
    columns = ("overdue_findings", "findings", "overdue_devices", "devices")
    assert [[str(row[name]) for name in columns] for row in answered] == [
        [row[place[heading]] for heading in asked] for row in section.rows()
    ]
    assert {row["to_install"] for row in answered} >= {"5055001", "Reader 25.1", "google chrome", "zoom zoom"}


def rows_of(address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(address).read_bytes().decode("utf-8-sig"), newline="")))


def csv_files(lake: Lake, fleet: Fleet, **more) -> dict[str, str]:
    day = fleet.into(lake, **more)
    publish_report(lake, day, reported(lake, day))
    partitions = report_partitions(lake, day)
    return publish_csv_files(lake, day, partitions, csv_files_of(lake, day, partitions), engine=ENGINE)


def test_every_finding_and_every_record_is_in_a_file_beside_the_page(lake):
    files = csv_files(lake, with_updates())
    findings, devices = rows_of(files["findings.csv"]), rows_of(files["devices.csv"])
    assert len(findings) == 9
    assert (findings[0]["device_id"], findings[0]["days_overdue"], findings[0]["update_name"]) in {
        ("a", "9", "August Security Updates"),
        ("c", "9", ""),
    }
    overdue = [int(row["days_overdue"] or -1) for row in findings]
    assert overdue == sorted(overdue, reverse=True)
    judged = ("population", "patch_verdict", "overdue_findings")
    assert {row["device_id"]: tuple(row[name] for name in judged) for row in devices} == {
        "a": ("eligible", "noncompliant", "2"),
        "b": ("eligible", "noncompliant", "2"),
        "c": ("eligible", "noncompliant", "1"),
        "gone": ("inactive", "unknown", "1"),
    }
    assert devices[0]["last_seen"] == f"{NOON:%Y-%m-%d %H:%M:%S}"
    assert {os.stat(address).st_mode & 0o077 for address in files.values()} == {0}


def test_no_cell_of_a_file_is_a_formula(lake):
    names = [
        "=cmd|'/c calc'!A1",
        "+1",
        "-1",
        "@SUM(1)",
        " =1+1",
        "＝1",
        "\t=1",
        "\u00a0=1",
        "a\r\n=1",
        'say "=1"',
        "plain-name",
    ]
    fleet = Fleet()
    for number, name in enumerate(names):
        fleet.device(f"d{number}", name, group=name)
    fleet.finding("d0", "CVE-2026-0001", vendor="=v", product="@p", software_version="-1")
    files = csv_files(lake, fleet)
    told = {row["device_id"]: row["device_name"] for row in rows_of(files["devices.csv"])}
    dangerous = 8
    assert [told[f"d{number}"] for number in range(len(names))] == [
        *(f"'{name}" for name in names[:dangerous]),
        *names[dangerous:],
    ]
    (finding,) = rows_of(files["findings.csv"])
    assert (finding["software_vendor"], finding["software_name"], finding["software_version"]) == ("'=v", "'@p", "'-1")


def test_the_files_lie_beside_the_newest_report_alone(lake):
    former = Fleet(NOON - timedelta(days=1))
    former.device("a")
    first = csv_files(lake, former, derived=OF_A_FORMER_DAY)
    assert set(first) == {"findings.csv", "devices.csv"}
    # when a newer day is reported, they go; and the older day, made again, gets none
    newest = csv_files(lake, with_updates())
    assert not any(Path(address).exists() for address in first.values())
    assert csv_files(lake, former, derived=OF_A_FORMER_DAY) == {}
    assert all(Path(address).exists() for address in newest.values())
    assert Path(lake.files.address("compliance_report", DAY - timedelta(days=1), "report.html")).exists()


def test_a_refresh_writes_page_and_files_and_the_files_can_be_left_out(lake, monkeypatch):
    day = with_updates().into(lake)
    monkeypatch.setenv("DEFENDER_ORGANISATION", "Contoso")

    def refreshed() -> Mapping[str, object]:
        context = RefreshContext(lake, Settings.load(), day, client=lambda: pytest.fail("nothing is asked"))
        (outcome,) = ReportRefresh().publish([day], context)
        return outcome.facts

    def page() -> Page:
        return Page(Path(lake.files.address("compliance_report", day, "report.html")).read_bytes())

    facts = refreshed()
    assert "findings.csv , beside the newest report," in page().sections["overdue"].text
    assert facts["page"] == f"/compliance_report/default/{day}/report.html"
    assert b"Contoso" in Path(str(facts["report"])).read_bytes()
    assert len(rows_of(str(facts["findings_csv"]))) == 9
    findings, devices = Path(str(facts["findings_csv"])), Path(str(facts["devices_csv"]))
    # One finding more than a sheet holds: the file of the report before does not stay beside this one.
    monkeypatch.setattr("defender_assets.report.csv_files.MOST_ROWS", 8)
    facts = refreshed()
    assert (findings.exists(), devices.exists()) == (False, True)
    said = "findings.csv is left out: a sheet of Excel holds 8 rows beneath its heading, and there are 9 findings."
    assert said in str(facts["findings_csv"])
    assert said in page().sections["overdue"].text
    command = re.search(r"```sh\ndefender-assets query (.*)\n```", str(facts["findings_csv"]))
    assert command
    sql, option, file = shlex.split(command[1])
    assert (option, file) == ("--output", "findings.parquet")
    assert query(lake, sql).read_all().num_rows == 9
    monkeypatch.setenv("DEFENDER_REPORT_CSV", "True")
    assert len(rows_of(str(refreshed()["findings_csv"]))) == 9
    monkeypatch.setenv("DEFENDER_REPORT_CSV", "false")
    assert "findings_csv" not in refreshed()
    assert not findings.exists()
    assert not devices.exists()
    assert "findings.csv" not in page().sections["overdue"].text
