"""Ticks over several tenants: asked side by side, with one login each, and none of them holds up the others."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import dagster as dg
import pytest

from defender_assets.orchestration.automation import all_tenants
from defender_assets.orchestration.automation.all_tenants import TenantLooks, by_tenant
from defender_assets.orchestration.automation.cursor import SensorCursor
from defender_assets.orchestration.automation.exported_tables import exported_tables
from defender_assets.orchestration.automation.pauses import after_failure
from defender_assets.orchestration.automation.probe import TenantProbes
from defender_assets.orchestration.resources import DefenderApplication, ParquetLake
from defender_assets.orchestration.run_tags import OF_TENANT

from ...serve.local_dagster import eventually
from .ticks import Daemon

EXPORTS = "export_changes"
TENANTS = ("contoso", "fabrikam", "tailspin")

# Dagster warns of the tags that it gives itself to a partition of two dimensions.
pytestmark = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")


@pytest.fixture
def daemon(instance, own_settings, own_simulator, tmp_path) -> Daemon:
    """Three tenants with the same application, of the same simulated service."""
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text("tenants:\n" + "".join(f"  - name: {name}\n" for name in TENANTS))
    own_settings.setenv("DEFENDER_TENANTS", str(tenants))
    return Daemon(instance)


@pytest.fixture
def logins(own_simulator):
    own_simulator.control.reset_counters()
    return lambda: own_simulator.control.counters()["logins"]


def test_each_tenant_is_logged_in_to_once_and_not_at_each_tick(daemon, logins, lake):
    assert len(daemon.tick(EXPORTS).run_requests) == len(TENANTS)
    assert logins() == len(TENANTS)
    daemon.tick(EXPORTS)
    assert logins() == len(TENANTS)


def test_after_a_refusal_the_next_tick_logs_in_anew_so_a_granted_role_is_found(daemon, lake, own_simulator):
    own_simulator.control.revoke_roles("Vulnerability.Read.All", "Software.Read.All")
    own_simulator.control.expire_tokens()
    assert "Vulnerability.Read.All" in daemon.tick(EXPORTS).skip_message
    own_simulator.control.grant_roles("Vulnerability.Read.All", "Software.Read.All")
    assert len(daemon.tick(EXPORTS).run_requests) == len(TENANTS)


def test_changed_settings_are_followed_at_the_next_tick(daemon, lake, own_settings):
    assert daemon.tick(EXPORTS).run_requests
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "another")
    result = daemon.tick(EXPORTS)
    assert not result.run_requests
    assert "the client secret is wrong" in result.skip_message
    assert all(f"{tenant}: the look at" in result.skip_message for tenant in TENANTS)


class Relay(socketserver.ThreadingTCPServer):
    """Passes connections on to the simulated service, and says nothing until ``over`` is set."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, service: tuple[str, int]) -> None:
        self.service, self.over, self.connections = service, threading.Event(), 0
        super().__init__(("127.0.0.1", 0), _Relayed)

    @property
    def url(self) -> str:
        return f"https://{self.service[0]}:{self.server_address[1]}"


class _Relayed(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        self.server.connections += 1
        self.server.over.wait()
        with socket.create_connection(self.server.service) as service:
            back = threading.Thread(target=_pass_on, args=(service, self.request), daemon=True)
            back.start()
            _pass_on(self.request, service)
            back.join()


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            to.sendall(received)
        to.shutdown(socket.SHUT_WR)


@pytest.fixture
def fabrikam(daemon, tmp_path, monkeypatch, own_simulator) -> Iterator[Relay]:
    """The way to fabrikam's service, which is silent at first."""
    service = urlsplit(own_simulator.settings["DEFENDER_API_URL"])
    with Relay((service.hostname, service.port)) as relay:
        serving = threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        listed = tmp_path / "tenants.yaml"
        own = f"name: fabrikam\n    api_url: {relay.url}\n    authority_url: {relay.url}\n"
        listed.write_text(listed.read_text().replace("name: fabrikam\n", own))
        monkeypatch.setattr(all_tenants, "SECONDS_OF_A_LOOK", 4.0)
        yield relay
        relay.over.set()
        relay.shutdown()
        serving.join()


def test_a_tenant_without_an_answer_costs_the_others_nothing_and_is_not_asked_twice_at_a_time(fabrikam, daemon, lake):
    result = daemon.tick(EXPORTS)
    assert [tenant_of(request) for request in result.run_requests] == ["contoso", "tailspin"]
    assert SensorCursor.from_json(result.cursor).unanswered == ("fabrikam",)
    assert fabrikam.connections == 1
    daemon.tick(EXPORTS)
    assert fabrikam.connections == 1
    # from the second failure on it is passed over, with the reason
    pause = SensorCursor.from_json(daemon.cursors[EXPORTS]).pauses["fabrikam"]
    assert pause.failures == 2
    assert "no answer in" in pause.reason


def test_an_answer_that_came_after_its_tick_is_used_at_the_next(fabrikam, daemon, lake):
    daemon.tick(EXPORTS)
    fabrikam.over.set()
    eventually(lambda: not [thread for thread in threading.enumerate() if "fabrikam" in thread.name], 120, "its answer")
    connections = fabrikam.connections
    result = daemon.tick(EXPORTS)
    assert "fabrikam" in {tenant_of(request) for request in result.run_requests}
    assert fabrikam.connections == connections


def test_a_tenant_without_a_turn_is_not_paused_and_comes_first_in_the_next_tick(daemon, lake, monkeypatch):
    with monkeypatch.context() as no_time:
        no_time.setattr(all_tenants, "SECONDS_OF_A_TICK", 0.0)
        for _ in range(3):
            told = daemon.tick(EXPORTS).skip_message
    assert told == "no time in this tick, first in the next: contoso, fabrikam, tailspin"
    cursor = SensorCursor.from_json(daemon.cursors[EXPORTS])
    assert cursor.unanswered == TENANTS
    assert cursor.pauses == {}
    assert len(daemon.tick(EXPORTS).run_requests) == len(TENANTS)


def test_looks_at_one_tenant_may_overlap(daemon, lake):
    """Two sensors and a schedule have the same probes."""
    probes = TenantProbes(DefenderApplication(), ParquetLake())
    with probes.open("contoso") as one:
        with probes.open("contoso") as other:
            other.export_generated("software_vulnerabilities", exported_tables()["software_vulnerabilities"])
        one.export_generated("software_vulnerabilities", exported_tables()["software_vulnerabilities"])
    assert not probes.is_corrected("contoso")


def test_while_the_list_is_being_edited_a_paused_tenant_stays_paused(daemon, lake, tmp_path):
    listed = tmp_path / "tenants.yaml"
    listed.write_text(listed.read_text().replace("name: fabrikam\n", "name: fabrikam\n    client_secret: wrong\n"))
    daemon.tick(EXPORTS)
    daemon.tick(EXPORTS)
    listed.write_text("tenants: [{name: contoso}, {na")
    told = daemon.tick(EXPORTS).skip_message
    assert "the last known tenants are asked, because their list cannot be read" in told
    assert "fabrikam: not asked again before" in told


def test_a_tenant_that_is_refused_is_asked_less_often_until_its_settings_change(daemon, lake, tmp_path, own_simulator):
    listed = tmp_path / "tenants.yaml"
    good = listed.read_text()
    listed.write_text(good.replace("name: fabrikam\n", "name: fabrikam\n    client_secret: wrong\n"))
    assert len(daemon.tick(EXPORTS).run_requests) == 2
    daemon.tick(EXPORTS)
    before = len(own_simulator.control.requests())
    result = daemon.tick(EXPORTS)
    assert SensorCursor.from_json(result.cursor).pauses["fabrikam"].in_words.startswith("not asked again before")
    assert "the client secret is wrong" in SensorCursor.from_json(result.cursor).pauses["fabrikam"].reason
    assert [path for _, path, status in own_simulator.control.requests()[before:] if status >= 400] == []
    listed.write_text(good)
    assert "fabrikam" in [tenant_of(request) for request in daemon.tick(EXPORTS).run_requests]


def test_a_tenant_that_is_added_or_removed_does_not_disturb_the_others(daemon, lake, tmp_path):
    """Given a file that lists another tenant since the definitions were loaded, and one fewer, when sensors and
    schedules tick, then those that both know are served, and the tick says what to do."""
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {name: fabrikam}, {name: woodgrove}]\n")
    result = daemon.tick(EXPORTS)
    assert [tenant_of(request) for request in result.run_requests] == ["contoso", "fabrikam"]
    asked = [request for request in daemon.clock("daily_refresh").run_requests if request.partition_key]
    assert {tenant_of(request) for request in asked} == {"contoso", "fabrikam"}
    told = daemon.tick("lake_partitions").skip_message
    assert "woodgrove: added to the list of tenants" in told
    assert "tailspin: no longer in the list" in told
    # and while somebody is editing the file, the last known tenants
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {na")
    asked = [request for request in daemon.clock("hourly_inventory").run_requests if request.partition_key]
    assert [tenant_of(request) for request in asked] == list(TENANTS)


def test_the_hourly_inventory_starts_no_run_that_would_fail_as_the_last_one_did(
    daemon, lake, tmp_path, own_settings, own_simulator, capfd
):
    """Given a tenant whose run failed because its secret is wrong, when the hour comes again, then it has no run until
    it is answered, or refused for another reason, which nobody was told of."""
    own_settings.setenv("DEFENDER_DATASETS", "machines")
    listed = tmp_path / "tenants.yaml"
    good = listed.read_text()
    listed.write_text(good.replace("name: fabrikam\n", "name: fabrikam\n    client_secret: wrong\n"))
    asked = {tenant_of(request): request for request in daemon.clock("hourly_inventory").run_requests}
    assert set(asked) == set(TENANTS)
    assert not daemon.run(asked["fabrikam"]).success
    before = len(own_simulator.control.requests())

    assert [tenant_of(request) for request in daemon.clock("hourly_inventory").run_requests] == ["contoso", "tailspin"]

    assert "fabrikam: no run, because the last one failed as this one would: " in capfd.readouterr().err
    refused = [path for _, path, status in own_simulator.control.requests()[before:] if status >= 400]
    assert len(refused) == 1
    # answered again, and then refused for another reason
    listed.write_text(good)
    assert len(daemon.clock("hourly_inventory").run_requests) == len(TENANTS)
    own_simulator.control.revoke_roles("Machine.Read.All")
    own_simulator.control.expire_tokens()
    asked = {tenant_of(request): request for request in daemon.clock("hourly_inventory").run_requests}
    assert set(asked) == set(TENANTS)
    # and where nobody has a run, the tick says why
    for request in asked.values():
        assert not daemon.run(request).success
    told = daemon.clock("hourly_inventory").skip_message.splitlines()
    assert [line.partition(":")[0] for line in told] == list(TENANTS)
    assert all("Machine.Read.All" in line for line in told)


def tenant_of(request: dg.RunRequest) -> str:
    assert request.tags[OF_TENANT] == str(request.partition_key).partition("|")[2]
    return request.tags[OF_TENANT]


def test_failed_looks_are_made_rarer_and_no_rarer_than_every_half_hour():
    now, pauses = datetime(2026, 11, 26, tzinfo=UTC), []
    pause = None
    for _ in range(8):
        pause = after_failure(pause, now, "refused")
        pauses.append((pause.until - now).total_seconds() / 60)
    assert pauses == [0, 2, 4, 8, 16, 30, 30, 30]
    cursor = SensorCursor(pauses={"contoso": pause})
    assert SensorCursor.from_json(cursor.to_json()) == cursor


def test_a_tick_ends_however_many_are_silent(monkeypatch):
    monkeypatch.setattr(all_tenants, "SECONDS_OF_A_TICK", 1.0)
    over = threading.Event()
    assert by_tenant([f"t{number}" for number in range(100)], lambda tenant: over.wait(60), seconds=0.3) == {}
    over.set()


def test_a_late_look_that_failed_unexpectedly_is_logged_and_the_tenant_asked_again(caplog):
    over, looks = threading.Event(), TenantLooks[str](seconds_of_a_look=0.1)

    def fail(tenant: str) -> str:
        over.wait()
        raise ZeroDivisionError(tenant)

    assert looks.look(["contoso"], fail).silent == ("contoso",)
    over.set()
    eventually(lambda: not [thread for thread in threading.enumerate() if "contoso" in thread.name], 120, "its end")
    assert looks.look(["contoso"], lambda tenant: "found").results == {"contoso": "found"}
    assert "A look at contoso that took longer than its tick failed unexpectedly." in caplog.text
    assert "ZeroDivisionError: contoso" in caplog.text


def test_what_is_no_expected_error_is_raised():
    def ask(tenant: str) -> str:
        raise ZeroDivisionError(tenant)

    with pytest.raises(ZeroDivisionError):
        by_tenant(TENANTS, ask)
