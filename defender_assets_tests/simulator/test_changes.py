"""The change feed: what happened between assessments, with the oddities of the real one."""

from collections import defaultdict
from datetime import timedelta

import pytest

from defender_assets.simulator import SimulatedTenant, TenantShape

from .conftest import AS_OF, parse_time


@pytest.fixture(scope="module")
def changes(rows_of) -> list[dict]:
    return rows_of("software_vulnerability_changes")


def test_events_lie_on_the_six_hour_grain_of_the_last_14_days(changes, tenant):
    times = {parse_time(row["eventTimestamp"]) for row in changes}
    assert all(time.hour % 6 == time.minute == time.second == 0 for time in times)
    assert max(times) <= tenant.assessment.generated
    assert min(times) >= tenant.assessment.generated - timedelta(days=14, hours=6)
    assert max(times) - min(times) > timedelta(days=10)


def test_an_events_time_is_spelled_in_three_ways(changes):
    assert {len(row["eventTimestamp"]) for row in changes} == {19, 20, 27}


def test_the_delta_has_status_and_time_and_lacks_one_member(changes, rows_of):
    finding = rows_of("software_vulnerabilities")[0]
    assert {frozenset(row) for row in changes} == {
        frozenset(finding.keys() - {"securityUpdateAvailable"} | {"isOnboarded", "status", "eventTimestamp"})
    }
    assert {row["status"] for row in changes} == {"New", "Fixed", "Updated"}


def test_a_move_between_groups_is_fixed_and_new_of_one_id(changes):
    events_of = defaultdict(list)
    for row in changes:
        events_of[row["id"], parse_time(row["eventTimestamp"])].append((row["status"], row["rbacGroupId"]))
    moved = [events for events in events_of.values() if {status for status, _ in events} == {"Fixed", "New"}]
    assert moved
    assert all(len({group for _, group in events}) == 2 for events in moved)


def test_an_upgrade_that_keeps_a_cve_is_fixed_and_new_with_the_first_seen_time_kept(changes):
    events_of = defaultdict(dict)
    for row in changes:
        key = row["deviceId"], row["softwareName"], row["cveId"], parse_time(row["eventTimestamp"]), row["rbacGroupId"]
        events_of[key][row["status"]] = row
    kept = [
        events
        for events in events_of.values()
        if {"Fixed", "New"} <= events.keys() and events["Fixed"]["softwareVersion"] != events["New"]["softwareVersion"]
    ]
    assert kept
    assert all(e["Fixed"]["firstSeenTimestamp"] == e["New"]["firstSeenTimestamp"] for e in kept)
    assert all(e["Fixed"]["id"] != e["New"]["id"] for e in kept)


def test_findings_of_devices_that_left_are_fixed_and_the_devices_are_in_no_list(changes, rows_of):
    machines = {row["id"] for row in rows_of("machines")}
    left = [row for row in changes if row["deviceId"] not in machines and not row["isOnboarded"]]
    assert left
    assert {row["status"] for row in left} == {"Fixed"}
    assert all(row["isOnboarded"] for row in changes if row["deviceId"] in machines)


def test_nothing_is_fixed_before_it_was_seen(changes):
    for row in changes:
        if row["status"] == "Fixed":
            assert parse_time(row["firstSeenTimestamp"]) < parse_time(row["eventTimestamp"])


def test_what_is_new_and_was_not_fixed_later_is_in_the_assessment(changes, rows_of):
    findings = {(row["id"], row["rbacGroupId"]) for row in rows_of("software_vulnerabilities")}
    machines = {row["id"] for row in rows_of("machines")}
    last: dict[tuple, dict] = {}
    for row in sorted(changes, key=lambda row: parse_time(row["eventTimestamp"])):
        if row["deviceId"] in machines:
            last[row["id"], row["rbacGroupId"]] = row
    new = {key for key, row in last.items() if row["status"] == "New"}
    fixed = {key for key, row in last.items() if row["status"] == "Fixed"}
    assert new
    assert new <= findings
    assert fixed.isdisjoint(findings)


def test_findings_that_appeared_in_these_days_are_new(changes, tenant, rows_of):
    new = {row["id"] for row in changes if row["status"] == "New"}
    since, until = AS_OF - timedelta(days=12), tenant.assessment.generated - timedelta(hours=12)
    recent = {
        row["id"]
        for row in rows_of("software_vulnerabilities")
        if row["cveId"] and since < parse_time(row["firstSeenTimestamp"]) < until
    }
    assert recent
    assert recent <= new


class TestWhileServed:
    """Given a tenant to which things happen, when its assessments are rebuilt, then the feed has them."""

    @pytest.fixture
    def mine(self) -> SimulatedTenant:
        return SimulatedTenant(TenantShape(machines=80, as_of=AS_OF))

    @staticmethod
    def _news(tenant: SimulatedTenant, before: list[dict]) -> list[dict]:
        known = {(row["id"], row["rbacGroupId"], parse_time(row["eventTimestamp"]), row["status"]) for row in before}
        return [
            row
            for row in tenant.rows("software_vulnerability_changes")
            if (row["id"], row["rbacGroupId"], parse_time(row["eventTimestamp"]), row["status"]) not in known
        ]

    def _later(self, tenant: SimulatedTenant) -> None:
        tenant.timeline.advance(timedelta(hours=12))
        tenant.timeline.regenerate_exports()

    def _exposed(self, tenant: SimulatedTenant, how_many: int) -> list[str]:
        devices: dict[str, int] = defaultdict(int)
        for row in tenant.rows("software_vulnerabilities"):
            devices[row["deviceId"]] += bool(row["cveId"] and row["securityUpdateAvailable"])
        return sorted(devices, key=devices.__getitem__)[-how_many:]

    def test_patching_fixes(self, mine):
        device = self._exposed(mine, 1)
        before = list(mine.rows("software_vulnerability_changes"))
        open_before = [row["id"] for row in mine.rows("software_vulnerabilities") if row["deviceId"] == device[0]]
        mine.timeline.patch_devices(ids=device)
        assert [r["id"] for r in mine.rows("software_vulnerabilities") if r["deviceId"] == device[0]] == open_before
        self._later(mine)
        news = [row for row in self._news(mine, before) if row["deviceId"] == device[0]]
        gone = set(open_before) - {row["id"] for row in mine.rows("software_vulnerabilities")}
        assert gone
        assert {row["id"] for row in news if row["status"] == "Fixed"} >= {id_ for id_ in gone if "CVE-" in id_}

    def test_leaving_fixes_and_empties(self, mine):
        device = self._exposed(mine, 1)
        before = list(mine.rows("software_vulnerability_changes"))
        mine.timeline.remove_devices(ids=device)
        assert device[0] not in {row["id"] for row in mine.rows("machines")}
        assert device[0] in {row["deviceId"] for row in mine.rows("software_vulnerabilities")}
        self._later(mine)
        assert device[0] not in {row["deviceId"] for row in mine.rows("software_vulnerabilities")}
        news = [row for row in self._news(mine, before) if row["deviceId"] == device[0]]
        assert any(row["status"] == "Fixed" and not row["isOnboarded"] for row in news)

    def test_moving_is_fixed_and_new(self, mine):
        device = self._exposed(mine, 1)
        before = list(mine.rows("software_vulnerability_changes"))
        mine.timeline.move_devices(ids=device)
        self._later(mine)
        news = [row for row in self._news(mine, before) if row["deviceId"] == device[0]]
        fixed = {row["id"] for row in news if row["status"] == "Fixed"}
        assert fixed
        assert fixed <= {row["id"] for row in news if row["status"] == "New"}
