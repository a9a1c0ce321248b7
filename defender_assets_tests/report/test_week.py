"""What a week brought: devices that came and went, alerts; and what runs out: certificates, updates, versions."""

import shutil
from datetime import timedelta

import pytest

from defender_assets.lake import Lake
from defender_assets.queries import query

from .days import OF_A_FORMER_DAY, note_of_scope, store
from .fleet import DAY, NOON, Fleet, days, reported
from .pages import Page, Section

ABSENT = {
    "missing": "missing_updates",
    "alerts": "alerts",
    "certificates": "certificates",
    "versions": "software_versions",
    "users": "users",
}
"""Section -> the table that it needs."""


def alert(fleet: Fleet, name: str, *, before: float, status: str = "New", severity: str = "High") -> None:
    created = fleet.as_of - days(before)
    fleet.add("alerts", id=name, title=name, severity=severity, status=status, machine_id="a", computer_dns_name="a",
              alert_creation_time=created, assigned_to="jo@contoso.example")  # fmt: skip


def certificate(fleet: Fleet, device: str, name: str, *, left: float) -> None:
    fleet.add("certificates", device_id=device, thumbprint=name, path=f"My/{name}", issued_to=f"CN={name}",
              subject_type="End entity", expiration_date=fleet.as_of + days(left))  # fmt: skip


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> tuple[Lake, Page]:
    """Two days, a week apart. On the first there are a, silent, back and gone; on the second all but gone, and new."""
    lake = Lake(tmp_path_factory.mktemp("week") / "lake")
    former = Fleet(NOON - timedelta(days=7))
    for device, silent in (("a", 0), ("silent", 28), ("back", 40), ("gone", 3)):
        former.device(device, silent=silent)
    former.into(lake, derived=OF_A_FORMER_DAY)

    fleet = Fleet()
    for device, silent in (("a", 0), ("silent", 35), ("back", 1), ("new", 0)):
        fleet.device(device, silent=silent)
    update = {"recommended_security_update": "August", "recommended_security_update_id": "5055001"}
    fleet.finding("a", "CVE-2026-0001", overdue=2, **update)
    fleet.finding("a", "CVE-2026-0002", overdue=-9, **update | {"recommended_security_update_id": "5055002"})
    fleet.installed("a", "contoso", "editor", number_of_weaknesses=3)
    for product, left in (("soon", 80), ("later", 120), ("over", -3)):
        ends = NOON + timedelta(days=left)
        fleet.installed("a", "contoso", product, end_of_support_date=ends, end_of_support_status="Upcoming EOS")
    alert(fleet, "open", before=2)
    alert(fleet, "<b>resolved</b>", before=1, status="Resolved")
    alert(fleet, "old", before=7.5)
    certificate(fleet, "a", "ended", left=-1)
    certificate(fleet, "a", "ending", left=20)
    certificate(fleet, "new", "ending", left=20)
    certificate(fleet, "a", "lasting", left=61)
    certificate(fleet, "silent", "unjudged", left=1)
    fleet.add("machine_users", machine_id="a", id="a-jo", account_name="jo", account_domain="contoso",
              last_seen=NOON, is_domain_admin=True)  # fmt: skip
    fleet.into(lake)
    return lake, Page(reported(lake).html)


def columns(section: Section, *headings: str) -> list[tuple[str, ...]]:
    head = section.tables[0][0]
    return [tuple(row[head.index(heading)] for heading in headings) for row in section.rows()]


def test_devices_that_came_and_went_are_told(week):
    section = week[1].sections["arrivals"]
    assert "1 gone, 1 fell silent, 1 new, 1 came back" in section.text
    assert columns(section, "device", "change", "population") == [
        ("gone", "gone", "eligible"),
        ("silent", "fell silent", "inactive"),
        ("new", "new", "eligible"),
        ("back", "came back", "eligible"),
    ]


def test_a_device_that_left_the_scope_is_not_gone(lake):
    """Given a scope, when it is not noted which devices it left out, then that is said; when it is, then they are told
    from those that are gone."""
    former = NOON - timedelta(days=7)
    for as_of, devices in ((former, ("a", "leaves", "gone")), (NOON, ("a", "enters", "new"))):
        fleet = Fleet(as_of)
        for device in devices:
            fleet.device(device)
        fleet.into(lake, derived=OF_A_FORMER_DAY)
        store(lake, as_of.date(), "machines", lake.read("machines", as_of.date()), scope="devices tagged S")

    section = Page(reported(lake).html).sections["arrivals"]
    assert "2 gone or left the scope, 2 new or entered the scope" in section.text
    assert "Of some it is not known which: the lake has no note" in section.text

    note_of_scope(lake, former.date(), "enters", "outside")
    note_of_scope(lake, DAY, "leaves", "outside")
    section = Page(reported(lake).html).sections["arrivals"]
    assert "1 gone, 1 left the scope, 1 new, 1 entered the scope. A record is gone" in section.text
    assert "not known" not in section.text
    assert columns(section, "device", "change") == [
        ("gone", "gone"),
        ("leaves", "left the scope"),
        ("new", "new"),
        ("enters", "entered the scope"),
    ]


def test_alerts_of_seven_days_are_told_and_nobody_is_named(week):
    section = week[1].sections["alerts"]
    assert "2 alerts were created in the seven days up to this one; 1 is not resolved" in section.text
    assert columns(section, "alert", "severity", "status") == [
        ("open", "high", "new"),
        ("<b>resolved</b>", "high", "resolved"),
    ]
    # the lake has one day: the week begins at noon of the eighth
    assert "The lake has no alerts for 7 of the 8 calendar days (UTC) that this week touches" in section.text
    assert "jo@contoso.example" not in week[1].text


def test_the_day_in_whose_middle_the_week_begins_is_missed_too(week, tmp_path):
    lake = Lake(shutil.copytree(week[0].root, tmp_path / "copy"))
    rows = lake.read("alerts", DAY)
    for back in range(1, 7):
        store(lake, DAY - timedelta(days=back), "alerts", rows[:0])
    text = Page(reported(lake).html).sections["alerts"].text
    assert (
        "The lake has no alerts for 1 of the 8 calendar days (UTC) that this week touches: there may be more." in text
    )
    store(lake, DAY - timedelta(days=7), "alerts", rows[:0])
    assert "The lake has no alerts" not in Page(reported(lake).html).sections["alerts"].text


def test_certificates_that_end_are_told_of_devices_that_are_judged(week):
    section = week[1].sections["certificates"]
    assert "1 certificate on eligible devices expires within 60 days; 1 has expired" in section.text
    assert columns(section, "issued to", "state", "devices") == [
        ("CN=ending", "expires soon", "2"),
        ("CN=ended", "expired", "1"),
    ]


def test_without_names_of_users_nobody_is_named_to_whom_a_certificate_is_issued(week):
    html = reported(week[0], names_users=False).html
    assert columns(Page(html).sections["certificates"], "state", "devices") == [("expires soon", "2"), ("expired", "1")]
    assert b"CN=ending" not in html
    assert b"contoso\\\\jo" not in html


def test_missing_updates_and_weak_versions_are_told(week):
    missing = columns(week[1].sections["missing"], "device", "overdue updates", "of missing updates", "CVEs")
    assert missing == [("a", "1", "2", "2")]
    versions = columns(week[1].sections["versions"], "product", "weaknesses", "devices", "of the product's")
    assert versions == [("editor", "3", "1", "100 %")]


def test_support_that_ends_within_90_days_is_counted(week):
    section = week[1].sections["support"]
    assert "The support of 2 more versions ends soon (within the 180 days of the policy" in section.text
    assert "that of 1 of them within 90 days" in section.text
    assert {row[1] for row in section.rows()} == {"soon", "later", "over"}


def test_users_are_counted_and_not_named(week):
    text = week[1].sections["users"].text
    assert "1 user is known to have logged on. 1 of them has a device that is not patch compliant. 1 was seen" in text
    assert "of 3 eligible devices have a known user" in text


def test_the_command_beside_each_list_gives_as_many_rows(week):
    lake, page = week
    for name, rows in {
        "todo": 2,
        "reasons": 1,
        "missing": 1,
        "arrivals": 4,
        "alerts": 2,
        "certificates": 2,
        "versions": 1,
    }.items():
        (command,) = page.sections[name].commands
        sql = command.partition(' "')[2].removesuffix('"')
        assert query(lake, sql).read_all().num_rows == rows, name


def test_what_is_absent_is_said_in_amber_where_it_is_missed(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.into(lake, derived=OF_A_FORMER_DAY)
    report = reported(lake, organisation="Contoso <b>& Söhne")
    html = report.html
    assert report.title == f"Compliance report, {DAY}, Contoso <b>& Söhne"
    assert "<h1>Compliance report, <bdi>Contoso &lt;b&gt;&amp; Söhne</bdi></h1>" in html.decode()
    sections = Page(html).sections
    for name, table in ABSENT.items():
        assert f"{table} is not in the lake for this day." in sections[name].text
    assert html.count(b'<span class="badge warn">absent</span>') >= len(ABSENT)
