"""The sections on what is protected and on what is out of support."""

from datetime import date

from .fleet import Fleet, days, reported
from .pages import Page

_NEEDED = ("device_identity", "patch_findings", "patch_compliance", "agent_compliance", "fleet_summary")
"""What a report needs, which is everything but what its sections are about."""


def _fleet() -> Fleet:
    """Eight known devices, of which two are protected."""
    fleet = Fleet()
    fleet.device("a", last_ip_address="10.1.1.5")
    fleet.antivirus("a")
    fleet.device("linux", platform="Ubuntu", agent="30.126082.1.0", last_ip_address="10.1.1.6")
    fleet.device("passive")
    fleet.antivirus("passive", mode="1")
    fleet.device("silent", silent=9, last_ip_address="10.1.2.7")
    fleet.antivirus("silent")
    fleet.device("blind", health_status=None)
    fleet.antivirus("blind")
    for number in range(3):
        fleet.device(
            f"guest-{number}",
            assessed=False,
            silent=number,
            onboarding_status="CanBeOnboarded",
            last_ip_address=f"10.1.2.{number}",
        )
    fleet.device("left", is_excluded=True)
    fleet.device("old-a", name="a", silent=20)
    return fleet


def test_what_is_protected_of_what_is_known(lake):
    _fleet().into(lake)
    page = Page(reported(lake).html)
    section = page.sections["coverage"]
    assert "2 of 8 known devices (25.0 %) are protected" in section.text
    assert "counted apart: 1 device." in section.text
    assert "Of 1 device it is not known" in section.text
    assert section.rows(0) == [
        ["Windows", "7", "1", "1", "4", "1", "14.3 %", "1"],
        ["Linux", "1", "1", "0", "0", "0", "100 %", "0"],
    ]
    assert section.column("known", 1) == {"onboarded": "5", "discovered, can be onboarded": "3"}
    gaps = {row[0].rpartition("(")[2]: row[1] for row in section.rows(2)}
    assert gaps == {"can_be_onboarded)": "3", "antivirus_passive)": "1", "not_seen)": "1", "sensor_unknown)": "1"}
    assert section.rows(3) == [["10.1.2.0/24", "4", "3", "4"]]
    # those that are on the network now come first
    assert [row[0] for row in section.rows(4)] == ["guest-0", "guest-1", "guest-2", "silent"]
    assert "2 of 8 known devices" in reported(lake).facts["Protected"]
    assert (
        "25.0 % of the 8 known devices are protected; 1 partly; 4 devices are not, and of 1 it is not known."
        in page.text
    )


def test_without_the_antivirus_table_fewer_are_known_to_be_protected(lake):
    _fleet().into(lake, without=("av_health",))
    page = Page(reported(lake).html)
    assert "1 of 8 known devices (12.5 %) are protected" in page.sections["coverage"].text


def test_a_day_without_the_tables_says_so(lake):
    fleet = _fleet()
    fleet.into(lake, derived=_NEEDED)
    report = reported(lake)
    page = Page(report.html)
    assert "coverage is not in the lake for this day" in page.sections["coverage"].text
    assert "software_end_of_support is not in the lake" in page.sections["support"].text
    assert "not known" in report.facts["Protected"]


def test_what_is_out_of_support_and_what_the_policy_makes_of_it(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.device("b")
    ended = fleet.as_of - days(30)
    for device in ("a", "b"):
        fleet.installed(
            device, "contoso", "reader", end_of_support_status="Upcoming EOS Version", end_of_support_date=ended
        )
    fleet.installed("a", "contoso", "viewer", end_of_support_status="EOS Software")
    fleet.installed("a", "contoso", "writer", end_of_support_date=fleet.as_of + days(90))
    fleet.installed("a", "contoso", "painter", end_of_support_date=fleet.as_of + days(900))
    fleet.finding("a", "CVE-2026-0001", product="reader")
    fleet.known_exploited("CVE-2026-0001", date(2026, 12, 1))
    fleet.into(lake)
    report = reported(lake)
    section = Page(report.html).sections["support"]
    assert "2 eligible devices have software past its end of support (2 products)." in section.text
    assert "this is reported and does not affect the verdict" in section.text
    assert section.rows() == [
        ["contoso", "reader", "1.0", "ended", "2026-08-11", "30", "–", "2", "1", "1"],
        ["contoso", "viewer", "1.0", "ended", "–", "–", "–", "1", "0", "0"],
        ["contoso", "writer", "1.0", "ends soon", "2026-12-09", "–", "90", "1", "0", "0"],
    ]
    assert report.facts["Unsupported software"] == "2 · of 2 eligible devices; 2 products"


def test_without_the_inventory_what_is_out_of_support_is_not_known(lake):
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001")
    fleet.into(lake, without=("software_inventory",), derived=_NEEDED)
    report = reported(lake)
    assert "not known" in report.facts["Unsupported software"]
