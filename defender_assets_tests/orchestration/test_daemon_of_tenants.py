"""For real: a daemon that refreshes twenty tenants, of which three are broken, each in another way."""

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from defender_assets.catalog import DERIVED
from defender_assets.lake import Lake
from defender_assets.orchestration.run_history import failed_tables
from defender_assets.orchestration.run_tags import LAUNCHED_BY, OF_TENANT
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..serve.local_dagster import LocalDagster, eventually
from .automation.ticks import today
from .conftest import Serve

pytestmark = pytest.mark.slow

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
TENANTS = [f"tenant-{number:02}" for number in range(20)]
SILENT, REFUSED, WITHOUT_ROLE = "tenant-00", "tenant-07", "tenant-13"
WORDS = {SILENT: "got no connection", REFUSED: "secret is wrong", WITHOUT_ROLE: "Machine.Read.All"}
"""Of each that is broken, what its message says."""
GREEN = [tenant for tenant in TENANTS if tenant not in WORDS]
CONNECTION = {"DEFENDER_CLIENT_SECRET", "DEFENDER_API_URL", "DEFENDER_AUTHORITY_URL", "DEFENDER_CA_BUNDLE"}
DATASETS = ("machines", "software_vulnerabilities")
FEEDS = ("kev", "epss", "ssvc", "agent_releases")
MACHINES = TenantShape(machines=5)


def made_from(*tables: str) -> set[str]:
    """What can be computed from these tables alone."""
    made = set(tables)
    while more := {name for name, table in DERIVED.items() if name not in made and made.issuperset(table.inputs)}:
        made |= more
    return made - set(tables)


@dataclass
class SilentService:
    """A port that takes connections and never answers."""

    port: int
    connections: int = 0


@contextmanager
def accepting() -> Iterator[SilentService]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        service, kept = SilentService(server.getsockname()[1]), []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return
                service.connections += 1

        threading.Thread(target=accept, daemon=True).start()
        yield service
        for connection in kept:
            connection.close()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(MACHINES), follows_clock=True) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def silent() -> Iterator[SilentService]:
    with accepting() as service:
        yield service


@pytest.fixture(scope="module")
def served(serve: Serve, folder: Path, simulator: Simulator, silent: SilentService) -> Iterator[LocalDagster]:
    with Simulator(SimulatedTenant(MACHINES), follows_clock=True) as without_role:
        without_role.control.revoke_roles("Machine.Read.All")
        reach_other = {name: value for name, value in without_role.settings.items() if name in CONNECTION}
        broken = {
            SILENT: {"api_url": f"https://127.0.0.1:{silent.port}"},
            REFUSED: {"client_secret": "wrong"},
            WITHOUT_ROLE: reach_other,
        }
        listed = folder / "tenants.yaml"
        listed.write_text(yaml.safe_dump({"tenants": [{"name": name, **broken.get(name, {})} for name in TENANTS]}))
        settings = {
            "DEFENDER_TENANTS": str(listed),
            "DEFENDER_DATASETS": ",".join(DATASETS),
            "DEFENDER_RUNNING": "daily_refresh,hourly_inventory,export_changes,compliance_automation,refresh_failures",
            "DEFENDER_LOG_FORMAT": "json",
        }
        with serve(**simulator.settings | settings) as served:
            yield served


def test_seventeen_of_twenty_are_green_and_each_of_three_is_one_message(served, receiver, folder, simulator):
    """Given tenants of which one does not answer, one has a wrong secret and one lacks a role, when the daily refresh
    fires, then the others are fetched and computed, whatever those do, and each of the three is told of once."""
    day = date.fromisoformat(today())
    tables = {*DATASETS, *FEEDS, *made_from(*DATASETS, *FEEDS)}
    assert len(tables) > 12

    served.fire("daily_refresh")
    eventually(lambda: daily_run(served, GREEN[0]), 120, "the daily refresh fires", every=1)
    eventually(lambda: all(status(served, name) is SUCCESS for name in GREEN), 900, "seventeen are fetched", every=1)
    lakes = {tenant: Lake(str(folder / "lake"), tenant) for tenant in TENANTS}
    eventually(
        lambda: all(day in lakes[tenant].dates(table) for tenant in GREEN for table in tables),
        900,
        "what is computed of them",
        every=1,
    )
    eventually(lambda: all(status(served, name) is FAILURE for name in WORDS), 900, "the three have ended", every=1)
    eventually(lambda: told_of(receiver).keys() == WORDS.keys(), 300, "a message for each")
    for run in eventually(lambda: automation_runs(served), 900, "what is computed has ended", every=1):
        assert served.status(run.run_id) is SUCCESS
    assert all(lakes[tenant].rows("devices") == 5 for tenant in GREEN)
    # one clear message for each, which names what is wrong, where people look: in the chat, and at the run
    assert set(told_of(receiver).values()) == {1}, receiver.messages
    assert len(receiver.messages) == len(WORDS)
    for tenant, words in WORDS.items():
        (message,) = (str(message) for message in receiver.messages if f"tenant {tenant}" in str(message))
        assert words in message
        failed = {each.table: each for each in failed_tables(served.instance, daily_run(served, tenant))}
        assert words in failed["machines"].sentence
    # each feed was downloaded once for all of them
    feeds = Counter(path for _, path, status in simulator.control.requests() if path.startswith("/feeds/"))
    assert feeds
    assert set(feeds.values()) == {1}, feeds


def test_those_that_are_broken_are_asked_less_often_and_the_tick_says_why(served, receiver, simulator, silent):
    """Given that each of the three was told of, when the hour comes, then it is asked once and has no run."""
    connections, requests = silent.connections, len(simulator.control.requests())
    of_daily_run = [path for _, path, status in simulator.control.requests() if status in (400, 401)]
    served.fire("hourly_inventory")
    eventually(lambda: requesting(served, "hourly_inventory"), 300, "the hourly inventory")
    asked = {run.tags[OF_TENANT] for run in served.runs(**{LAUNCHED_BY: "hourly_inventory"})}
    assert asked == set(GREEN)
    assert silent.connections - connections <= 2
    refused = [path for _, path, status in simulator.control.requests()[requests:] if status in (400, 401)]
    assert len(refused) == 1 <= len(of_daily_run)
    assert len(receiver.messages) == len(WORDS)
    told = [line["message"] for line in lines(served) if line.get("tick") == "hourly_inventory"]
    for tenant, words in WORDS.items():
        (sentence,) = (message for message in told if message.startswith(f"{tenant}: no run, because the last one"))
        assert (words if tenant != SILENT else "no answer in 8 s") in sentence


def test_no_tick_failed_and_what_is_logged_is_json(served):
    for name in ("export_changes", "daily_refresh", "hourly_inventory", "compliance_automation"):
        failed = [tick.error for tick in served.ticks(name, 0.0) if tick.status is TickStatus.FAILURE]
        # The daemon may be there before the code server is.
        assert {error.cls_name for error in failed if error} <= {"DagsterCodeLocationNotFoundError"}
    assert not [line for line in served.log.read_text().splitlines() if not (is_json(line) or "The UI is at" in line)]
    assert {line["tenant"] for line in lines(served) if line.get("dataset") == "devices"} == set(GREEN)


def daily_run(served: LocalDagster, tenant: str) -> dg.DagsterRun | None:
    runs = served.runs(**{OF_TENANT: tenant, LAUNCHED_BY: "daily_refresh"})
    return next((run for run in runs if run.tags.get("dagster/partition") == f"{today()}|{tenant}"), None)


def status(served: LocalDagster, tenant: str) -> dg.DagsterRunStatus | None:
    run = daily_run(served, tenant)
    return run.status if run else None


def automation_runs(served: LocalDagster) -> list[dg.DagsterRun] | None:
    """Those of the automation, when all have ended."""
    runs = served.runs(**{LAUNCHED_BY: "compliance_automation"})
    return runs if runs and all(run.is_finished for run in runs) else None


def requesting(served: LocalDagster, name: str) -> list[InstigatorTick]:
    return [tick for tick in served.ticks(name, 0.0) if tick.status is TickStatus.SUCCESS and tick.run_ids]


def told_of(receiver) -> Counter[str]:
    """Of each tenant the messages that name it."""
    return Counter(
        tenant for message in receiver.messages for tenant in set(re.findall(r"tenant (tenant-\d\d)", str(message)))
    )


def is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def lines(served: LocalDagster) -> list[dict[str, object]]:
    return [json.loads(line) for line in served.log.read_text().splitlines() if is_json(line)]
