"""What a refresh prints of many tables: each reason once, with the tables it holds for."""

import pytest

from defender_assets.cli.outcomes import PrintedOutcomes
from defender_assets.orchestration.local_runs import NOT_REACHED, AssetOutcome
from defender_assets.settings import Settings

LICENCE = "answered 401 Unauthorized: No Tvm license. The tenant needs a licence."


def left_out(asset: str, message: str) -> AssetOutcome:
    return AssetOutcome(asset, True, message=message, left_out=True)


def printed(*outcomes: AssetOutcome, datasets: str | None = None) -> None:
    lines = PrintedOutcomes(Settings.load(datasets=datasets))
    for outcome in outcomes:
        lines.add(outcome)
    lines.print_left_out()


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


def test_a_failure_is_told_once_and_then_by_the_table_that_had_it_first(capsys: pytest.CaptureFixture[str]) -> None:
    printed(
        AssetOutcome("alerts", False, message="alerts: the service does not answer."),
        AssetOutcome("machines", False, message="machines: the service does not answer."),
        AssetOutcome("users", False, message=NOT_REACHED),
        AssetOutcome("devices", False, message=NOT_REACHED),
    )
    assert capsys.readouterr().err.splitlines() == [
        "FAILED  alerts: the service does not answer.",
        "FAILED  machines: for the same reason as alerts",
        f"FAILED  users: {NOT_REACHED}",
        f"FAILED  devices: {NOT_REACHED}",
    ]
