"""What the report says, against numbers worked out by hand and by another way of counting."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import pytest

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.lake import Lake
from defender_assets.queries import query
from defender_assets.report import Report
from defender_assets.report.formatting import change, percent

from .days import OF_A_FORMER_DAY
from .fleet import DAY, NOON, Fleet, reported
from .pages import Page, data_of


def test_a_fleet_of_six_as_worked_out_by_hand(lake):
    """Five devices are eligible, one is inactive. Of the five, two in Office and one in Lab have something overdue."""
    fleet = Fleet()
    fleet.device("a", group="Office")
    fleet.device("b", group="Office")
    fleet.device("c", group="Office")
    fleet.device("d", group="Lab")
    fleet.device("e", group=None, platform="macOS", agent="20.126082.1.0")
    fleet.device("gone", group="Office", silent=45)
    fleet.finding("a", "CVE-2026-0001", "Critical", overdue=5)
    fleet.finding("a", "CVE-2026-0002", "High", overdue=8.5)
    fleet.finding("b", "CVE-2026-0002", "High", overdue=30)
    fleet.finding("d", "CVE-2026-0003", "Low", overdue=100)
    fleet.finding("c", "CVE-2026-0004", "Medium", overdue=-40)
    fleet.finding("gone", "CVE-2026-0001", "Critical", overdue=50)
    # By its severity it would be due in 20 days; the catalogue wants it done four days ago.
    fleet.known_exploited("CVE-2026-0009", date(2026, 9, 6), "Contoso Editor flaw")
    fleet.finding("a", "CVE-2026-0009", "High", overdue=-20)
    fleet.into(lake)

    report = reported(lake)
    page = Page(report.html)

    assert report.facts["Patch compliant"] == "40.0\xa0% · 2 of 5 eligible devices"
    assert report.facts["Overdue findings"].startswith("5 · of 6 open findings (83.3\xa0%); 1 critical, 3 high")
    assert report.facts["Known exploited, overdue"] == "1 · of 1 finding, 1 CVE on 1 device"
    assert report.facts["Eligible devices"] == "5 · of 6 machine records; 1 left out"

    patches = page.sections["patches"]
    assert patches.column("share compliant") == {"Office": "33.3 %", "Lab": "0 %", "(no group)": "100 %"}
    assert patches.column("left out") == {"Office": "1", "Lab": "0", "(no group)": "0"}
    assert patches.column("share compliant", 1) == {"Windows": "25.0 %", "macOS": "100 %"}

    overdue = page.sections["overdue"]
    # 8.5 days are 8 whole days; the CVE of the catalogue was due at the end of 6 September, 3.5 days before noon.
    assert overdue.column("findings") == {
        "0–7 days": "2", "8–30 days": "2", "31–90 days": "0", "over 90 days": "1", "all": "5",
    }  # fmt: skip
    assert overdue.column("devices") == {
        "0–7 days": "1", "8–30 days": "2", "31–90 days": "0", "over 90 days": "1", "all": "3",
    }  # fmt: skip
    assert [row[0] for row in overdue.rows(1)] == ["a", "d", "b"]

    (known,) = page.sections["exploited"].rows()
    assert known[1:] == ["Contoso Editor flaw", "editor", "1", "1", "1", "2026-09-06", "2026-09-06", "yes"]
    assert known[0].startswith("CVE-2026-0009")

    population = page.sections["population"]
    assert population.column("records")["inactive"] == "1"
    assert population.column("records")["eligible"] == "5"
    assert "No report for more than 30 days." in population.text
    assert [row[:2] for row in population.rows(1)] == [["gone", "inactive"]]
    assert "1 open finding is on a record that is not judged" in page.text


def test_what_is_accepted_in_defender_is_named_beside_what_is_overdue(lake):
    # given two findings long overdue by their severity: one mitigated, and one known to be exploited under exception
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001", "Critical", overdue=50, cve_mitigation_status="Mitigated")
    fleet.finding("a", "CVE-2026-0002", "Critical", overdue=50)
    fleet.known_exploited("CVE-2026-0002", date(2026, 9, 6))
    fleet.add("vulnerabilities", id="CVE-2026-0002", status="UnderException")
    fleet.into(lake)

    report = reported(lake)
    page = Page(report.html)

    assert report.facts["Overdue findings"].startswith("0 · of 2 open findings")
    sentence = "2 findings are accepted in Defender itself"
    assert f"{sentence} (a CVE under exception, or a mitigation in force), 1 of them known to be exploited" in page.text
    assert sentence in page.sections["overdue"].text
    assert f"At least {sentence}" not in page.text
    assert "1 of them is known to be exploited" in page.sections["overdue"].text


def test_without_the_list_of_exceptions_more_may_be_accepted(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001", "Critical", overdue=50, cve_mitigation_status="Mitigated")
    fleet.into(lake)
    page = Page(reported(lake).html)
    sentence = "At least 1 finding is accepted in Defender itself"
    assert sentence in page.text
    assert sentence in page.sections["overdue"].text


def test_who_is_out_of_date_and_where_microsoft_differs(lake):
    fleet = Fleet()
    for device in "abcd":
        fleet.device(device)
    fleet.device("linux", platform="Ubuntu", agent="30.125092.1.0")
    fleet.antivirus("a", published=1)
    fleet.antivirus("b", published=9, microsoft="True", mode="1")
    fleet.antivirus("c", published=9, microsoft="False")
    fleet.into(lake)

    report = reported(lake)
    page = Page(report.html)

    # what is unknown is neither up to date nor out of date, and said
    assert report.facts["Intelligence up to date"] == "25.0\xa0% · 1 of 4 Windows devices; 2 out of date, 1 not known"
    assert report.facts["Agent compliant"] == "20.0\xa0% · 1 of 5 eligible devices; 1 not known"
    assert report.facts["Compliant in all"] == "0\xa0% · 0 of 5 eligible devices; 2 not known"
    assert "is not known of 1 of 4 Windows devices. They are not called compliant." in page.text
    assert "inferred from what the fleet runs, because no list tells a later one: the Linux agent, " in page.text
    antivirus = page.sections["antivirus"]
    modes, verdicts = antivirus.rows(0), antivirus.rows(1)
    assert modes == [["active", "2"], ["passive", "1"], ["not reported", "1"]]
    ours, microsoft = verdicts[4], verdicts[5]
    assert ours == [
        "Security intelligence", "1.443.820.0", "inferred from the fleet", "ours",
        "1", "2", "1", "1", "up to date to Microsoft alone on 1",
    ]  # fmt: skip
    assert microsoft == ["Microsoft", "2", "1", "1"]
    # A quarter of four Windows devices is more than the five percent that the policy lets pass.
    assert "differs from ours on 25.0 % of the Windows devices" in page.text
    agents = page.sections["agents"]
    assert agents.column("unsupported", 1) == {"Windows": "0", "Linux": "1"}
    assert ["intelligence out of date", "2", "40.0 %"] in agents.rows(0)
    assert ["intelligence unknown", "1", "20.0 %"] in agents.rows(0)
    assert agents.column("told by", 1) == {"Windows": "inferred from the fleet", "Linux": "inferred from the fleet"}


def test_a_newest_release_says_what_told_it(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.antivirus("a")
    fleet.device("mac", platform="macOS", agent="20.126082.1.0")
    fleet.released("agent_macos", "2608", feed="macos")
    fleet.released("av_engine", "26080", feed="antivirus_versions")
    fleet.released("av_platform", "26080", feed="file")
    fleet.released("av_intelligence", "1.443.1000.0", feed="antivirus_versions")
    fleet.into(lake)

    page = Page(reported(lake).html)

    agents, antivirus = page.sections["agents"], page.sections["antivirus"]
    assert agents.column("told by") == {"Windows": "inferred from the fleet", "macOS": "live feed"}
    assert [row[:3] for row in antivirus.rows(1)[::2]] == [
        ["Engine", "26080", "live feed"],
        ["Platform", "26080", "dated list"],
        ["Security intelligence", "1.443.1000.0", "live feed"],
    ]
    assert "half are at most 1 known versions behind the newest" in antivirus.text
    assert "because no list tells a later one: the Windows sensor." in page.text


def test_failed_controls_name_the_required_ones_first(lake):
    fleet = Fleet()
    for device in "abc":
        fleet.device(device)
        fleet.control(device, "scid-9999", False, "Do as you please")
    fleet.control("a", "scid-2012", False, "Turn on real-time protection")
    fleet.control("b", "scid-2012", True, "Turn on real-time protection")
    fleet.into(lake)

    rows = Page(reported(lake).html).sections["configuration"].rows()

    assert rows == [
        ["scid-2012", "Turn on real-time protection", "OS", "5.0", "1", "2", "50.0 %", "yes"],
        ["scid-9999", "Do as you please", "OS", "5.0", "3", "3", "100 %", "no"],
    ]


def a_random_fleet(seed: int) -> Fleet:
    chance = random.Random(seed)
    fleet = Fleet()
    for number in range(90):
        device = f"device-{number:03}"
        fleet.device(
            device,
            group=chance.choice(["Office", "Lab", "Plant", None, *[f"Group {n}" for n in range(16)]]),
            platform=chance.choice(["Windows11", "Windows10", "Ubuntu", "macOS"]),
            silent=chance.choice([0, 0, 0, 1, 40]),
            assessed=chance.random() < 0.9,
        )
        for cve in chance.sample(range(60), chance.choice([0, 1, 4, 12])):
            level = chance.choice(["Critical", "High", "Medium", "Low", "Odd"])
            fleet.finding(
                device,
                f"CVE-2026-{cve:04}",
                level,
                cvss_score=None if level == "Odd" else 8.0,
                overdue=chance.choice([-10, -2, 0.5, 7.5, 8, 31, 90, 91, 300]),
                product=f"product {cve % 20}",
                security_update_available=chance.random() < 0.8,
            )
        for control in range(chance.choice([0, 5, 30])):
            fleet.control(device, f"scid-{control}", chance.random() < 0.5)
    for cve in range(0, 60, 2):
        fleet.known_exploited(f"CVE-2026-{cve:04}", DAY + timedelta(days=chance.choice([-30, 30])))
    return fleet


@pytest.fixture(scope="module")
def random_day(tmp_path_factory) -> Callable[[int], tuple[Lake, Report]]:
    """A random fleet judged in a lake, and its report; for tests that only read."""

    def day(seed: int) -> tuple[Lake, Report]:
        lake = Lake(tmp_path_factory.mktemp("random") / "lake")
        a_random_fleet(seed).into(lake)
        return lake, reported(lake)

    return cache(day)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_tables_agree_with_counting_rows_one_by_one(random_day, seed):
    lake, report = random_day(seed)
    page = Page(report.html)

    identity = {row["device_id"]: row for row in lake.read("device_identity").to_pylist()}
    eligible = {device for device, row in identity.items() if row["population"] == "eligible"}
    findings = [row for row in lake.read("patch_findings").to_pylist() if row["device_id"] in eligible]
    overdue = [row for row in findings if row["state"] == "overdue"]
    overdue_devices = {row["device_id"] for row in overdue}

    for table, column, name_of in (
        (0, "rbac_group_name", lambda name: name or "(no group)"),
        (1, "platform_family", lambda name: {"windows": "Windows", "linux": "Linux", "macos": "macOS"}[name]),
    ):
        eligible_devices = Counter(name_of(identity[device][column]) for device in eligible)
        noncompliant_devices = Counter(name_of(identity[device][column]) for device in overdue_devices)
        rows = page.sections["patches"].rows(table)
        assert {row[0]: (row[1], row[3]) for row in rows} == {
            row[0]: (str(eligible_devices[row[0]]), str(noncompliant_devices[row[0]])) for row in rows
        }
        assert [int(row[3]) for row in rows] == sorted((int(row[3]) for row in rows), reverse=True)
        assert len(rows) == min(15, len({name_of(row[column]) for row in identity.values()}))

    ages: dict[tuple[str, str], int] = defaultdict(int)
    for row in overdue:
        days = row["days_overdue"]
        words = (
            "0–7 days" if days <= 7 else "8–30 days" if days <= 30 else "31–90 days" if days <= 90 else "over 90 days"
        )
        ages[words, row["rated_severity"] or "other"] += 1
    section = page.sections["overdue"]
    for heading in section.tables[0][0][1:-3]:
        for words, count in section.column(heading).items():
            if words != "all":
                assert int(count) == ages[words, heading], (words, heading)
    assert section.column("findings")["all"] == str(len(overdue)) == str(sum(ages.values()))

    exposed: dict[str, set[str]] = defaultdict(set)
    for row in findings:
        exposed[row["software_name"]].add(row["device_id"])
    past_due = Counter(row["software_name"] for row in overdue)
    products = page.sections["products"].rows()
    assert products
    for row in products:
        assert (row[2], row[4]) == (str(len(exposed[row[1]])), str(past_due[row[1]]))
    assert [int(row[4]) for row in products] == sorted(past_due.values(), reverse=True)[: len(products)]

    known = {row["cve_id"] for row in lake.read("kev").to_pylist()}
    hit = Counter(row["cve_id"] for row in findings if row["cve_id"] in known)
    for row in page.sections["exploited"].rows():
        cve = row[0].split()[0].removesuffix("ransomware")
        assert row[4] == str(hit[cve])
    assert f"{len(hit)} CVEs of CISA's KEV catalogue" in page.sections["exploited"].text

    failed = Counter(
        control
        for row in lake.read("policy_compliance").to_pylist()
        if row["device_id"] in eligible
        for control in row["failed_control_ids"]
    )
    for row in page.sections["configuration"].rows():
        assert row[4] == str(failed[row[0]])


def test_what_is_cut_is_said_and_the_command_beside_it_gives_everything(random_day):
    lake, report = random_day(1)
    page = Page(report.html)
    assert len(page.commands) >= 7
    answers = {}
    for name, section in page.sections.items():
        for command in section.commands:
            program, sql = command.split(' "', 1)
            assert program == "defender-assets query"
            answers[name] = query(lake, sql.removesuffix('"')).read_all().num_rows
    texts = {name: section.text for name, section in page.sections.items()}
    groups, devices, products, exploited = (answers[name] for name in ("patches", "overdue", "products", "exploited"))
    assert f"{answers['todo']} things to do" in texts["todo"]
    assert f"The first 15 of {groups} groups." in texts["patches"]
    assert f"The first 15 of {devices} devices." in texts["overdue"]
    assert f"The first 15 of {products} products." in texts["products"]
    assert f"The first 15 of {exploited} CVEs." in texts["exploited"]
    assert str(devices) == page.sections["overdue"].column("devices")["all"]


@pytest.fixture(scope="module")
def one_device(tmp_path_factory) -> Report:
    """Of a tenant with a name of its own, and of a device that says where it is."""
    lake = Lake(tmp_path_factory.mktemp("one") / "lake", "branch office")
    fleet = Fleet()
    fleet.device("a", last_ip_address="192.0.2.77", last_external_ip_address="198.51.100.77")
    fleet.finding("a", "CVE-2026-0001", overdue=1)
    fleet.into(lake)
    return reported(lake)


def test_the_commands_name_the_tenant(one_device):
    commands = Page(one_device.html).commands
    assert commands
    assert all(command.startswith("defender-assets query --tenant 'branch office' \"SELECT") for command in commands)


def test_changes_are_told_against_a_week_before_and_good_is_told_from_bad(lake):
    for back, late in ((30, 5), (8, 4), (7, 1), (2, 0), (0, 3)):
        fleet = Fleet(NOON - timedelta(days=back))
        for number in range(10):
            fleet.device(f"d{number}")
            fleet.finding(f"d{number}", "CVE-2026-0001", "High", overdue=2 if number < late else -2)
        fleet.into(lake, derived=OF_A_FORMER_DAY if back else DERIVED)

    report = reported(lake)
    page = Page(report.html)

    assert (
        "Changes are against 2026-09-03 (7 days before); lines show the 5 days in the lake since 2026-08-11"
        in page.text
    )
    assert "▼\xa0−20.0\xa0pt" in report.html.decode()
    assert '<span class="worse">▼\xa0−20.0\xa0pt</span>' in report.html.decode()
    assert '<span class="worse">▲\xa0+2</span>' in report.html.decode()
    # Of a former day only what came before it counts.
    former = Page(reported(lake, (NOON - timedelta(days=7)).date()).html)
    assert "lines show the 3 days" in former.text
    assert "(23 days before)" in former.text


def test_the_same_lake_gives_the_same_bytes(random_day):
    lake, first = random_day(2)
    second = reported(lake)
    assert first.html == second.html
    assert first.thumbnail_png == second.thumbnail_png
    assert first.thumbnail_png.startswith(b"\x89PNG")
    assert len(first.thumbnail_uri) <= 100_000


def test_personal_data_is_not_on_the_page(one_device):
    assert {column.name for table in TABLES.values() for column in table.all_columns if column.personal} >= {
        "last_ip_address",
        "last_external_ip_address",
    }
    html = one_device.html.decode()
    assert "192.0.2.77" not in html
    assert "198.51.100.77" not in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0\xa0%"), (0.001, "0.1\xa0%"), (62.94, "62.9\xa0%"), (99.99, "99.9\xa0%"), (100, "100\xa0%")],
)
def test_a_share_never_reads_as_all_or_nothing_unless_it_is(value, text):
    assert percent(value) == text


def test_a_change_of_nothing_and_of_what_is_not_known():
    assert change(None, 3) is None
    assert change(3, 3.0).sense == "same"
    assert change(2, 1).sense == "better"
    assert change(2, 1, rising_is_good=False).sense == "worse"
    assert change(2, 1, rising_is_good=None).sense == "same"


def test_a_noncompliant_device_opens_to_its_reasons(lake):
    fleet = Fleet()
    fleet.device("a", "desk.contoso.example")
    fleet.device("b", "lab.contoso.example", agent="10.8700.1.1")
    for number in range(5):
        fleet.device(f"c{number}", agent=f"10.{8720 + 10 * number}.1.1")
    fleet.finding("a", "CVE-2026-0001", "Critical", overdue=5)
    fleet.finding("a", "CVE-2026-0002", "Critical", overdue=5, cve_mitigation_status="Mitigated")
    for device in ("a", "b", *(f"c{number}" for number in range(5))):
        fleet.antivirus(device)
    fleet.into(lake)
    page = Page(reported(lake).html)
    told = page.sections["reasons"].text
    assert "patch, noncompliant: 1 finding is overdue" in told
    assert "1 finding is overdue: CVE-2026-0001 in contoso editor 1.0: critical, first seen on 2026-08-21" in told
    # what is accepted does not speak against the device
    assert "patch: 1 finding does not count: accepted in Defender" in told
    overdue = "1 of 2 open findings is overdue, 1 of them critical or high"
    assert f"{overdue}; of the open ones 1 is accepted or exempt." in page.text
    assert "Agent release 8700 is 5 releases behind 8760, the newest" in told
    # The policy's line, and how to see the rest.
    assert "patch.severity_days.critical" in told
    assert "default (ships with the package)" in told
    assert any("FROM devices_history" in command for command in page.commands)
    assert "<details><summary><bdi>desk.contoso.example</bdi>" in reported(lake).html.decode()


def test_users_are_named_only_where_that_is_wanted(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001", overdue=5)
    fleet.add("machine_users", machine_id="a", id="u", account_name="ada", account_domain="CONTOSO")
    fleet.into(lake)
    assert data_of(reported(lake).html)["topics"][-1]["columns"][0]["words"] == ["CONTOSO\\ada"]
    html = reported(lake, names_users=False).html
    assert b"ada" not in html
    assert data_of(html)["topics"][-1]["absent"] == "This report names no users (DEFENDER_REPORT_USERS)."


def test_no_more_devices_are_told_than_a_page_holds(lake, monkeypatch):
    fleet = Fleet()
    for number in range(40):
        fleet.device(f"late-{number:02}")
        fleet.finding(f"late-{number:02}", "CVE-2026-0001", overdue=5)
        fleet.antivirus(f"late-{number:02}")
        fleet.device(f"old-{number:02}", agent="10.8700.1.1")
        fleet.antivirus(f"old-{number:02}")
    for number in range(2):
        fleet.device(f"new-{number}", agent=f"10.{8740 + 10 * number}.1.1")
        fleet.antivirus(f"new-{number}")
    fleet.into(lake)
    html = reported(lake).html
    told = Page(html).sections["reasons"].text
    assert "Noncompliant in patches, agent or configuration: 80 devices" in told
    assert told.count("1 finding is overdue") == 40
    assert told.count("; at most 2 are supported") == 10
    assert "The first 15 of 80 devices." in told
    # For those who run its script, the page has them all, each with what it opens to.
    data = data_of(html)
    assert len(data["lists"]["noncompliant-devices"]["devices"]) == 80
    assert len([known for known in data["details"] if known]) == len(data["devices"]) == 80
    # A page that would be too large tells those that need somebody most.
    monkeypatch.setattr("defender_assets.report.device_details.MOST_BYTES", 9_000)
    data = data_of(reported(lake).html)
    told = {device for device, known in zip(data["devices"], data["details"], strict=True) if known}
    assert {"late-00"} <= told <= {f"late-{number:02}" for number in range(40)}
