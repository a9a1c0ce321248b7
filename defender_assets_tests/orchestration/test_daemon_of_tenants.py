"""For real: a daemon that refreshes several tenants, of which three are broken, each in another way."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.scheduler.instigation import TickStatus

from defender_assets.lake import Lake
from defender_assets.orchestration.run_tags import OF_TENANT
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..serve.local_dagster import LocalDagster, eventually, serving
from .automation.ticks import today
from .notifications.receiver import Receiver, receiving

pytestmark = pytest.mark.slow

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
SILENT, REFUSED, WITHOUT_ROLE = "tenant-01", "tenant-02", "tenant-04"
BROKEN = {SILENT, REFUSED, WITHOUT_ROLE}
TENANTS = [f"tenant-{number:02}" for number in range(6)]
CONNECTION = {"DEFENDER_CLIENT_SECRET", "DEFENDER_API_URL", "DEFENDER_AUTHORITY_URL", "DEFENDER_CA_BUNDLE"}
DATASETS = "machines,software_vulnerabilities"


@contextmanager
def accepting() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        for connection in kept:
            connection.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tenants")


@pytest.fixture(scope="module")
def served(receiver, folder) -> Iterator[LocalDagster]:
    without = SimulatedTenant(TenantShape(machines=20))
    with (
        Simulator(SimulatedTenant(TenantShape(machines=20)), follows_clock=True) as simulator,
        Simulator(without, follows_clock=True) as other,
        accepting() as silent,
    ):
        other.control.revoke_roles("Machine.Read.All")
        entries = [
            {"name": name}
            | ({"api_url": f"https://127.0.0.1:{silent}"} if name == SILENT else {})
            | ({"client_secret": "wrong"} if name == REFUSED else {})
            | (
                {key: value for key, value in other.settings.items() if key in CONNECTION}
                if name == WITHOUT_ROLE
                else {}
            )
            for name in TENANTS
        ]
        listed = folder / "tenants.yaml"
        listed.write_text(yaml.safe_dump({"tenants": entries}))
        settings = simulator.settings | {
            "DEFENDER_TENANTS": str(listed),
            "DEFENDER_DATASETS": DATASETS,
            "DEFENDER_LAKE": str(folder / "lake"),
            "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
            "DEFENDER_RUNNING": "daily_refresh,export_changes,compliance_automation,refresh_failures",
            "DEFENDER_REFRESH_HOUR": str(datetime.now(UTC).hour),
            "DEFENDER_WEBHOOK_URL": receiver.address,
            "DEFENDER_WEBHOOK_FORMAT": "teams",
        }
        with serving(folder, **settings) as served:
            yield served


def test_those_that_are_well_are_refreshed_and_each_that_is_broken_is_one_message(served, receiver, folder):
    """Given tenants of which one does not answer, one is refused and one lacks a role, when the daily refresh fires,
    then the others are fetched and computed, whatever the broken ones do, and those that were refused are told once."""
    served.fire("daily_refresh")
    day = datetime.fromisoformat(today()).date()
    good = [tenant for tenant in TENANTS if tenant not in BROKEN]

    def computed() -> bool:
        return all(day in Lake(str(folder / "lake"), tenant).dates("device_identity") for tenant in good)

    eventually(computed, 600, "what is computed of those that are well", every=2)
    eventually(lambda: all(_status(served, name) is SUCCESS for name in good), 300, "their runs have ended", every=2)
    eventually(
        lambda: all(_status(served, name) is FAILURE for name in (REFUSED, WITHOUT_ROLE)),
        300,
        "the others too",
        every=2,
    )
    # one that does not answer waits longer, in a place of its own
    assert _status(served, SILENT) is not SUCCESS
    for run in served.runs(**{"defender/launched_by": "compliance_automation"}):
        assert served.status(run.run_id) is not FAILURE

    def named() -> Counter[str]:
        told = [str(message) for message in receiver.messages]
        return Counter(tenant for text in told for tenant in (REFUSED, WITHOUT_ROLE) if f"tenant {tenant}" in text)

    eventually(lambda: len(named()) == 2, 120, "a message for each")
    assert set(named().values()) == {1}, receiver.messages
    assert "secret is wrong" in str([text for text in receiver.messages if f"tenant {REFUSED}" in str(text)])
    assert "Machine.Read.All" in str([text for text in receiver.messages if f"tenant {WITHOUT_ROLE}" in str(text)])
    # and no tick took longer than Dagster waits
    for name in ("export_changes", "daily_refresh", "compliance_automation"):
        failed = [tick.error for tick in served.ticks(name, 0.0) if tick.status is TickStatus.FAILURE]
        # The daemon may be there before the code server is.
        assert {error.cls_name for error in failed if error} <= {"DagsterCodeLocationNotFoundError"}


def _status(served: LocalDagster, tenant: str) -> dg.DagsterRunStatus | None:
    runs = served.runs(**{OF_TENANT: tenant, "defender/launched_by": "daily_refresh"})
    return next((run.status for run in runs if run.tags.get("dagster/partition") == f"{today()}|{tenant}"), None)
