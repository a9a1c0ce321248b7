"""A part of the tenant: the rows equal the scope, what was left out is counted, and nothing looks lost."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from defender_assets.api import DefenderClient, open_client
from defender_assets.catalog import DATASETS
from defender_assets.checks import Check
from defender_assets.cli.tables import print_tables
from defender_assets.explanation import UnknownDevice, explain_device
from defender_assets.lake import Lake
from defender_assets.lake.scoped_fleet import left_out_devices
from defender_assets.refresh import (
    CaughtUp,
    NotPublished,
    PartitionOutcome,
    RefreshContext,
    note_caught_up,
    stale_days,
    table_refreshes,
)
from defender_assets.scope import fleet_scope
from defender_assets.settings import Settings, SettingsError, connection
from defender_assets.simulator import Simulator

from ..clocks import PassingClock
from ..refreshing import Refreshed, refresh_dataset

TABLES = ("machines", "software_inventory", "software_vulnerabilities", "secure_configuration", "av_health")
LEVELS = ("low", "medium", "high", "critical")
Row = dict[str, object]


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def client(tenant_settings) -> Iterator[DefenderClient]:
    with open_client(connection(), Settings.load(), clock=PassingClock()) as client:
        yield client


@pytest.fixture
def own_client(own_settings) -> Iterator[DefenderClient]:
    with open_client(connection(), Settings.load(), clock=PassingClock()) as client:
        yield client


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def whole(tmp_path) -> Lake:
    """Where the whole tenant is."""
    return Lake(tmp_path / "whole")


def refreshed(client: DefenderClient, lake: Lake, *tables: str) -> dict[str, Refreshed]:
    return {name: refresh_dataset(DATASETS[name], client, lake) for name in tables}


def device_of(table: str) -> str:
    return DATASETS[table].device_column


def keys(table: str, rows: list[Row]) -> list[str]:
    return sorted(repr([row[column] for column in DATASETS[table].key]) for row in rows)


def is_onboarded(machine: Row) -> bool:
    return machine["onboarding_status"] == "Onboarded"


def seen_within(machine: Row, days: int) -> bool:
    return machine["last_seen"] is None or machine["last_seen"] >= machine["observed_at"] - timedelta(days=days)


def is_rated_below(row: Row, level: str) -> bool:
    return (row["vulnerability_severity_level"] or "").lower() in LEVELS[: LEVELS.index(level)]


SCOPES: dict[str, tuple[dict[str, str], Callable[[Row], bool], str | None]] = {
    "onboarded, seen lately, severe": (
        {"ONBOARDED": "true", "SEEN_WITHIN_DAYS": "10", "SEVERITY": "high"},
        lambda machine: is_onboarded(machine) and seen_within(machine, 10),
        "high",
    ),
    "either of two tags": (
        {"TAGS": "vip, PRODUKTION"},
        lambda machine: {"VIP", "Produktion"} & set(machine["machine_tags"] or ()),
        None,
    ),
    "a group and a tag": (
        {"DEVICE_GROUPS": '"Küche & Lager",Servers', "TAGS": "Prod-Süd,Kiosk"},
        lambda machine: (
            machine["rbac_group_name"] in ("Küche & Lager", "Servers")
            and {"Prod-Süd", "Kiosk"} & set(machine["machine_tags"] or ())
        ),
        None,
    ),
}


def choose(environment: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        environment.setenv(f"DEFENDER_SCOPE_{name}", value)


@pytest.mark.parametrize("name", SCOPES)
def test_the_rows_equal_the_scope_and_the_files_say_how_many_were_left_out(name, client, lake, whole, tenant_settings):
    settings, holds, severity = SCOPES[name]
    refreshed(client, whole, *TABLES)
    choose(tenant_settings, settings)
    outcomes = refreshed(client, lake, *TABLES)
    inside = {machine["id"] for machine in whole.read("machines").to_pylist() if holds(machine)}
    assert 0 < len(inside) < whole.rows("machines")
    for table in TABLES:
        everything = whole.read(table).to_pylist()
        expected = [row for row in everything if row[device_of(table)] in inside]
        severe = expected
        if severity and table == "software_vulnerabilities":
            severe = [row for row in expected if not is_rated_below(row, severity)]
        assert keys(table, lake.read(table).to_pylist()) == keys(table, severe), table
        facts = lake.metadata(table)
        assert facts["scope"] == str(fleet_scope(Settings.load()))
        assert facts.get("scope_severity") == (severity if table == "software_vulnerabilities" else None)
        counted = [facts[f"rows_{what}"] for what in ("read", "out_of_scope", "of_unknown_devices", "below_severity")]
        left_out = len(everything) - len(expected)
        assert counted == [str(n) for n in (len(everything), left_out, 0, len(expected) - len(severe))], table
        shown = outcomes[table].facts
        assert shown["scope"] == facts["scope"]
        assert (shown["rows read"], shown.get("rows out of scope", 0)) == (len(everything), left_out)
    assert set(left_out_devices(lake, today()).to_pylist()) == set(whole.read("machines")["id"].to_pylist()) - inside


def test_without_a_scope_files_say_nothing_of_one(client, lake):
    outcome = refreshed(client, lake, "machines")["machines"]
    assert not {"scope", "rows_read"} & lake.metadata("machines").keys()
    assert "scope" not in outcome.facts
    assert left_out_devices(lake, today()).to_pylist() == []


def test_a_table_that_is_refreshed_alone_asks_for_the_machine_list_itself(client, lake, whole, tenant_settings):
    refreshed(client, whole, "machines", "av_health")
    tenant_settings.setenv("DEFENDER_SCOPE_TAGS", "VIP")
    refreshed(client, lake, "av_health")
    tagged = {row["id"] for row in whole.read("machines").to_pylist() if "VIP" in (row["machine_tags"] or ())}
    reported = set(whole.read("av_health")["machine_id"].to_pylist())
    assert set(lake.read("av_health")["machine_id"].to_pylist()) == tagged & reported
    assert lake.newest("machines") is None
    # and what the other devices run is known, as it is after a refresh of machines
    alone = lake.metadata("av_health")["releases_out_of_scope"]
    refreshed(client, lake, "machines", "av_health")
    assert lake.metadata("av_health")["releases_out_of_scope"] == alone != "[]"


@pytest.mark.parametrize("first", ["scoped", "whole"])
def test_a_changed_scope_is_no_loss(first, client, lake, tenant_settings):
    """Given a table of more than a thousand rows, when the scope leaves less than a fifth of them, or all of them come
    back, then one reading is enough, as on any other day."""
    scopes = [{"DEFENDER_SCOPE_DEVICE_GROUPS": "Mac"}, {}]
    for scope in scopes if first == "scoped" else scopes[::-1]:
        tenant_settings.delenv("DEFENDER_SCOPE_DEVICE_GROUPS", raising=False)
        for name, value in scope.items():
            tenant_settings.setenv(name, value)
        outcomes = refreshed(client, lake, "machines", "software_inventory")
        (complete,) = [check for check in outcomes["software_inventory"].outcomes[0].checks if check.name == "complete"]
        assert complete.numbers["readings"] == 1, complete.message
        assert not outcomes["software_inventory"].failed_checks
    assert lake.metadata("machines").get("rows_read") == (None if first == "scoped" else "60")


def test_a_loss_is_seen_although_none_of_it_is_in_the_scope(own_client, lake, own_simulator, own_settings):
    """Given a scope of one group, when devices of other groups are gone from the service's answers, then that is looked
    into as it is without a scope."""
    own_settings.setenv("DEFENDER_SCOPE_DEVICE_GROUPS", "Mac")
    refreshed(own_client, lake, "machines")
    inside = lake.rows("machines")
    own_simulator.control.remove_devices(ids=left_out_devices(lake, today()).to_pylist())
    outcome = refreshed(own_client, lake, "machines")["machines"].outcomes[0]
    (complete,) = [check for check in outcome.checks if check.name == "complete"]
    assert "formerly 40" in complete.message
    assert complete.numbers["readings"] == 2
    assert lake.rows("machines") == inside


def test_a_collapse_is_refused_although_none_of_it_is_in_the_scope(client, lake, tenant_settings):
    tenant_settings.setenv("DEFENDER_SCOPE_DEVICE_GROUPS", "Mac")
    refreshed(client, lake, "machines", "av_health")
    facts, rows = lake.metadata("av_health"), lake.read("av_health")
    with lake.writing(DATASETS["av_health"], today(), facts | {"rows_read": "5000"}) as writer:
        writer.write(rows)
        writer.publish()
    with pytest.raises(NotPublished, match="46 rows, formerly 5,000"):
        refreshed(client, lake, "av_health")
    assert lake.metadata("av_health")["rows_read"] == "5000"


def test_a_scope_that_holds_no_device_is_refused(client, lake, tenant_settings):
    refreshed(client, lake, "machines")
    tenant_settings.setenv("DEFENDER_SCOPE_TAGS", "Vipp")
    with pytest.raises(NotPublished, match=r"none of 60 devices is in the scope \(devices tagged Vipp\)"):
        refreshed(client, lake, "machines")
    assert lake.rows("machines") == 60


def test_a_scope_that_holds_no_device_empties_no_other_table(client, lake, tenant_settings):
    """Given tables of the whole tenant, when such a scope is set, then each table with devices is refused."""
    tables = ("av_health", "machine_users")
    refreshed(client, lake, "machines", *tables)
    former = {table: lake.rows(table) for table in tables}
    tenant_settings.setenv("DEFENDER_SCOPE_TAGS", "Vipp")
    for table in tables:
        with pytest.raises(NotPublished, match=f"{table}: none of 60 devices is in the scope"):
            refreshed(client, lake, table)
    assert {table: lake.rows(table) for table in tables} == former


@pytest.mark.parametrize(
    ("fault", "words"),
    [("page_empty", "is not known (the machine list is empty)"), ("skip_ignored", "is not known (machines: ")],
    ids=["empty", "in circles"],
)
def test_a_machine_list_that_cannot_be_trusted_empties_no_table(
    fault, words, own_client, lake, own_simulator, own_settings
):
    """Given a table of the whole tenant, and no machines, when a scope is set and the machine list is wrong."""
    rows = refreshed(own_client, lake, "av_health")["av_health"].rows
    own_settings.setenv("DEFENDER_SCOPE_ONBOARDED", "true")
    own_simulator.control.fault(fault, "machines", times=100)
    with pytest.raises(NotPublished) as raised:
        refreshed(own_client, lake, "av_health")
    assert words in str(raised.value)
    assert lake.rows("av_health") == rows


def test_a_machine_list_that_was_cut_is_read_again(own_client, lake, own_simulator, own_settings):
    refreshed(own_client, lake, "machines")
    own_settings.setenv("DEFENDER_SCOPE_ONBOARDED", "true")
    own_simulator.control.fault("silent_cap", "machines", rows=20, times=2)
    refreshed(own_client, lake, "av_health")
    assert lake.metadata("av_health")["rows_of_unknown_devices"] == "0"


def test_a_name_that_no_device_has_is_a_warning(client, lake, tenant_settings):
    tenant_settings.setenv("DEFENDER_SCOPE_TAGS", "VIP,Vipp,<script>")
    outcome = refreshed(client, lake, "machines")["machines"]
    (check,) = [check for check in outcome.outcomes[0].checks if check.name == "scope_is_known"]
    assert (check.passed, check.blocks) == (False, False)
    assert "Vipp" in check.message
    assert "VIP," not in check.message


def test_rows_of_a_device_that_the_machine_list_lacks_are_left_out_and_counted(client, lake, whole, tenant_settings):
    """The change feed still tells of a device that has left."""
    table = DATASETS["software_vulnerability_changes"]
    days = [today() - timedelta(days=n) for n in range(14)]
    refresh_dataset(table, client, whole, days)
    refreshed(client, whole, "machines")
    known = set(whole.read("machines")["id"].to_pylist())
    tenant_settings.setenv("DEFENDER_SCOPE_ONBOARDED", "true")
    refreshed(client, lake, "machines")
    refresh_dataset(table, client, lake, days)
    unknown = 0
    for day in days:
        devices = whole.read(table.name, day)["device_id"].to_pylist()
        unknown += sum(device not in known for device in devices)
        assert int(lake.metadata(table.name, day)["rows_read"]) == len(devices)
    assert unknown
    assert unknown == sum(int(lake.metadata(table.name, day)["rows_of_unknown_devices"]) for day in days)
    assert not {device for day in days for device in lake.read(table.name, day)["device_id"].to_pylist()} - known


def test_users_are_asked_for_devices_in_the_scope_alone(own_client, lake, own_simulator, own_settings):
    refreshed(own_client, lake, "machines", "machine_users")
    own_settings.setenv("DEFENDER_SCOPE_DEVICE_GROUPS", "Workstations")
    own_simulator.control.reset_counters()
    outcome = refreshed(own_client, lake, "machines", "machine_users")["machine_users"]
    inside = set(lake.read("machines")["id"].to_pylist())
    assert set(lake.read("machine_users")["machine_id"].to_pylist()) <= inside
    assert own_simulator.control.counters()["calls"]["logon_users"] < 2 * len(inside)
    assert outcome.facts["devices out of scope"] == 40 - len(inside)
    assert lake.metadata("machine_users")["scope"] == "devices of the group Workstations"
    assert not outcome.failed_checks


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SEEN_WITHIN_DAYS", "0"),
        ("SEEN_WITHIN_DAYS", "999999999"),
        ("SEVERITY", "hihg"),
        ("TAGS", " , ,"),
        ("TAGS", 'Berlin,"VIP'),
        ("DEVICE_GROUPS", '"'),
        ("ONBOARDED", "perhaps"),
    ],
)
def test_a_scope_that_cannot_be_understood_is_named_without_its_value(variable, value, monkeypatch):
    monkeypatch.setenv(f"DEFENDER_SCOPE_{variable}", value)
    with pytest.raises(
        SettingsError, match=f"DEFENDER_SCOPE_{variable} (cannot be understood|is out of range)"
    ) as caught:
        Settings.load()
    assert value.strip(" ,0") == "" or value not in str(caught.value)


def test_alerts_of_devices_out_of_the_scope_make_no_day_stale(
    own_client: DefenderClient, lake: Lake, whole: Lake, own_simulator: Simulator, own_settings
):
    """Given the alerts of a group, when one of another group changes, then there is nothing to fetch; when one of the
    group does, then its day is stale; when the scope becomes another, then all days are."""
    days = [today() - timedelta(days=n) for n in range(4)]
    for day in days:
        own_simulator.control.create_alerts(2, datetime.combine(day, datetime.min.time(), UTC).isoformat())
    refreshed(own_client, whole, "machines")
    refresh_dataset(DATASETS["alerts"], own_client, whole, days)
    groups = {machine["id"]: machine["rbac_group_name"] for machine in whole.read("machines").to_pylist()}
    alerts = [alert for day in days for alert in whole.read("alerts", day).to_pylist()]
    inside = next(alert for alert in alerts if groups[alert["machine_id"]])
    group = groups[inside["machine_id"]]
    outside = next(alert for alert in alerts if groups[alert["machine_id"]] != group)

    def stale() -> set[date]:
        scope = fleet_scope(Settings.load())
        return set(stale_days(own_client, DATASETS["alerts"], lake, datetime.now(UTC), scope=scope).days) & set(days)

    own_settings.setenv("DEFENDER_SCOPE_DEVICE_GROUPS", f'"{group}"')
    refreshed(own_client, lake, "machines")
    refresh_dataset(DATASETS["alerts"], own_client, lake, days)
    assert stale() == set()
    own_simulator.control.update_alert(outside["id"])
    assert stale() == set()
    own_simulator.control.update_alert(inside["id"])
    assert stale() == {inside["alert_creation_time"].date()}
    own_settings.delenv("DEFENDER_SCOPE_DEVICE_GROUPS")
    assert stale() == set(days)


@pytest.mark.parametrize("quick", [False, True], ids=["refresh", "sensor"])
def test_days_of_another_scope_are_stale_however_lately_they_were_compared(quick, own_client, lake, own_settings):
    """Given alerts of one tag, just compared, when the scope is gone, then every day is stale at once, and stays so
    until it has been read again, also where a refresh read only a part of the days."""
    alerts, days = DATASETS["alerts"], [today() - timedelta(days=n) for n in range(20)]

    def look() -> set[date]:
        scope = fleet_scope(Settings.load())
        found = stale_days(own_client, alerts, lake, datetime.now(UTC), quick=quick, scope=scope)
        note_caught_up(lake, alerts, found.caught_up)
        return set(found.days) & set(days)

    def compared(scope: str) -> None:
        now = datetime.now(UTC)
        note_caught_up(lake, alerts, CaughtUp(to=now, compared=now, confirmed=now, scope=scope))

    own_settings.setenv("DEFENDER_SCOPE_TAGS", "VIP")
    refreshed(own_client, lake, "machines")
    refresh_dataset(alerts, own_client, lake, days)
    compared("devices tagged VIP")
    assert look() == set()
    own_settings.delenv("DEFENDER_SCOPE_TAGS")
    assert look() == set(days)
    refresh_dataset(alerts, own_client, lake, days[:5])
    assert look() == set(days[5:])
    refresh_dataset(alerts, own_client, lake, days[5:])
    assert look() == set()
    own_settings.setenv("DEFENDER_SCOPE_TAGS", "VIP")
    assert look() == set(days)


JUDGED = (
    "device_identity",
    "patch_findings",
    "patch_compliance",
    "agent_compliance",
    "remediation_times",
    "verdict_reasons",
)
FETCHED = ("machines", "software_inventory", "software_vulnerabilities")


def computed(lake: Lake, *tables: str) -> dict[str, PartitionOutcome]:
    """The outcomes of computed tables of today, by the settings of the environment."""
    context = RefreshContext(lake, Settings.load(), today(), client=lambda: pytest.fail("nothing is asked"))
    outcomes = {}
    for name in tables:
        (outcomes[name],) = table_refreshes()[name].refresh([today()], context)
        assert outcomes[name].error is None
    return outcomes


def test_the_compliance_tables_are_about_the_scope_and_a_device_that_leaves_it_is_no_fix(
    client, lake, tenant_settings, capsys
):
    """Given a day that was judged with all devices, when a scope leaves some out and the change feed was not read again
    since, then what changed on them is neither fixed nor vanished, and every denominator names what is out of it."""
    days = [today() - timedelta(days=n) for n in range(14)]
    refreshed(client, lake, *FETCHED)
    refresh_dataset(DATASETS["software_vulnerability_changes"], client, lake, days)
    computed(lake, *JUDGED, "fleet_summary")
    (whole,) = lake.read("fleet_summary").to_pylist()
    before = {row["severity"]: row for row in lake.read("remediation_times").to_pylist()}["all"]
    assert (whole["fleet_scope"], whole["machines_out_of_scope"], before["out_of_scope"]) == (None, None, 0)

    tenant_settings.setenv("DEFENDER_SCOPE_DEVICE_GROUPS", "Servers,Linux")
    tenant_settings.setenv("DEFENDER_SCOPE_SEVERITY", "critical")
    refreshed(client, lake, *FETCHED)
    outcomes = computed(lake, *JUDGED, "fleet_summary")
    (summary,) = lake.read("fleet_summary").to_pylist()
    after = {row["severity"]: row for row in lake.read("remediation_times").to_pylist()}["all"]
    scope = "devices of the group Linux or Servers; findings of severity critical"
    left_out = int(lake.metadata("machines")["rows_out_of_scope"])
    findings = lake.metadata("software_vulnerabilities")
    assert lake.metadata("patch_compliance")["scope"] == scope
    assert summary["fleet_scope"] == "different scopes"  # the change feed's is another
    assert summary["machines"] + summary["machines_out_of_scope"] == whole["machines"] == 60
    assert summary["machines_out_of_scope"] == left_out > 0
    assert summary["findings_out_of_scope"] == int(findings["rows_read"]) - lake.rows("software_vulnerabilities")
    assert f"machines {left_out} of 60 rows" in outcomes["device_identity"].facts["left out by the scope"]
    assert outcomes["patch_compliance"].facts["scope"] == scope
    # what is told of devices that stay is a part of what was told before, and nothing else has become a fix
    assert after["out_of_scope"] > 0
    for fate in ("fixed", "vanished", "new", "moved", "reopened"):
        assert after[fate] <= before[fate], fate

    # who asks for a device out of the scope is told so, and the list of tables says what they are about
    with pytest.raises(UnknownDevice, match=f"It is out of the scope: {scope}"):
        explain_device(lake, left_out_devices(lake, today())[0].as_py())
    with pytest.raises(UnknownDevice, match=f"part of the tenant: {scope}; a device out of it cannot be explained"):
        explain_device(lake, "no such device")
    print_tables(lake)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"A part of the tenant: {scope}. Machine records out of it: {left_out}." in shown

    # the change feed is of another part than the rest, until it is read again
    def one_scope() -> Check:
        checks = computed(lake, "remediation_times")["remediation_times"].checks
        return next(check for check in checks if check.name == "inputs_of_one_scope")

    assert not one_scope().passed
    assert "software_vulnerability_changes (whole tenant)" in one_scope().message
    refresh_dataset(DATASETS["software_vulnerability_changes"], client, lake, days)
    assert one_scope().passed
    computed(lake, "fleet_summary")
    assert lake.read("fleet_summary")["fleet_scope"].to_pylist() == [scope]
    # then only the changes below the severity are out of the scope
    times = {row["severity"].lower(): row for row in lake.read("remediation_times").to_pylist()}
    assert times.pop("all")["out_of_scope"] == sum(row["out_of_scope"] for row in times.values()) > 0
    assert times.pop("critical")["out_of_scope"] == 0
    assert not any(times[level][fate] for level in LEVELS[:3] for fate in ("fixed", "new", "moved"))


@pytest.mark.parametrize("name", SCOPES)
def test_a_device_in_the_scope_is_judged_as_in_the_whole_tenant(name, client, lake, whole, tenant_settings):
    """Given three scopes, then each device in one has the population, the newest releases and the verdict of its agent
    that it has without a scope. (Releases of devices that were never assessed are known too, under a scope.)"""
    tables = ("device_identity", "agent_compliance")
    refreshed(client, whole, *TABLES)
    computed(whole, *tables)
    choose(tenant_settings, SCOPES[name][0])
    refreshed(client, lake, *TABLES)
    computed(lake, *tables)
    inside = set(lake.read("machines")["id"].to_pylist())
    for table in tables:
        expected = {row["device_id"]: row for row in whole.read(table).to_pylist() if row["device_id"] in inside}
        found = {row["device_id"]: row for row in lake.read(table).to_pylist()}
        assert found.keys() == expected.keys()
        for device, row in found.items():
            counted = "intelligence_releases_behind"
            assert (row.pop(counted, None) or 0) >= (expected[device].pop(counted, None) or 0)
            assert row | {"as_of": None} == expected[device] | {"as_of": None}
    kept = " ".join((lake.metadata("machines") | lake.metadata("av_health")).values())
    outside = [row for row in whole.read("machines").to_pylist() if row["id"] not in inside]
    assert not any(row["computer_dns_name"] in kept for row in outside if row["computer_dns_name"])


def test_changes_of_findings_are_kept_whatever_their_severity(client, lake, whole, tenant_settings):
    """A finding that is rated anew is told as fixed at one severity and as new at another."""
    changes = "software_vulnerability_changes"
    days = [today() - timedelta(days=n) for n in range(3)]
    refresh_dataset(DATASETS[changes], client, whole, days)
    tenant_settings.setenv("DEFENDER_SCOPE_SEVERITY", "critical")
    refresh_dataset(DATASETS[changes], client, lake, days)
    for day in days:
        assert keys(changes, lake.read(changes, day).to_pylist()) == keys(changes, whole.read(changes, day).to_pylist())
        assert "scope_severity" not in lake.metadata(changes, day)
    assert any(is_rated_below(row, "critical") for day in days for row in lake.read(changes, day).to_pylist())


def test_what_the_rest_of_the_fleet_runs_is_missed_aloud(client, lake, tenant_settings, caplog):
    """Given an engine that fails, when rows are left out, then those in the scope are published, with a warning."""
    tenant_settings.setenv("DEFENDER_SCOPE_ONBOARDED", "true")
    tenant_settings.setenv("DEFENDER_COMPUTE_MEMORY", "1MB")
    refreshed(client, lake, "machines", "av_health")
    assert "releases_out_of_scope" not in lake.metadata("machines") | lake.metadata("av_health")
    tenant_settings.delenv("DEFENDER_COMPUTE_MEMORY")
    refreshed(client, lake, "software_inventory", "software_vulnerabilities")
    outcome = computed(lake, "device_identity")["device_identity"]
    (check,) = [check for check in outcome.checks if check.name == "rest_of_fleet_is_known"]
    assert (check.passed, check.blocks) == (False, False)
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [message.partition(":")[0] for message in warned] == ["machines"]
    assert (
        "until machines and av_health are refreshed again no agent and no antivirus is called up to date" in warned[0]
    )
