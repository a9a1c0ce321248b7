"""``doctor``: what the application can read, and why it cannot read the rest."""

import json
from pathlib import Path

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.simulator import Simulator

from .program import invoke


def test_the_doctor_lists_what_the_application_can_read(tenant_settings: pytest.MonkeyPatch) -> None:
    result = invoke("doctor", "--json")
    assert result.exit_code == 0, result.stderr
    diagnosis = json.loads(result.stdout)
    assert diagnosis["login"]["ok"]
    assert diagnosis["login"]["reason"] == "ok"
    assert {row["dataset"] for row in diagnosis["datasets"]} == set(DATASETS)
    assert all(
        set(row) == {"dataset", "permission", "ok", "status", "reason", "remedy"} for row in diagnosis["datasets"]
    )
    in_words = invoke("doctor")
    assert in_words.exit_code == 0
    assert all(name in in_words.stdout for name in DATASETS)


def test_a_missing_role_is_named_by_doctor_and_refresh_alike(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    own_simulator.control.revoke_roles("Alert.Read.All")
    doctor = invoke("doctor", "--json")
    assert doctor.exit_code == 1
    refused = [row for row in json.loads(doctor.stdout)["datasets"] if not row["ok"]]
    assert [row["dataset"] for row in refused] == ["alerts", "investigations"]
    assert refused[0]["reason"] == "missing_role"
    assert "Alert.Read.All" in refused[0]["remedy"]

    refresh = invoke("refresh", "--select", "key:alerts or key:machines")
    assert refresh.exit_code == 1
    assert "Alert.Read.All" in refresh.stderr
    lake = Lake(str(tmp_path / "lake"))
    assert lake.newest("alerts") is None
    assert lake.rows("machines") == 40
