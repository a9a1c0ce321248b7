"""Findings: what is one, when it is due, and the state it is in, under the policy that ships."""

from datetime import timedelta

import pytest

from .tenant import AS_OF, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)
MOMENT = timedelta(microseconds=1)


def test_rows_without_a_cve_are_no_findings_and_repeated_rows_are_one() -> None:
    # given a device told twice, for two groups, with different times, and a row that only says "assessed"
    tenant = Tenant().machine("a").finding("a", None)
    tenant.finding("a", rbac_group_id=1, first_seen_timestamp=AS_OF - days(9), last_seen_timestamp=AS_OF - days(2))
    tenant.finding("a", rbac_group_id=2, first_seen_timestamp=AS_OF - days(12), last_seen_timestamp=AS_OF - days(1))
    # then it is one finding, seen first and last as either row says
    (finding,) = tenant.one("patch_findings")
    assert finding["first_seen_at"] == AS_OF - days(12)
    assert finding["last_seen_at"] == AS_OF - days(1)


def test_another_version_or_product_is_another_finding() -> None:
    tenant = Tenant().machine("a").finding("a")
    tenant.finding("a", software_version="1.2.4").finding("a", software_version=None).finding(
        "a", software_name="viewer"
    )
    tenant.finding("a", software_vendor=None)
    assert len(tenant.one("patch_findings")) == 5


DUE = [
    # severity, days since first sight, KEV due date (days from today), due in days, state
    ("Critical", days(15), None, days(0), "due_soon"),  # as_of is not past due_at
    ("Critical", days(15) + MOMENT, None, -MOMENT, "overdue"),
    ("High", days(23), None, days(7), "due_soon"),  # within seven days, the seventh included
    ("High", days(23) - MOMENT, None, days(7) + MOMENT, "on_time"),
    ("Medium", days(100), None, days(-10), "overdue"),
    ("Low", days(179), None, days(1), "due_soon"),
    ("critical", days(20), None, days(-5), "overdue"),
    ("Low", days(1), 3, MIDNIGHT + days(4) - MOMENT - AS_OF, "due_soon"),  # the catalogue's date is earlier
    ("Low", days(9), -1, MIDNIGHT - MOMENT - AS_OF, "overdue"),  # and means the end of that day
    ("Low", days(1), -1, days(2), "due_soon"),  # but not before the third day after first sight
    ("Critical", days(16), 3, days(-1), "overdue"),  # the catalogue's date is later
]


def test_due_dates_and_states() -> None:
    tenant = Tenant().machine("a")
    for number, (severity, age, kev, _, _) in enumerate(DUE):
        cve = f"CVE-{number}"
        tenant.finding("a", cve, vulnerability_severity_level=severity, first_seen_timestamp=AS_OF - age)
        if kev is not None:
            tenant.add("kev", cve_id=cve, date_added=MIDNIGHT - days(20), due_date=MIDNIGHT + days(kev))
    found = tenant.by_cve()
    for number, (severity, age, kev, due_in, state) in enumerate(DUE):
        finding = found[f"CVE-{number}"]
        assert (finding["due_at"] and finding["due_at"] - AS_OF) == due_in, (severity, age, kev)
        assert finding["state"] == state, (severity, age, kev)
        assert finding["in_kev"] is (kev is not None)
        assert finding["severity"] == severity


@pytest.mark.parametrize(
    ("past", "whole"), [(MOMENT, 0), (days(1) - MOMENT, 0), (days(1), 1), (days(1) + MOMENT, 1), (days(44.9), 44)]
)
def test_days_overdue_are_whole_days(past, whole) -> None:
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - days(30) - past)
    (finding,) = tenant.one("patch_findings")
    assert finding["days_overdue"] == whole


def test_days_overdue_is_null_unless_overdue() -> None:
    tenant = Tenant().machine("a").finding("a").finding("a", "CVE-2", security_update_available=False)
    assert {row["days_overdue"] for row in tenant.one("patch_findings")} == {None}


FIXES = [
    # security_update_available, update's id, update's name -> is a fix available
    (True, None, None, True),
    (False, "5065429", "October update", False),  # the service says no
    (None, "5065429", None, True),  # export files leave it open
    (None, None, "October update", True),
    (None, None, None, None),  # nobody says: it counts as a fix that may exist
]


def test_a_finding_without_a_fix_does_not_count_however_old() -> None:
    tenant = Tenant().machine("a")
    for number, (available, fix_id, name, _) in enumerate(FIXES):
        tenant.finding(
            "a",
            f"CVE-{number}",
            security_update_available=available,
            recommended_security_update_id=fix_id,
            recommended_security_update=name,
            first_seen_timestamp=AS_OF - days(400),
        )
    found = tenant.by_cve()
    for number, (_, fix_id, _, expected) in enumerate(FIXES):
        finding = found[f"CVE-{number}"]
        assert finding["fix_available"] is expected
        assert finding["state"] == ("no_fix" if expected is False else "overdue")
        assert finding["fix_id"] == fix_id
        # the date is told all the same
        assert finding["due_at"] == AS_OF - days(370)


def test_without_the_catalogue_nothing_is_known_to_be_exploited() -> None:
    (finding,) = Tenant().machine("a").finding("a").without("kev").one("patch_findings")
    assert finding["in_kev"] is None


def test_epss_is_the_services_else_firsts() -> None:
    tenant = Tenant().machine("a")
    for cve in ("CVE-1", "CVE-2", "CVE-3"):
        tenant.finding("a", cve)
    tenant.add("vulnerabilities", id="CVE-1", epss=0.25).add("vulnerabilities", id="CVE-2", epss=None)
    tenant.add("epss", cve_id="CVE-1", epss=0.5).add("epss", cve_id="CVE-2", epss=0.75)
    assert {cve: row["epss"] for cve, row in tenant.by_cve().items()} == {"CVE-1": 0.25, "CVE-2": 0.75, "CVE-3": None}


def test_where_the_first_sight_is_not_known_the_publication_stands_in_and_the_row_says_so() -> None:
    tenant = Tenant().machine("a")
    tenant.finding("a", "CVE-1", first_seen_timestamp=None).finding("a", "CVE-2", first_seen_timestamp=None)
    tenant.add("vulnerabilities", id="CVE-1", published_on=AS_OF - days(31))
    found = tenant.by_cve()
    assert (found["CVE-1"]["clock_source"], found["CVE-1"]["state"]) == ("published", "overdue")
    assert (found["CVE-2"]["clock_source"], found["CVE-2"]["state"]) == (None, "no_due_date")


def test_a_finding_on_a_device_that_the_list_lacks_is_kept() -> None:
    tenant = Tenant().machine("a").finding("gone", first_seen_timestamp=AS_OF - days(31))
    (finding,) = tenant.one("patch_findings")
    assert (finding["device_id"], finding["state"]) == ("gone", "overdue")


def test_verdicts_and_counts_of_a_device() -> None:
    tenant = Tenant().machine("clean").machine("late").machine("asleep", last_seen=AS_OF - days(60))
    tenant.finding("clean", first_seen_timestamp=AS_OF - days(25))
    for device in ("late", "asleep"):
        tenant.finding(device, "CVE-1", vulnerability_severity_level="Critical", first_seen_timestamp=AS_OF - days(17))
        tenant.finding(device, "CVE-2", first_seen_timestamp=AS_OF - days(40))
        tenant.finding(device, "CVE-3", first_seen_timestamp=AS_OF - days(28))
        tenant.finding(device, "CVE-4", security_update_available=False)
        tenant.finding(device, "CVE-5", first_seen_timestamp=AS_OF - days(2))
    tenant.add("kev", cve_id="CVE-1", due_date=MIDNIGHT + days(99), date_added=MIDNIGHT)
    found = tenant.by_device("patch_compliance")
    assert {device: row["verdict"] for device, row in found.items()} == {
        "clean": "compliant",
        "late": "noncompliant",
        "asleep": "unknown",
    }
    late = found["late"]
    counts = {name: late[name] for name in late if name.endswith("_findings") or name.startswith("overdue_")}
    assert counts == {
        "open_findings": 5,
        "overdue_findings": 2,
        "overdue_critical": 1,
        "overdue_high": 1,
        "due_soon_findings": 1,
        "exempt_findings": 0,
        "accepted_findings": 0,
        "undecided_findings": 0,
        "kev_findings": 1,
    }
    assert late["oldest_overdue_days"] == 10
    assert late["next_due_at"] == AS_OF + days(2)
    assert late["policy"] == "default"
    # counted, though not judged
    assert found["asleep"]["overdue_findings"] == 2
