"""Ticks over several tenants: asked side by side, with one login each, and none of them holds up the others."""

import threading

import pytest

from defender_assets.orchestration.automation import all_tenants
from defender_assets.orchestration.automation.all_tenants import by_tenant
from defender_assets.orchestration.automation.cursor import SensorCursor

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


def test_a_tenant_without_an_answer_costs_the_others_nothing_and_comes_first_the_next_time(
    daemon, lake, monkeypatch, own_simulator
):
    asked: list[str] = []
    silent, over = {"fabrikam"}, threading.Event()

    def hanging(tenants, ask):
        def one(tenant):
            asked.append(tenant)
            if tenant in silent:
                over.wait()
            return ask(tenant)

        return by_tenant(tenants, one, seconds=5)

    monkeypatch.setattr("defender_assets.orchestration.automation.sensors.by_tenant", hanging)
    result = daemon.tick(EXPORTS)
    assert len(result.run_requests) == 2
    assert SensorCursor.from_json(result.cursor).unanswered == ("fabrikam",)
    over.set()
    silent.clear()
    asked.clear()
    monkeypatch.setattr(all_tenants, "AT_A_TIME", 1)
    assert daemon.tick(EXPORTS).run_requests
    assert asked == ["fabrikam", "contoso", "tailspin"]


def test_what_is_no_expected_error_is_raised():
    def ask(tenant: str) -> str:
        raise ZeroDivisionError(tenant)

    with pytest.raises(ZeroDivisionError):
        by_tenant(TENANTS, ask)
