"""What is around the service: certificate, clock, quotas, roles, and everything that is wrong with the settings."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from defender_assets.api import Budget
from defender_assets.catalog import DATASETS
from defender_assets.doctor import Outcome, read_settings
from defender_assets.doctor.connection import inspect_certificate, inspect_clock, inspect_quotas, inspect_roles
from defender_assets.doctor.feeds import inspect_feeds
from defender_assets.doctor.machine import inspect_dagster
from defender_assets.settings import ClientCertificate, Settings, connection
from defender_assets.simulator import Simulator

from ..api.conftest import connection_to
from ..api.wire import Reply


@dataclass
class ClockAhead:
    """This machine's clock, some seconds ahead."""

    seconds: float

    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self.seconds

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing is waited for")


@pytest.mark.parametrize(
    ("seconds", "outcome", "words"),
    [
        (0, Outcome.OK, "within 30 seconds"),
        (90, Outcome.WARNING, "ahead of that of the login"),
        (-90, Outcome.WARNING, "behind that of the login"),
        (900, Outcome.FAILED, "0:1"),
        (-86_400, Outcome.FAILED, "behind"),
    ],
)
def test_a_clock_that_is_off_is_told_before_a_login_fails_of_it(
    tenant_settings: pytest.MonkeyPatch, seconds: float, outcome: Outcome, words: str
) -> None:
    (found,) = inspect_clock(connection(), clock=ClockAhead(seconds))
    assert (found.area, found.outcome) == ("clock", outcome)
    assert words in found.what


def test_a_clock_that_nobody_can_be_asked_about_is_unknown_and_not_well(wire) -> None:
    nobody = connection_to(wire, api_url="https://localhost:1", authority_url="https://localhost:1")
    assert [found.outcome for found in inspect_clock(nobody)] == [Outcome.UNKNOWN]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@pytest.mark.parametrize(
    ("begins", "ends", "outcome", "words"),
    [
        (-10, 300, Outcome.OK, "in 299 days"),
        (-10, 20, Outcome.WARNING, "in 19 days"),
        (-300, -1, Outcome.FAILED, "it ended on "),
        (5, 300, Outcome.FAILED, "it is valid only from "),
    ],
)
def test_the_end_of_the_certificate_is_told_a_month_before(wire, tmp_path, key, begins, ends, outcome, words) -> None:
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "defender")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "app.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + certificate.public_bytes(serialization.Encoding.PEM)
    )
    (found,) = inspect_certificate(connection_to(wire, credential=ClientCertificate(pem)))
    assert (found.area, found.outcome) == ("certificate", outcome)
    assert words in found.what
    assert inspect_certificate(connection_to(wire)) == []


def test_calls_that_are_spent_and_a_service_that_wants_none_are_told(wire, clock) -> None:
    there = connection_to(wire)
    settings = Settings.load()
    (well,) = inspect_quotas(there, settings, clock=clock)
    assert well.outcome is Outcome.OK
    machines, pages = DATASETS["machines"].quota, DATASETS["certificates"].quota
    with Budget.of(there, path=settings.budget_file, clock=clock) as budget:
        budget.throttled(machines, 90)
        for _ in range(950):
            budget.acquire(pages)
    found = {inspection.subject: inspection for inspection in inspect_quotas(there, settings, clock=clock)}
    assert set(found) == {machines.name, pages.name}
    assert {inspection.outcome for inspection in found.values()} == {Outcome.WARNING}
    assert "90 seconds" in found[machines.name].what
    assert found[pages.name].what.startswith("50 of 1,000 calls an hour")


def test_roles_that_can_change_the_tenant_are_told() -> None:
    assert inspect_roles(["Machine.Read.All", "Score.Read.All"]) == []
    (found,) = inspect_roles(["Machine.Read.All", "Machine.Isolate", "Ti.ReadWrite.All"])
    assert found.outcome is Outcome.WARNING
    assert "Machine.Isolate, Ti.ReadWrite.All" in found.what


def test_a_history_whose_configuration_lets_dagster_tell_its_makers_is_a_warning(monkeypatch, tmp_path) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.delenv("DAGSTER_DISABLE_TELEMETRY", raising=False)
    assert [found.outcome for found in inspect_dagster()] == [Outcome.OK]  # the file that ships is put there
    (home / "dagster.yaml").write_text("run_retries: {enabled: true}\n")
    told = inspect_dagster()[-1]
    assert told.outcome is Outcome.WARNING
    assert "telemetry: {enabled: false}" in told.remedy
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert [found.outcome for found in inspect_dagster()] == [Outcome.OK]
    (home / "dagster.yaml").write_text("telemetry: [\n")
    assert [found.outcome for found in inspect_dagster()] == [Outcome.FAILED]


WRONG = {
    "DEFENDER_USER_CALLS": "many",
    "DEFENDER_REFRESH_HOUR": "24",
    "DEFENDER_EXECUTOR": "fork",
    "DEFENDER_UI_URL": "dagster.contoso.example",
    "DEFENDER_POLICY": "no-such-policy.yaml",
    "DEFENDER_DATASETS": "alrts",
    "DEFENDER_TENANTS": "no-such-tenants.yaml",
    "DEFENDER_LAKE": "ftp://files.contoso.example/lake",
    "DEFENDER_KEV": "http://feeds.contoso.example/kev.json",
    "DEFENDER_RUNNING": "daily_refersh",
    "DEFENDER_WEBHOOK_URL": "http://hooks.contoso.example/canary",
    "DEFENDER_CA_BUNDLE": "no-such-ca.pem",
    "DAGSTER_HOME": "relative",
}


def test_everything_that_is_wrong_with_the_settings_is_found_at_once(
    tenant_settings: pytest.MonkeyPatch, simulator: Simulator, tmp_path: Path
) -> None:
    assert read_settings(connects=True)[1] == []
    for name, value in WRONG.items():
        tenant_settings.setenv(name, value)
    problems = read_settings(connects=True)[1]
    assert sorted(problem.variable for problem in problems) == sorted(WRONG)  # each once
    told = "\n".join(map(str, problems))
    assert "say 'in_process' or 'forkserver'" in told
    assert "did you mean daily_refresh?" in told
    assert "did you mean alerts?" in told
    assert "canary" not in told
    # nor is a proxy's address repeated, which may have a password in it
    for proxy, words in (("socks5://u:canary@proxy:1080", "SOCKS"), ("proxy:canary:80", "no proxy that can be used")):
        tenant_settings.setenv("HTTPS_PROXY", proxy)
        (told,) = [problem for problem in read_settings()[1] if "PROXY" in problem.variable]
        assert (told.variable, words in told.what, "canary" in str(told)) == ("HTTPS_PROXY", True, False)
    tenant_settings.delenv("HTTPS_PROXY")
    # one that is malformed does not hide what is wrong with the connection
    for name in ("DEFENDER_TENANTS", "DEFENDER_CLIENT_SECRET"):
        tenant_settings.delenv(name)
    assert {"DEFENDER_USER_CALLS", "DEFENDER_CLIENT_SECRET"} <= {
        problem.variable for problem in read_settings(connects=True)[1]
    }


def test_a_web_page_in_place_of_a_feed_is_a_warning(wire, monkeypatch) -> None:
    for variable in ("EPSS", "SSVC", "ANTIVIRUS_VERSIONS", "MACOS_RELEASES", "LINUX_RELEASES", "RELEASE_NOTES"):
        monkeypatch.setenv(f"DEFENDER_{variable}", "off")
    monkeypatch.setenv("DEFENDER_KEV", f"{wire.url}/kev.json?signature=canary")
    for reply, words in (
        (Reply(200, b'{"vulnerabilities": []}', {"Content-Type": "text/html"}), "the host answers"),
        (Reply(200, b"\n<!DOCTYPE html><title>Please log in</title>"), "a web page"),
        (Reply(503), "answered 503"),
        (Reply(302, headers={"Location": "http://portal.contoso.example/"}), "an address that is not https"),
    ):
        wire.on("/kev.json", reply)
        found = {inspection.subject: inspection for inspection in inspect_feeds(Settings.load(), wire.ca_bundle)}
        assert words in found["kev"].what
        assert (found["kev"].outcome is Outcome.OK) is (words == "the host answers")
        assert "canary" not in repr(found)
        assert (found["agent_releases"].outcome, found["epss"].outcome) == (Outcome.OK, Outcome.NOT_USED)
