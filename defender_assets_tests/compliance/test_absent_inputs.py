"""What is missing is never good news: without an input, or a member of it, no device and no share looks better."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.compliance import Policy

from .strategies import few
from .tenant import AS_OF, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)

TABLES = ("kev", "epss", "ssvc", "vulnerabilities")
MEMBERS = (
    ("security_update_available",),
    ("security_update_available", "recommended_security_update_id"),
    ("vulnerability_severity_level",),
    ("vulnerability_severity_level", "cvss_score"),
    ("cvss_score",),
    ("exploitability_level",),
    ("first_seen_timestamp",),
    ("cve_mitigation_status",),
)


def _without_members(tenant: Tenant, members: tuple[str, ...]) -> Tenant:
    """The same tenant whose findings do not say so much."""
    other = tenant.without()
    for row in other.rows["software_vulnerabilities"]:
        row |= dict.fromkeys(members)
    return other


_Judged = tuple[dict[str, str], float]
"""The verdicts by device, and the share of findings that are known not to be overdue."""


def _judged(tenant: Tenant, policy: Policy | str) -> _Judged:
    (judged,) = _judged_beside(tenant, policy, [""])
    return judged


def _judged_beside(tenant: Tenant, policy: Policy | str, prefixes: Sequence[str]) -> list[_Judged]:
    """Of each of the tenants that stand beside each other in this one: the devices whose ids begin so."""
    found = tenant.derive("patch_findings", "patch_compliance", policy=policy)
    judged = []
    for prefix in prefixes:
        findings, devices = (
            [row for row in found[table] if row["device_id"].startswith(prefix)]
            for table in ("patch_findings", "patch_compliance")
        )
        good = [row for row in findings if row["state"] != "overdue" and not row["undecided"]]
        verdicts = {row["device_id"].removeprefix(prefix): row["verdict"] for row in devices}
        judged.append((verdicts, len(good) / len(findings)))
    return judged


def _is_no_better(before: _Judged, after: _Judged, of: Any) -> None:
    assert before[0].keys() == after[0].keys(), of
    better = [device for device, verdict in after[0].items() if verdict == "compliant" != before[0][device]]
    assert not better, of
    assert after[1] <= before[1], of


LEVELS = {"Critical": 9.8, "High": 7.5, "Medium": 5.0, "Low": 2.0}


def _of_every_kind() -> Tenant:
    """Findings of every level and age, exploited or not, on devices of their own; all that can be known of them is."""
    tenant = Tenant()
    ages = (1, 10, 20, 40, 100, 200)
    for number, (level, age) in enumerate((level, age) for level in LEVELS for age in ages):
        cve = f"CVE-2026-{1000 + number}"
        for device, exploited, product in ((f"a{number}", False, "editor"), (f"b{number}", True, "windows_11")):
            tenant.machine(device, machine_tags=[("internal", "internet-facing")[number % 2]])
            tenant.finding(
                device,
                f"{cve}{int(exploited)}",
                vulnerability_severity_level=level,
                cvss_score=LEVELS[level],
                software_vendor="microsoft",
                software_name=product,
                first_seen_timestamp=AS_OF - days(age),
                exploitability_level="ExploitIsPublic" if exploited else "NoExploit",
            )
            tenant.add(
                "vulnerabilities",
                id=f"{cve}{int(exploited)}",
                severity=level,
                cvss_v3=LEVELS[level],
                published_on=AS_OF - days(age if exploited else age + 30),
                epss=0.5,
                status="UnderException" if number % 5 == 0 else "RemediationRequired",
            )
            automatable, impact = ("no", "yes")[number % 2], ("partial", "total")[number % 3 % 2]
            tenant.add("ssvc", cve_id=f"{cve}{int(exploited)}", automatable=automatable, technical_impact=impact)
            tenant.add("epss", cve_id=f"{cve}{int(exploited)}", epss=0.4)
        tenant.add("kev", cve_id=f"{cve}1", date_added=AS_OF - days(age), due_date=MIDNIGHT - days(age - 15))
    return tenant


_DEVICE = {"machines": "id", "software_inventory": "device_id", "software_vulnerabilities": "device_id"}
_CVE = {
    "software_vulnerabilities": "cve_id",
    "vulnerabilities": "id",
    "kev": "cve_id",
    "epss": "cve_id",
    "ssvc": "cve_id",
}


def _beside(tenant: Tenant, missing: Sequence[tuple[str, ...]]) -> tuple[Tenant, list[str]]:
    """One tenant in which this one stands once for each of the lacking members, with devices and CVEs of its own; and
    what its devices' ids begin with."""
    together, prefixes = Tenant(), []
    for number, members in enumerate(missing):
        other = _without_members(tenant, members)
        prefixes.append(f"tenant-{number}-")
        for name, rows in other.rows.items():
            for row in rows:
                if name in _DEVICE:
                    row[_DEVICE[name]] = prefixes[-1] + row[_DEVICE[name]]
                if name in _CVE:
                    row[_CVE[name]] = row[_CVE[name]].replace("CVE-2026-", f"CVE-2026-{number + 1}")
                if name == "machines":
                    row["computer_dns_name"] = prefixes[-1] + row["computer_dns_name"]
            together.rows.setdefault(name, []).extend(rows)
    return together, prefixes


QUICK = ("default", "cisa-bod-26-04")


@pytest.mark.parametrize(
    "preset", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in Policy.presets()]
)
def test_without_a_table_or_a_member_no_device_looks_better_under_any_preset(preset) -> None:
    tenant = _of_every_kind()
    # Those without a member are judged beside each other: that takes hardly longer than one of them.
    beside, prefixes = _beside(tenant, [(), *MEMBERS])
    before, *poorer = _judged_beside(beside, preset, prefixes)
    for members, after in zip(MEMBERS, poorer, strict=True):
        _is_no_better(before, after, members)
    for table in TABLES:
        _is_no_better(before, _judged(tenant.without(table), preset), table)


def test_without_the_catalogue_no_share_of_the_fleet_looks_better() -> None:
    tenant = _of_every_kind()
    (before,), (after,) = (one.one("fleet_summary") for one in (tenant, tenant.without("kev")))
    for pct in ("patch_compliant_pct", "not_overdue_pct"):
        assert 0 < after[pct] < before[pct]
    assert after["patch_unknown_devices"] > 0 == before["patch_unknown_devices"]
    verdicts = ("patch_compliant_devices", "patch_noncompliant_devices", "patch_unknown_devices")
    assert sum(after[name] for name in verdicts) == after["eligible"]


def test_numbers_of_an_absent_table_are_not_known_instead_of_zero() -> None:
    tenant = _of_every_kind()
    (fleet,) = tenant.without("kev").one("fleet_summary")
    assert {name: value for name, value in fleet.items() if "kev" in name} == dict.fromkeys(
        ("kev_cves", "kev_devices", "kev_findings", "kev_overdue_findings", "accepted_kev_findings")
    )
    (product, *_) = [row for row in tenant.without("kev").one("software_exposure") if row["cves"]]
    assert product["kev_cves"] is None
    (fleet,) = tenant.without("epss", "vulnerabilities").one("fleet_summary")
    assert fleet["epss_load"] is None
    # while one source of scores is enough
    (fleet,) = tenant.without("vulnerabilities").one("fleet_summary")
    assert fleet["epss_load"] == pytest.approx(0.4 * fleet["open_findings"])


def test_a_finding_says_which_inputs_were_absent() -> None:
    tenant = Tenant().machine("a").finding("a").without("kev")
    (finding,) = tenant.one("patch_findings")
    assert finding["absent_inputs"] == "vulnerabilities, kev, epss, ssvc"


@st.composite
def _consistent_tenants(draw: st.DrawFn) -> Tenant:
    """Tenants whose sources do not contradict each other: a level is the band of its score, a CVE is published before
    it is seen anywhere. What each of them says may be missing."""
    tenant = Tenant()
    for number in range(draw(st.integers(1, 4))):
        tenant.machine(f"device-{number}")
    for number in range(draw(st.integers(1, 6))):
        cve = f"CVE-2026-{1000 + number}"
        level = draw(st.sampled_from([*LEVELS]))
        maybe = st.booleans()
        tenant.finding(
            draw(st.sampled_from([row["id"] for row in tenant.rows["machines"]])),
            cve,
            vulnerability_severity_level=draw(st.sampled_from([level, level.upper(), "None", None])),
            cvss_score=LEVELS[level] if draw(maybe) else None,
            security_update_available=draw(st.sampled_from([True, False, None])),
            first_seen_timestamp=draw(st.sampled_from([None, *(AS_OF - days(age) for age in (1, 2, 16, 31, 91, 181))])),
            cve_mitigation_status=draw(st.sampled_from([None, None, "Mitigated"])),
        )
        if draw(maybe):
            tenant.add(
                "vulnerabilities",
                id=cve,
                severity=level if draw(maybe) else None,
                cvss_v3=LEVELS[level] if draw(maybe) else 0,
                published_on=AS_OF - days(200) if draw(maybe) else None,
                patch_first_available=AS_OF - days(190) if draw(maybe) else None,
                status=draw(st.sampled_from([None, "UnderException", "PartialException"])),
            )
        if draw(maybe):
            due = MIDNIGHT + days(draw(st.sampled_from([-400, -2, 0, 30])))
            tenant.add("kev", cve_id=cve, date_added=due - days(14), due_date=due)
    return tenant


@given(_consistent_tenants(), st.data())
@few
def test_whatever_goes_missing_nothing_of_a_random_tenant_looks_better(tenant: Tenant, data) -> None:
    what = data.draw(st.sampled_from([*TABLES, *MEMBERS, "rows of vulnerabilities"]))
    if what in TABLES:
        poorer = tenant.without(what)
    elif what in MEMBERS:
        poorer = _without_members(tenant, what)
    else:
        poorer = tenant.without()
        rows = poorer.rows.get("vulnerabilities", [])
        poorer.rows["vulnerabilities"] = [row for row in rows if data.draw(st.booleans())]
    _is_no_better(_judged(tenant, "default"), _judged(poorer, "default"), what)


def test_an_old_copy_of_the_kev_catalogue_still_tells_what_it_lists_and_nothing_of_the_rest() -> None:
    def found(age: int) -> tuple[list[tuple[Any, ...]], Any]:
        tenant = Tenant().machine("a").machine("b")
        tenant.rows["kev"] = []
        for device, cve in (("a", "CVE-2026-0001"), ("b", "CVE-2026-0002")):
            tenant.finding(device, cve, first_seen_timestamp=AS_OF - days(10), vulnerability_severity_level="High")
        added, due = MIDNIGHT - days(30), MIDNIGHT - days(9)
        tenant.add("kev", cve_id="CVE-2026-0001", date_added=added, due_date=due, observed_at=AS_OF - days(age))
        tables = tenant.derive("patch_findings", "fleet_summary")
        (fleet,) = tables["fleet_summary"]
        return [(row["in_kev"], row["state"], row["undecided"]) for row in tables["patch_findings"]], fleet[
            "kev_findings"
        ]

    assert found(14) == ([(True, "overdue", False), (False, "on_time", False)], 1)
    assert found(15) == ([(True, "overdue", False), (None, "on_time", True)], None)


def test_without_findings_no_number_of_them_is_zero_and_no_device_is_called_patched():
    # given a fleet of which nobody may read software or findings, so that nobody knows which devices were assessed
    tenant = _of_every_kind().without("software_vulnerabilities", "software_inventory")
    tables = tenant.derive("device_identity", "agent_compliance", "fleet_summary", "verdict_reasons")
    populations = {row["population"] for row in tables["device_identity"]}
    assert populations == {"eligible"}
    (fleet,) = tables["fleet_summary"]
    unknown = [name for name in fleet if "finding" in name or name.startswith(("patch_", "overdue_", "kev_"))]
    assert {name: fleet[name] for name in unknown} == dict.fromkeys(unknown)
    assert fleet["compliant_devices"] is fleet["noncompliant_devices"] is fleet["cves"] is None
    assert fleet["eligible"] == len(tables["device_identity"])
    told = [row for row in tables["verdict_reasons"] if row["topic"] == "patch"]
    assert len(told) == fleet["eligible"]
    assert {row["verdict"] for row in told} == {"unknown"}
    judged = next(row["sentence"] for row in tables["verdict_reasons"] if row["topic"] == "population")
    assert "not known to be assessed by vulnerability management or not" in judged
