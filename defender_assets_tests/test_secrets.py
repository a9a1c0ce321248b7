"""Nothing secret is ever written: planted canaries are looked for in everything that a refresh leaves behind."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from defender_assets.api import DefenderError, open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import RefreshContext
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.settings import Settings, connection
from defender_assets.simulator import Simulator
from defender_assets.simulator.tenant.responses import SCRIPT_SECRET
from defender_assets.simulator.tenant.scans import SCAN_SECRET
from defender_assets.simulator.tenant.tenant import RowList

from .cli.program import run
from .clocks import PassingClock


def leaks(folder: Path, canaries: list[str]) -> list[str]:
    """Files below the folder that hold a canary, as text or UTF-16."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        found += [f"{path.name}: {canary[:6]}…" for canary in canaries if canary.encode() in content]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("export_files", ["never", "always"])
def test_no_secret_token_or_signature_is_left_anywhere(export_files, own_settings, own_simulator, tmp_path):
    """Given a tenant where one role is missing, storage refuses and a page is broken, so that errors are told too."""
    own_settings.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    own_settings.setenv("DEFENDER_EXPORT_FILES", export_files)
    own_simulator.control.revoke_roles("Alert.Read.All")
    own_simulator.control.fault("error_in_200", "vulnerabilities", times=99)
    own_simulator.control.fault("link_foreign", "software_inventory", times=99)
    own_simulator.control.fault("expired_signature", times=99)
    done = run("refresh", "--select", "group:defender", timeout=300)
    assert done.returncode == 1

    canaries = own_simulator.control.secrets()
    assert len(canaries) >= 2  # the client secret and at least one token were really in use
    assert leaks(tmp_path, canaries) == []
    assert [canary[:6] for canary in canaries if canary in done.stdout + done.stderr] == []


def with_hostile_spellings(row: dict) -> dict:
    """A scan definition as the service does not document it: credentials in other members, other types, and texts."""
    secret = f"{SCAN_SECRET}-hostile"
    snmp = {"AuthPassword": secret, "PRIVPASSWORD": secret, "communitystring": [secret], secret: "a name too"}
    logs_on_with = row["scanAuthenticationParams"] or {}
    return {
        **row,
        "snmpV3": snmp,
        "credentials": [{"value": secret}, secret],
        "connection": f"community={secret};v=2c",
        "scanAuthenticationParams": {
            **logs_on_with,
            "passPhrase": secret,
            "v3": snmp,
            "type": snmp,
            "domain": [secret],
        },
        secret: "a name too",
        "isActive": secret,
        "intervalInHours": snmp,
        "latestScan": json.dumps(snmp),
        "scannerAgent": [snmp],
    }


def serve_hostile_scans(simulator: Simulator) -> None:
    """Half of the scan definitions are served in hostile spellings, the others as documented."""
    scans = simulator.tenant.scans
    rows = [
        with_hostile_spellings(row) if number % 2 else row
        for number, row in enumerate(scans.definitions(simulator.tenant.live))
    ]
    simulator.tenant.lists["authenticated_scans"] = lambda: RowList(
        len(rows), lambda start, stop: iter(rows[start:stop])
    )


def planted_in(folder: Path) -> list[str]:
    """Where planted secrets are found below the folder, in the bytes or in the rows of a Parquet file."""
    planted = [SCAN_SECRET, SCRIPT_SECRET]
    rows = {path.name: str(pq.read_table(path).to_pylist()) for path in folder.rglob("*.parquet")}
    return leaks(folder, planted) + [name for name, text in rows.items() if any(secret in text for secret in planted)]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("authenticated_scans", None),
        ("authenticated_scans", "wrong_types"),
        ("authenticated_scans", "malformed"),
        ("machine_actions", None),
    ],
)
def test_what_scans_log_on_with_and_scripts_are_given_is_nowhere(
    name, fault, own_settings, own_simulator, tmp_path, caplog
):
    """Given answers with planted secrets, as documented or not, then neither the lake nor what is told has them."""
    caplog.set_level(logging.DEBUG)
    serve_hostile_scans(own_simulator)
    served = str(list(own_simulator.tenant.rows(name)))
    assert (SCRIPT_SECRET if name == "machine_actions" else SCAN_SECRET) in served
    if fault is not None:
        own_simulator.control.fault(fault, name, times=99)
    with open_client(connection(), Settings.load(), attempts=2, clock=PassingClock()) as client:
        context = RefreshContext(
            lake=Lake(str(tmp_path / "lake")),
            settings=Settings.load(),
            today=datetime.now(UTC).date(),
            client=lambda: client,
        )
        outcomes = DatasetRefresh(DATASETS[name]).refresh([context.today], context)

    (outcome,) = outcomes
    assert (outcome.error is None) == (fault != "malformed")
    if outcome.error is None:
        rows = context.lake.read(name).to_pylist()
        assert {row["extra"] for row in rows} == {None}
        assert all(row["machine_id" if name == "machine_actions" else "scan_name"] for row in rows)
    assert planted_in(tmp_path) == []
    told = [repr(outcome), str(outcome.error), caplog.text]
    assert [text for text in told if SCAN_SECRET in text or SCRIPT_SECRET in text] == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "InvalidInput"), (403, "Forbidden"), (500, f"{SCAN_SECRET} is no community string")],
)
def test_an_error_that_quotes_what_a_scan_logs_on_with_is_told_by_its_status_and_code(
    status, code, own_settings, own_simulator
):
    scans = DATASETS["authenticated_scans"]
    message = f"Authentication with {SCAN_SECRET} failed. API required roles: {SCAN_SECRET}, application roles: none."
    own_simulator.control.fault("status", scans.name, times=99, status=status, code=code, message=message)
    with (
        open_client(connection(), Settings.load(), attempts=1, clock=PassingClock()) as client,
        pytest.raises(DefenderError) as raised,
    ):
        client.get(scans.path, dataset=scans, quota=scans.quota)
    error = raised.value
    told = [str(error), repr(error), error.code, str(vars(error))]
    assert [text for text in told if SCAN_SECRET in text] == []
    assert f"answered {status}" in str(error)
    assert error.code == ("" if SCAN_SECRET in code else code)


@pytest.mark.slow
def test_a_whole_run_leaves_nothing_of_what_scans_log_on_with(own_settings, own_simulator, tmp_path):
    """Given DAGSTER_HOME and a lake of its own, then neither they nor what refresh and doctor print have any of it."""
    own_settings.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    serve_hostile_scans(own_simulator)
    refreshed = run("refresh", "--select", "key:authenticated_scans or key:machine_actions", timeout=300)
    examined = run("doctor")
    assert (refreshed.returncode, examined.returncode) == (0, 0), refreshed.stderr + examined.stderr
    assert list((tmp_path / "lake").rglob("*.parquet"))
    assert planted_in(tmp_path) == []
    shown = refreshed.stdout + refreshed.stderr + examined.stdout + examined.stderr
    assert SCAN_SECRET not in shown
    assert SCRIPT_SECRET not in shown
