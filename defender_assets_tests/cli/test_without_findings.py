"""A tenant whose application may not read vulnerabilities: devices and agents are judged all the same, and of what is
made from findings it is said, with the role, that it is unknown."""

import json
from pathlib import Path

import pytest

from defender_assets.lake import Lake
from defender_assets.report import newest_report
from defender_assets.simulator import Simulator

from .program import invoke

ROLE = "Vulnerability.Read.All"
FETCHED = (
    "machines",
    "machine_users",
    "software_inventory",
    "software_vulnerabilities",
    "software_vulnerability_changes",
    "secure_configuration",
    "av_health",
)
JUDGED = {
    "device_identity",
    "agent_compliance",
    "endpoint_status",
    "coverage",
    "devices",
    "users",
    "software_versions",
    "verdict_reasons",
    "fleet_summary",
}
UNKNOWN = {"patch_findings", "patch_compliance", "policy_compliance", "remediation_times", "missing_updates"}


def selected(*tables: str) -> tuple[str, ...]:
    """The words of a refresh of these tables."""
    return "refresh", "--select", " or ".join(f"key:{name}" for name in tables)


EVERYTHING = selected(*FETCHED, *JUDGED, *UNKNOWN, "software_end_of_support", "compliance_report")


@pytest.mark.slow
def test_without_the_role_for_findings_the_rest_is_judged_and_what_is_unknown_is_named(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    own_simulator.control.revoke_roles(ROLE)
    # when everything is refreshed, and nobody has chosen to do without anything
    refresh = invoke(*EVERYTHING)
    # then that is no failure; each table that is not made says which role it would take
    assert refresh.exit_code == 0, refresh.stderr
    lake = Lake(str(tmp_path / "lake"))
    assert {name for name in JUDGED | UNKNOWN if lake.newest(name)} == JUDGED
    (patches,) = [line for line in refresh.stdout.splitlines() if "patch_compliance" in line]
    assert patches.startswith("left out ")
    assert f"without software_vulnerabilities, for which the application lacks the role {ROLE}." in patches
    for name in UNKNOWN:
        assert any(name in line and ROLE in line for line in refresh.stdout.splitlines()), name
    # and the inventory alone says who is judged, which each row tells
    records = lake.read("device_identity").to_pylist()
    assert {row["absent_inputs"] for row in records} == {"software_vulnerabilities"}
    eligible = {row["device_id"] for row in records if row["population"] == "eligible"}
    assert eligible
    assert eligible <= set(lake.read("software_inventory")["device_id"].to_pylist())
    agents = {row["device_id"]: row["verdict"] for row in lake.read("agent_compliance").to_pylist()}
    assert {"compliant", "noncompliant"} <= {agents[device] for device in eligible}
    # and nothing is said of patches, neither good nor bad
    devices, users = lake.read("devices"), lake.read("users")
    for column in ("patch_verdict", "open_findings", "overdue_findings"):
        assert devices[column].null_count == len(devices) > 0, column
    assert users["noncompliant_devices"].null_count == len(users) > 0
    (fleet,) = lake.read("fleet_summary").to_pylist()
    of_findings = [name for name in fleet if "finding" in name or name.startswith(("overdue_", "patch_", "kev_"))]
    assert len(of_findings) > 25
    assert {name: fleet[name] for name in of_findings} == dict.fromkeys(of_findings)
    assert fleet["compliant_devices"] is fleet["compliant_pct"] is fleet["not_overdue_pct"] is fleet["cves"] is None
    assert fleet["agent_compliant_devices"] + fleet["agent_noncompliant_devices"] > 0
    # so a device is explained as far as it is judged
    (device, *_) = sorted(eligible)
    explained = invoke("explain", device)
    assert explained.exit_code == 0, explained.stderr
    assert "Whether the device is patched is not known: its findings are absent." in explained.stdout
    # and the report is made, and says with the role that patch compliance is unknown
    page = Path(str(newest_report(lake))).read_text(encoding="utf-8")
    assert (
        "Patch compliance is unknown on this day: patch_findings is absent (the application lacks the role "
        f"{ROLE})." in page
    )
    assert "eligible devices are patch compliant is not known." in page


def test_doctor_status_and_tables_name_what_is_unknown_for_want_of_the_role(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    own_simulator.control.revoke_roles(ROLE)
    assert invoke(*selected("machines", "software_vulnerabilities", "secure_configuration")).exit_code == 0
    # then the doctor fails for nothing, and says what will not be made
    doctor = invoke("doctor")
    assert doctor.exit_code == 0, doctor.stdout
    (unknown,) = [line for line in doctor.stdout.splitlines() if "Not made without them, and so unknown: " in line]
    assert "patch_compliance" in unknown
    assert "agent_compliance" not in unknown
    # a monitor is warned, until somebody says that the tables are to be done without
    told = json.loads(invoke("status", "--json").stdout)["tenants"][0]
    (warning,) = [each for each in told["findings"] if ROLE in each["what"]]
    assert warning["status"] == "warning"
    assert warning["subject"] == "software_vulnerabilities, secure_configuration"
    assert "add !software_vulnerabilities,!secure_configuration to DEFENDER_DATASETS" in warning["remedy"]
    chosen = invoke("status", DEFENDER_DATASETS="!vulnerabilities,!software_vulnerab*,!secure_configuration")
    assert ROLE not in chosen.stdout
    assert f"Patch compliance (left out: the application lacks the role {ROLE})" in invoke("tables").stdout


def test_with_neither_the_inventory_nor_findings_agents_are_judged(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    # given a tenant in which nobody may know which software runs where
    own_simulator.control.revoke_roles(ROLE, "Software.Read.All")
    tables = selected("machines", "av_health", "device_identity", "agent_compliance")
    refresh = invoke(*tables, DEFENDER_DATASETS="!software*")
    assert refresh.exit_code == 0, refresh.stderr
    lake = Lake(str(tmp_path / "lake"))
    records = lake.read("device_identity").to_pylist()
    assert {row["absent_inputs"] for row in records} == {"software_inventory, software_vulnerabilities"}
    populations = {row["population"] for row in records}
    assert "eligible" in populations
    verdicts = lake.read("agent_compliance")["verdict"].to_pylist()
    assert {"compliant", "noncompliant"} <= set(verdicts)


def test_a_role_that_is_taken_away_after_findings_were_fetched_is_a_failure(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator
) -> None:
    tables = selected("software_vulnerabilities")
    assert invoke(*tables).exit_code == 0
    own_simulator.control.revoke_roles(ROLE)
    lost = invoke(*tables)
    assert lost.exit_code == 1
    assert "software_vulnerabilities: " in lost.stderr
    assert "It was fetched before" in lost.stderr
    assert ROLE in lost.stderr
