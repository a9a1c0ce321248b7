"""Ticks over several tenants: asked side by side, with one login each, and none of them holds up the others."""

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import dagster as dg
import pytest

from defender_assets.orchestration.automation import all_tenants
from defender_assets.orchestration.automation.all_tenants import TenantLooks, by_tenant
from defender_assets.orchestration.automation.cursor import SensorCursor
from defender_assets.orchestration.automation.pauses import after_failure
from defender_assets.orchestration.automation.probe import TenantProbes
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


@pytest.fixture
def silent(monkeypatch):
    """The tenants whose look waits until the event is set; what was asked for is noted in ``asked``."""
    waiting, over, asked = set(), threading.Event(), []
    really = TenantProbes.open

    def opened(self, tenant):
        asked.append(tenant)
        if tenant in waiting:
            over.wait()
        return really(self, tenant)

    monkeypatch.setattr(TenantProbes, "open", opened)
    monkeypatch.setattr(TenantLooks.__init__, "__kwdefaults__", {"seconds_of_a_look": 4.0})
    yield SimpleNamespace(tenants=waiting, over=over, asked=asked)
    over.set()


def test_a_tenant_without_an_answer_costs_the_others_nothing_and_is_not_asked_twice_at_a_time(
    instance, silent, daemon, lake
):
    silent.tenants.add("fabrikam")
    daemon = Daemon(instance)
    result = daemon.tick(EXPORTS)
    assert [tenant_of(request) for request in result.run_requests] == ["contoso", "tailspin"]
    assert SensorCursor.from_json(result.cursor).unanswered == ("fabrikam",)
    silent.asked.clear()
    daemon.tick(EXPORTS)
    assert sorted(silent.asked) == ["contoso", "tailspin"]
    # from the second failure on it is passed over, with the reason
    pause = SensorCursor.from_json(daemon.cursors[EXPORTS]).pauses["fabrikam"]
    assert pause.failures == 2
    assert "no answer in" in pause.reason


def test_an_answer_that_came_after_its_tick_is_used_at_the_next(instance, silent, daemon, lake):
    silent.tenants.add("fabrikam")
    daemon = Daemon(instance)
    daemon.tick(EXPORTS)
    silent.over.set()
    silent.tenants.clear()
    eventually(lambda: not [thread for thread in threading.enumerate() if "fabrikam" in thread.name], 20, "its answer")
    silent.asked.clear()
    result = daemon.tick(EXPORTS)
    assert "fabrikam" in {tenant_of(request) for request in result.run_requests}
    assert "fabrikam" not in silent.asked


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
    # and while somebody is editing the file, the tenants of before
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {na")
    asked = [request for request in daemon.clock("hourly_inventory").run_requests if request.partition_key]
    assert [tenant_of(request) for request in asked] == list(TENANTS)


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


def test_what_is_no_expected_error_is_raised():
    def ask(tenant: str) -> str:
        raise ZeroDivisionError(tenant)

    with pytest.raises(ZeroDivisionError):
        by_tenant(TENANTS, ask)
