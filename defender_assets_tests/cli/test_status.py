"""``status``: what a monitor is told, and its exit codes."""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
import trustme

from defender_assets.api import Budget
from defender_assets.catalog.dataset import MACHINES_QUOTA
from defender_assets.doctor import Inspection
from defender_assets.lake import Lake
from defender_assets.lake.layout import part_path
from defender_assets.monitoring import DaemonHistory, RunHistory, survey
from defender_assets.settings import Settings, connection, tenant_names
from defender_assets.simulator import Simulator

from ..monitoring.lakes import fill, put, remove
from .program import invoke

HOUR = timedelta(hours=1)
END_IS_UNKNOWN = (
    "OK: secret: when it ends is not known: only Entra knows it. Kept in an Azure Key Vault with its end, or replaced "
    "by a certificate, it is watched (docs/monitor.md)."
)
surveying = sys.modules[survey.__module__]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with every table, an hour old."""
    folder = tmp_path_factory.mktemp("filled") / "lake"
    fill(Lake(folder), HOUR)
    return folder


@pytest.fixture
def lake(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """A lake that is still empty."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def full_lake(lake: Lake, filled: Path) -> Lake:
    """A lake with every table, an hour old, to be changed."""
    shutil.copytree(filled, lake.root)
    return lake


@pytest.mark.parametrize(
    ("age", "code", "word", "says"),
    [
        (HOUR, 0, "OK", " tables of 1 tenant, the oldest read 1 h 0 min ago | oldest=36"),
        (30 * HOUR, 1, "WARNING", " tables of 1 tenant; 1 table not fresh | oldest=1080"),
        (60 * HOUR, 2, "CRITICAL", " tables of 1 tenant; 1 table not fresh | oldest=2160"),
    ],
)
def test_a_table_that_is_late_is_told_by_line_and_exit_code(
    age: timedelta, code: int, word: str, says: str, full_lake: Lake
) -> None:
    remove(full_lake, "alerts")
    put(full_lake, "alerts", age)
    result = invoke("status")
    assert (result.exit_code, result.stderr) == (code, "")
    first, *rest = result.stdout.splitlines()
    assert first.startswith(f"DEFENDER {word} - ")
    assert says in first
    assert first.count("|") == 1
    hours = 28 * code
    remedy = "Look at the runs in the UI or at what refresh prints; defender-assets doctor tests the connection."
    told = f"{word}: tables: alerts not refreshed for more than {hours} hours. {remedy}"
    assert rest == [*([told] if code else []), END_IS_UNKNOWN]


def test_a_tenant_of_which_nothing_was_fetched_is_critical(lake: Lake) -> None:
    result = invoke("status")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[1:] == [
        "CRITICAL: tables: nothing has been fetched yet. defender-assets refresh (of several tenants: --tenant all) "
        "fetches every table once.",
        END_IS_UNKNOWN,
    ]
    tables = len(json.loads(invoke("status", "--json").stdout)["tenants"][0]["tables"])
    assert result.stdout.splitlines()[0] == (
        f"DEFENDER CRITICAL - {tables} tables of 1 tenant; nothing fetched yet | "
        f"tables_not_fresh={tables};0;;0 tables_failing=0;0;;0"
    )


def without_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says who logs in, as on a machine that has a copy of the lake, or beside the demo."""
    for name in ("DEFENDER_TENANT_ID", "DEFENDER_CLIENT_ID", "DEFENDER_CLIENT_SECRET"):
        monkeypatch.delenv(name)


def test_a_lake_is_judged_where_nobody_can_log_in(full_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    without_application(monkeypatch)
    result = invoke("status")
    assert (result.exit_code, result.stderr) == (0, "")
    first, *rest = result.stdout.splitlines()
    assert first.startswith("DEFENDER OK - ")
    assert " ago; no login is set here | " in first
    assert rest == [
        "OK: login: no application is named here, so only the lake is judged: no quota, no end of a secret. "
        "Where tables are refreshed from here, set what logs in (docs/connect.md)."
    ]
    remove(full_lake, "alerts")
    put(full_lake, "alerts", 60 * HOUR)
    assert invoke("status").exit_code == 2
    # Half of it is a mistake.
    monkeypatch.setenv("DEFENDER_TENANT_ID", "contoso.example")
    put(full_lake, "alerts", HOUR)
    result = invoke("status")
    assert result.exit_code == 2
    assert "CRITICAL: connection: 2 settings need attention" in result.stdout
    assert "DEFENDER_CLIENT_ID is missing" in result.stdout


def test_where_the_daemon_works_a_missing_login_is_critical(full_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    without_application(monkeypatch)
    history = RunHistory(daemon=DaemonHistory(datetime.now(UTC)))
    overview = survey(Settings.load(), ("default",), lambda: history)
    assert [(each.area, each.outcome.value) for each in overview.tenants[0].inspections] == [("login", "failed")]


def test_what_a_file_does_not_say_is_unknown_and_a_damaged_one_critical(full_lake: Lake) -> None:
    put(full_lake, "recommendations", HOUR, observed_at="yesterday, perhaps")
    assert invoke("status").exit_code == 3
    put(full_lake, "epss", HOUR, stale="true", reason="the feed answered 503")
    today = (datetime.now(UTC) - HOUR).date()
    (Path(full_lake.root) / part_path("scan_agents", "default", today)).write_bytes(b"PAR1 no more")
    result = invoke("status", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["exit_code"], found["status"]) == (2, 2, "critical")
    (tenant,) = found["tenants"]
    assert {each["subject"]: each["status"] for each in tenant["findings"] if each["area"] == "tables"} == {
        "epss": "warning",
        "recommendations": "unknown",
        "scan_agents": "critical",
    }
    rows = {each["table"]: each for each in tenant["tables"]}
    assert rows["machines"]["age_seconds"] == pytest.approx(3_600, abs=300)
    assert rows["machines"]["rows"] == 0
    assert rows["scan_agents"]["rows"] is None


def test_a_table_that_is_not_chosen_or_switched_off_is_not_missed(
    full_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("alerts", "epss"):
        remove(full_lake, table)
    result = invoke("status")
    assert result.exit_code == 2
    assert "CRITICAL: tables: alerts never refreshed." in result.stdout
    assert "WARNING: tables: epss never refreshed." in result.stdout
    without = invoke("status", "--json", DEFENDER_DATASETS="!alerts", DEFENDER_EPSS="off")
    left_out = {each["table"]: each["left_out"] for each in json.loads(without.stdout)["tenants"][0]["tables"]}
    assert without.exit_code == 0
    assert left_out["alerts"] == "not chosen by DEFENDER_DATASETS"
    assert left_out["epss"] == "switched off"
    assert left_out["machines"] is None


def test_a_wrong_setting_is_critical_and_an_unknown_tenant_too(full_lake: Lake) -> None:
    assert invoke("status", DEFENDER_LATE_AFTER_HOURS="soon").exit_code == 2
    assert invoke("status", "--tenant", "nobody").exit_code == 2
    result = invoke("status", DEFENDER_CLIENT_SECRET="env:NOT_THERE")
    assert result.exit_code == 2
    assert "CRITICAL: connection: DEFENDER_CLIENT_SECRET is a secret reference that cannot be followed" in result.stdout


@pytest.mark.parametrize(
    ("words", "variables", "named"),
    [
        ((), {"DEFENDER_LATE_AFTER_HOURS": "so|on"}, "DEFENDER_LATE_AFTER_HOURS"),
        (("--tenant", "nobody"), {}, "DEFENDER_TENANTS"),
    ],
)
def test_where_nothing_can_be_looked_at_the_first_line_and_the_json_say_so(
    words: tuple[str, ...], variables: dict[str, str], named: str, full_lake: Lake
) -> None:
    told = invoke("status", *words, **variables)
    (line,) = told.stdout.splitlines()
    assert line.startswith("DEFENDER CRITICAL - ")
    assert named in line
    assert "|" not in line  # else a monitor would read numbers behind it
    as_json = invoke("status", "--json", *words, **variables)
    found = json.loads(as_json.stdout)
    assert (told.exit_code, as_json.exit_code, found["exit_code"], found["status"]) == (2, 2, 2, "critical")
    assert found["findings"][0]["what"]


def test_a_fault_of_the_program_is_unknown_by_line_and_json(full_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defender_assets.monitoring.survey", lambda *_: {}["nothing"])
    told = invoke("status")
    assert (told.exit_code, told.stdout) == (
        3,
        "DEFENDER UNKNOWN - the status could not be found out: an unexpected KeyError\n",
    )
    assert "Traceback" in told.stderr
    as_json = invoke("status", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["status"]) == (3, "unknown")


def test_the_end_of_what_the_login_depends_on_is_told(full_lake: Lake, tmp_path: Path) -> None:
    file, now = tmp_path / "token", datetime.now(UTC)
    for ends_at, code in ((now + HOUR, 0), (now - HOUR, 2)):
        file.write_text(jwt.encode({"exp": ends_at.timestamp()}, "a key of thirty-two bytes or more", "HS256"))
        result = invoke("status", "--json", DEFENDER_CLIENT_SECRET="", DEFENDER_FEDERATED_TOKEN_FILE=str(file))
        assert result.exit_code == code
        (expiry,) = json.loads(result.stdout)["tenants"][0]["expiries"]
        assert expiry["kind"] == "federated token"
        assert abs(datetime.fromisoformat(expiry["ends_at"]) - ends_at) < timedelta(seconds=1)
    file.write_text("a token that says nothing of its end")
    silent = invoke("status", DEFENDER_CLIENT_SECRET="", DEFENDER_FEDERATED_TOKEN_FILE=str(file))
    assert silent.exit_code == 0
    assert "OK: federated token: when the token in the file ends is not known: it does not say" in silent.stdout


def test_a_secret_of_which_only_entra_knows_the_end_is_said_to_be_unknown(full_lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "defender.prom"
    result = invoke("status", "--json", DEFENDER_METRICS_FILE=str(file))
    assert json.loads(result.stdout)["tenants"][0]["expiries"] == [{"kind": "client secret", "ends_at": None}]
    assert 'defender_assets_expiry_known{kind="client secret",tenant="default"} 0.0' in file.read_text()
    assert "defender_assets_expiry_timestamp_seconds{" not in file.read_text()


def test_a_certificate_that_ends_soon_is_a_warning(full_lake: Lake, tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    ends_at = datetime.now(UTC) + timedelta(days=10)
    issued = authority.issue_cert("defender.example", key_type=trustme.KeyType.RSA, not_after=ends_at)
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "app.pem"))
    result = invoke("status", DEFENDER_CLIENT_SECRET="", DEFENDER_CLIENT_CERTIFICATE=str(tmp_path / "app.pem"))
    assert result.exit_code == 1
    assert "WARNING: certificate: it ends on " in result.stdout


def test_a_quota_that_the_service_has_closed_is_told(full_lake: Lake) -> None:
    settings = Settings.load()
    with Budget.of(connection(settings), path=settings.budget_file) as budget:
        budget.throttled(MACHINES_QUOTA, 90)
    result = invoke("status", "--json")
    quotas = {each["family"]: each for each in json.loads(result.stdout)["tenants"][0]["quotas"]}
    assert result.exit_code == 1
    assert 60 < quotas[MACHINES_QUOTA.name]["blocked_seconds"] <= 90
    assert all(each["calls_left"] <= each["calls_per_hour"] for each in quotas.values())


@pytest.mark.slow
def test_a_table_whose_last_attempt_failed_is_told_until_one_succeeds(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    fill(Lake(tmp_path / "lake"))
    own_settings.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert invoke("status").exit_code == 0
    own_simulator.control.revoke_roles("Software.Read.All")
    assert invoke("refresh", "--select", "software").exit_code == 1
    told = invoke("status")
    assert told.exit_code == 1
    assert "; 1 table failing | " in told.stdout
    assert "WARNING: runs: software: failed (missing_role): " in told.stdout
    assert invoke("refresh", "--select", "scan_agents").exit_code == 0
    assert invoke("status").exit_code == 1
    own_simulator.control.grant_roles("Software.Read.All")
    assert invoke("refresh", "--select", "software").exit_code == 0
    settled = invoke("status", "--json")
    assert settled.exit_code == 0
    assert json.loads(settled.stdout)["tenants"][0]["last_run"]["succeeded"] is True


def listed(folder: Path, *names: str) -> None:
    """These tenants in the file of tenants."""
    entries = [f"- name: {name}\n  client_secret: a secret\n" for name in names]
    (folder / "tenants.yaml").write_text("tenants:\n" + "".join(entries))


@pytest.fixture
def two_tenants(lake: Lake, filled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two tenants whose tables are fresh."""
    listed(tmp_path, "contoso", "fabrikam")
    monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    monkeypatch.delenv("DEFENDER_CLIENT_SECRET")
    for folder in filled.iterdir():
        for name in ("contoso", "fabrikam"):
            shutil.copytree(folder / "tenant=default", Path(lake.root) / folder.name / f"tenant={name}")


@pytest.fixture
def silent_but_contoso(two_tenants: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of every tenant but one the look does not end before the test does."""
    over = threading.Event()

    def hanging(lake: Lake) -> list[Inspection]:
        if lake.tenant != "contoso":
            over.wait()
        return []

    monkeypatch.setattr(surveying, "inspect_room", hanging)
    yield
    over.set()


@pytest.mark.usefixtures("silent_but_contoso")
def test_a_tenant_that_does_not_answer_does_not_hide_the_others() -> None:
    settings = Settings.load()
    overview = survey(settings, tenant_names(settings), lambda: None, deadline_seconds=3)
    assert [(each.tenant, each.outcome.value) for each in overview.tenants] == [
        ("contoso", "ok"),
        ("fabrikam", "unknown"),
    ]
    assert not overview.is_whole
    assert overview.tenants[0].tables
    assert invoke("status", "--tenant", "contoso").exit_code == 0


@pytest.mark.usefixtures("silent_but_contoso")
def test_silent_tenants_do_not_keep_a_good_one_from_its_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(surveying, "_SECONDS_OF_A_TURN", 0.2)
    silent = [f"silent-{number}" for number in range(9)]
    listed(tmp_path, *silent, "contoso")
    settings = Settings.load()
    overview = survey(settings, tenant_names(settings), lambda: None, deadline_seconds=6)
    assert {each.tenant: each.outcome.value for each in overview.tenants} == {
        **dict.fromkeys(silent, "unknown"),
        "contoso": "ok",
    }


def test_what_nobody_foresaw_of_one_tenant_is_told_beside_the_others(
    two_tenants: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(lake: Lake) -> list[Inspection]:
        if lake.tenant == "fabrikam":
            raise ZeroDivisionError("with a secret in it")
        return []

    monkeypatch.setattr(surveying, "inspect_room", broken)
    settings = Settings.load()
    overview = survey(settings, tenant_names(settings), lambda: None)
    good, bad = overview.tenants
    assert (good.tenant, good.outcome.value) == ("contoso", "ok")
    (finding,) = bad.inspections
    assert (finding.outcome.value, finding.what) == (
        "unknown",
        "nothing is known: an unexpected ZeroDivisionError ended the look",
    )
    assert overview.is_whole
    assert "ZeroDivisionError" in caplog.text


def test_a_history_that_does_not_answer_or_breaks_is_unknown_and_the_tenants_are_told(full_lake: Lake) -> None:
    answered = threading.Event()

    def hanging() -> None:
        answered.wait()

    def broken() -> None:
        raise ZeroDivisionError

    settings = Settings.load()
    late = survey(settings, ("default",), hanging, deadline_seconds=3)
    answered.set()
    failed = survey(settings, ("default",), broken)
    assert not late.is_whole
    for overview, says in ((late, "took more than 3 seconds"), (failed, "an unexpected ZeroDivisionError")):
        (finding,) = overview.inspections
        assert (finding.area, finding.outcome.value) == ("dagster", "unknown")
        assert says in finding.what
        assert overview.tenants[0].outcome.value == "ok"
