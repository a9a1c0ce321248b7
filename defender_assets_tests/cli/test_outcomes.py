"""What a refresh prints of its tables: a line each as soon as it is made, each reason once, and the sums at the end."""

from datetime import date

import pytest

from defender_assets.checks import Check
from defender_assets.cli.outcomes import PrintedOutcomes
from defender_assets.cli.summary import print_summary
from defender_assets.compliance import InputMissing
from defender_assets.orchestration.local_runs import AssetOutcome, AssetWarning
from defender_assets.refresh import Ended, PartitionOutcome, Status
from defender_assets.settings import Settings, how_to_do_without

LICENCE = "answered 401 Unauthorized: No Tvm license. The tenant needs a licence."
DAY = date(2026, 11, 26)


def left_out(asset: str, message: str) -> AssetOutcome:
    return AssetOutcome(asset, True, message=message, left_out=True)


def printed(*told: AssetOutcome | Ended, datasets: str | None = None) -> PrintedOutcomes:
    lines = PrintedOutcomes(Settings.load(datasets=datasets))
    for outcome in told:
        if isinstance(outcome, Ended):
            lines.note(outcome)
        else:
            lines.add(outcome)
    lines.print_reasons()
    return lines


def test_tables_that_lack_the_same_licence_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    printed(
        left_out("certificates", f"GET /api/machines/certificates {LICENCE}"),
        left_out("recommendations", "the application does not have the role X."),
        left_out("hardware_firmware", f"GET /api/machines/firmware {LICENCE}"),
    )
    assert capsys.readouterr().out.splitlines() == [
        f"left out certificates, hardware_firmware: the service {LICENCE}",
        "left out recommendations: the application does not have the role X.",
    ]


def test_what_nobody_chose_and_what_needs_it_are_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("machines", "alerts", "users", "devices")
    printed(*(left_out(name, "whatever it says of itself") for name in names), datasets="!machines,!alerts")
    assert capsys.readouterr().out.splitlines() == [
        "left out 2 datasets that DEFENDER_DATASETS does not choose: machines, alerts",
        "left out 2 tables that cannot be made without what DEFENDER_DATASETS does not choose: users, devices",
    ]


def test_a_failure_is_told_once_and_what_could_not_be_made_is_told_by_the_table_that_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = InputMissing("users", ["machine_users"])
    lines = printed(
        AssetOutcome("alerts", False, message="alerts: the service does not answer."),
        AssetOutcome("machine_users", False, message="machine_users: the service does not answer."),
        AssetOutcome("device_identity", False, message="no memory"),
        Ended("users", (PartitionOutcome.failed("users", DAY, missing),)),
        AssetOutcome("users", False, message=missing.sentence),
        AssetOutcome("patch_findings", False, not_reached=True),
        AssetOutcome("patch_compliance", False, not_reached=True),
    )
    print_summary(lines.totals, 9, 75, None)
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "FAILED  alerts: the service does not answer.",
        "FAILED  device_identity: no memory",
        "FAILED  machine_users: for the same reason as alerts",
        "not made, because machine_users failed: users",
        "not made, because device_identity failed: patch_findings, patch_compliance",
        "3 of 9 tables failed: alerts, machine_users, device_identity; 3 more could not be made. "
        "The others are written.",
    ]
    assert out.splitlines() == [
        "",
        "9 tables in 1 min 15 s: 3 made, 3 failed, 3 not made because of that.",
    ]


def test_refusals_for_the_same_role_are_one_reason(capsys: pytest.CaptureFixture[str]) -> None:
    role = "answered 403 Forbidden: the application lacks the role X."
    printed(
        *(
            AssetOutcome(name, False, message=f"{name}: GET /api/{name} {role} {how_to_do_without(name)}")
            for name in ("machines", "software")
        )
    )
    assert capsys.readouterr().err.splitlines() == [
        f"FAILED  machines: GET /api/machines {role} To do without machines, add !machines to DEFENDER_DATASETS.",
        "FAILED  software: for the same reason as machines",
    ]


def test_a_table_has_one_line_and_a_late_warning_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    fields = Check("columns_are_known", False, "a new member")
    told = (AssetWarning("columns_are_known", "a new member"), AssetWarning("known", "3 rows"))
    days = [date(2026, 11, 24), DAY]
    made = [PartitionOutcome("alerts", day, Status.PUBLISHED, rows=20, bytes=700, checks=(fields,)) for day in days]
    report = PartitionOutcome("compliance_report", DAY, Status.PUBLISHED, uri="/lake/report.html")
    off = PartitionOutcome("epss", DAY, Status.OFF, rows=0, facts={"summary": "EPSS is switched off."})
    lines = printed(
        Ended("alerts", tuple(made)),
        Ended("epss", (off,)),
        Ended("compliance_report", (report,)),
        AssetOutcome("alerts", True, 40, tuple(days), warnings=told),
        AssetOutcome("epss", True, None, (DAY,)),
        AssetOutcome("compliance_report", True, None, (DAY,)),
        AssetOutcome("software_vulnerability_changes", True, 0, message="nothing changed since the last refresh"),
    )
    print_summary(lines.totals, 4, 0.42, None)
    assert capsys.readouterr().out.splitlines() == [
        "ok      alerts                                 40 rows  2 days to 2026-11-26",
        "        warning: columns_are_known: a new member",
        "off     epss                           EPSS is switched off.",
        "ok      compliance_report                               2026-11-26",
        "warning alerts: known: 3 rows",
        "ok      software_vulnerability_changes                  nothing changed since the last refresh",
        "",
        "4 tables in 0.4 seconds.",
        "40 rows and 1.4 KB written; 2 warnings above.",
        "The report: /lake/report.html",
    ]
