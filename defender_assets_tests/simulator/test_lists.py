"""The further lists of the tenant tell of the same devices, CVEs, products, controls and alerts as everything else."""

import pytest


def test_the_vulnerabilities_by_machine_are_the_findings_of_the_assessment(rows_of):
    findings = {
        (row["deviceId"], row["cveId"], row["softwareName"], row["softwareVersion"])
        for row in rows_of("software_vulnerabilities")
        if row["cveId"]
    }
    rows = rows_of("machines_vulnerabilities")
    assert {(row["machineId"], row["cveId"], row["productName"], row["productVersion"]) for row in rows} == findings
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["id"].count("-_-") == 5 for row in rows)
    assert any(row["fixingKbId"] for row in rows)


def test_recommendations_are_about_what_the_assessments_name(rows_of):
    named = {
        row["recommendationReference"]: row["deviceId"]
        for table in ("software_vulnerabilities", "secure_configuration")
        for row in rows_of(table)
        if row.get("cveId") or row.get("isCompliant") is False
    }
    recommended = {row["id"]: row for row in rows_of("recommendations")}
    assert {id for id in named if not id.startswith("va-_--_-")} == set(recommended)
    activities = rows_of("remediation_activities")
    assert activities
    assert {row["recommendationReference"] for row in activities} <= set(recommended)


@pytest.mark.parametrize("table", ["machine_actions", "investigations", "scan_agents", "machines_vulnerabilities"])
def test_devices_are_those_of_the_machine_list(table, rows_of):
    devices = {row["id"] for row in rows_of("machines")}
    assert {row["machineId"] for row in rows_of(table)} <= devices


def test_investigations_were_begun_by_alerts_that_name_them(rows_of):
    alerts = {row["id"]: row for row in rows_of("alerts")}
    for row in rows_of("investigations"):
        alert = alerts[row["triggeringAlertId"]]
        assert (str(alert["investigationId"]), alert["machineId"]) == (row["id"], row["machineId"])


def test_profiles_count_the_devices_of_the_baseline_assessment(rows_of):
    assessed: dict[str, set[str]] = {}
    for row in rows_of("baseline_assessment"):
        assessed.setdefault(row["profileId"], set()).add(row["deviceId"])
    for profile in rows_of("baseline_profiles"):
        assert profile["totalDevices"] == len(assessed.get(profile["id"], ()))
        assert profile["passedDevices"] <= profile["totalDevices"]
    configured = {row["id"] for row in rows_of("baseline_configurations")}
    assert {row["configurationId"] for row in rows_of("baseline_assessment")} <= configured


def test_permissions_of_extensions_are_explained(rows_of):
    explained = {row["key"] for row in rows_of("browser_extension_permissions")}
    rows = rows_of("browser_extensions")
    asked = {
        item.get("id") or item["Id"] for row in rows for item in row.get("permissions") or row.get("Permissions") or ()
    }
    assert asked
    assert asked <= explained
