"""A tenant worked out by hand: nine machine records, twelve findings, every number of the fleet in one row.

The records, on 20 October 2026 at 06:30 UTC:

  anna    Windows, seen today, 8760, antivirus of this month.        eligible
  bert    Windows, seen today, 8750, engine of last month.           eligible
  carl    macOS, seen today, build of September.                     eligible
  dora    Linux, seen today, build of January (nine months old).     eligible
  emil    Windows, seen 40 days ago.                                 inactive
  fred    Windows, seen 8 days ago, same name as anna.               duplicate of anna
  gina    merged into bert.                                          merged
  hans    excluded in the portal.                                    excluded
  ida     seen today, but no row of inventory or assessment.         not assessed

The findings (all with a fix unless said otherwise), by first sight:

  anna  CVE-1 critical  14 days ago  due in 1 day                    due soon
  anna  CVE-2 low       10 days ago  due in 170 days                 on time
  bert  CVE-1 critical  20 days ago  due 5 days ago                  overdue by 5
  bert  CVE-3 high      70 days ago  due 40 days ago                 overdue by 40
  bert  CVE-4 medium   400 days ago  no security update              no fix
  anna  CVE-7 critical 100 days ago  the CVE is under exception      accepted
  carl  CVE-5 low       10 days ago  KEV: due at the end of the 18th overdue by 1 (30.5 hours)
  carl  CVE-6 without a level, and nothing else rates it             no due date
  dora  CVE-3 high      30 days ago, to the second                   due soon (due now, not past)
  emil  CVE-1 critical 100 days ago  overdue, but nobody judges it
  hans  CVE-3 high     100 days ago  overdue, but nobody judges it
  anna  a row without a CVE                                          no finding

On dora and emil a reader is installed whose support ended 100 days ago, whatever the service calls it.

So four devices are judged. Two have overdue findings (bert, carl): patch compliance is 2 of 4, 50 %.
Agents: anna runs the newest sensor, bert the one before; with an engine of last month bert fails. carl's build is a
month old and the newest of its platform. dora's has expired. So anna and carl comply, bert and dora do not: 50 %.
"""

from datetime import timedelta

import pytest

from .tenant import AS_OF, Row, Tenant, days, preset

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def golden_tenant() -> Tenant:
    tenant = Tenant()
    tenant.machine("anna", computer_dns_name="desk.contoso.example").antivirus("anna")
    tenant.machine("bert", agent_version="10.8750.22631.1").antivirus("bert", av_engine_version="1.1.26080.2")
    tenant.machine("carl", os_platform="macOS", agent_version="20.126092.1.0")
    tenant.machine("dora", os_platform="Ubuntu", agent_version="30.126012.1.0")
    tenant.machine("emil", last_seen=AS_OF - days(40)).machine("ida", assessed=False)
    tenant.machine("fred", computer_dns_name="DESK.contoso.example", last_seen=AS_OF - days(8))
    tenant.machine("gina", merged_into_machine_id="bert").machine("hans", is_excluded=True)
    for device, cve, level, age, fix in (
        ("anna", "CVE-1", "Critical", 14, True),
        ("anna", "CVE-2", "Low", 10, True),
        ("bert", "CVE-1", "Critical", 20, True),
        ("bert", "CVE-3", "High", 70, True),
        ("bert", "CVE-4", "Medium", 400, False),
        ("anna", "CVE-7", "Critical", 100, True),
        ("carl", "CVE-5", "Low", 10, True),
        ("carl", "CVE-6", None, 300, True),
        ("dora", "CVE-3", "High", 30, True),
        ("emil", "CVE-1", "Critical", 100, True),
        ("hans", "CVE-3", "High", 100, True),
        ("anna", None, None, 5, None),
    ):
        tenant.finding(
            device,
            cve,
            vulnerability_severity_level=level,
            first_seen_timestamp=AS_OF - days(age),
            security_update_available=fix,
            cvss_score=7.5 if level else None,
        )
    tenant.add("kev", cve_id="CVE-5", date_added=MIDNIGHT - days(20), due_date=MIDNIGHT - days(2))
    tenant.add("vulnerabilities", id="CVE-1", epss=0.5).add("vulnerabilities", id="CVE-3", epss=0.25)
    tenant.add("vulnerabilities", id="CVE-7", status="UnderException")
    for device in ("dora", "emil"):
        tenant.add("software_inventory", device_id=device, software_vendor="contoso", software_name="reader",
                   software_version="9.0", end_of_support_status="Upcoming EOS Version",
                   end_of_support_date=MIDNIGHT - days(100))  # fmt: skip
    tenant.control("anna", "scid-2012").control("bert", "scid-2012", is_compliant=False).control("carl", "scid-1")
    tenant.change("bert", "Fixed", MIDNIGHT, "CVE-8", first_seen_timestamp=MIDNIGHT - days(4))
    tenant.change("gone", "Fixed", MIDNIGHT, "CVE-8").change("anna", "New", MIDNIGHT, "CVE-2")
    return tenant


@pytest.fixture(scope="module")
def found() -> dict[str, list[Row]]:
    return golden_tenant().derive(
        "device_identity", "patch_findings", "patch_compliance", "agent_compliance", "policy_compliance",
        "software_exposure", "endpoint_status", "remediation_times", "coverage",
        "software_end_of_support", "fleet_summary",
    )  # fmt: skip


def test_populations(found) -> None:
    assert {row["device_id"]: row["population"] for row in found["device_identity"]} == {
        "anna": "eligible",
        "bert": "eligible",
        "carl": "eligible",
        "dora": "eligible",
        "emil": "inactive",
        "fred": "duplicate",
        "gina": "merged",
        "hans": "excluded",
        "ida": "not_assessed",
    }


def test_findings(found) -> None:
    told = {
        (row["device_id"], row["cve_id"]): (row["state"], row["days_overdue"], row["due_at"] and row["due_at"] - AS_OF)
        for row in found["patch_findings"]
    }
    assert told == {
        ("anna", "CVE-1"): ("due_soon", None, days(1)),
        ("anna", "CVE-2"): ("on_time", None, days(170)),
        ("anna", "CVE-7"): ("accepted", None, days(-85)),
        ("bert", "CVE-1"): ("overdue", 5, days(-5)),
        ("bert", "CVE-3"): ("overdue", 40, days(-40)),
        ("bert", "CVE-4"): ("no_fix", None, days(-310)),
        ("carl", "CVE-5"): ("overdue", 1, timedelta(hours=-30, minutes=-30, microseconds=-1)),
        ("carl", "CVE-6"): ("no_due_date", None, None),
        ("dora", "CVE-3"): ("due_soon", None, days(0)),
        ("emil", "CVE-1"): ("overdue", 85, days(-85)),
        ("hans", "CVE-3"): ("overdue", 70, days(-70)),
    }


def test_verdicts(found) -> None:
    patch = {row["device_id"]: row["verdict"] for row in found["patch_compliance"] if row["verdict"] != "unknown"}
    assert patch == {"anna": "compliant", "bert": "noncompliant", "carl": "noncompliant", "dora": "compliant"}
    agent = {row["device_id"]: (row["verdict"], row["reasons"]) for row in found["agent_compliance"]}
    assert agent == {
        "anna": ("compliant", []),
        "bert": ("noncompliant", ["engine_out_of_date"]),
        "carl": ("compliant", []),
        "dora": ("noncompliant", ["agent_unsupported"]),
        "emil": ("unknown", ["population_inactive"]),
        "fred": ("unknown", ["population_duplicate"]),
        "gina": ("unknown", ["population_merged"]),
        "hans": ("unknown", ["population_excluded"]),
        "ida": ("unknown", ["population_not_assessed"]),
    }


def test_the_fleet_in_one_row(found) -> None:
    (row,) = found["fleet_summary"]
    expected = {
        "as_of": AS_OF, "policy": "default", "policy_digest": preset("default").digest,
        "fleet_scope": None, "machines_out_of_scope": None, "findings_out_of_scope": None,
        # who counts
        "machines": 9, "merged": 1, "excluded": 1, "not_onboarded": 0, "duplicate": 1, "inactive": 1, "not_assessed": 1,
        "eligible": 4,
        # patches
        "patch_compliant_devices": 2, "patch_noncompliant_devices": 2, "patch_unknown_devices": 0,
        "patch_compliant_pct": 50.0,
        # the reader on dora; emil is not judged
        "unsupported_software_devices": 1, "unsupported_products": 1,
        # of six devices (hans is excluded) ida's antivirus does not report, and emil has not been seen
        "known_devices": 6, "protected_devices": 4, "partly_protected_devices": 1, "unprotected_devices": 1,
        "protection_unknown_devices": 0, "protected_pct": pytest.approx(100 * 4 / 6),
        "open_findings": 9, "exempt_findings": 0, "accepted_findings": 1, "no_fix_findings": 1,
        "no_due_date_findings": 1, "unrated_findings": 1, "undecided_findings": 1,
        "overdue_findings": 3, "due_soon_findings": 2, "on_time_findings": 1, "other_findings": 2,
        "overdue_critical": 1, "overdue_high": 1, "overdue_medium": 0, "overdue_low": 1,
        "overdue_0_7_days": 2, "overdue_8_30_days": 0, "overdue_31_90_days": 1, "overdue_over_90_days": 0,
        # three of nine are overdue, of CVE-6 nobody knows
        "not_overdue_pct": pytest.approx(500 / 9), "cves": 7, "kev_cves": 1, "kev_devices": 1, "kev_findings": 1,
        "kev_overdue_findings": 1, "accepted_kev_findings": 0,
        # 0.5 twice (anna, bert) and 0.25 twice (bert, dora)
        "epss_load": 1.5,
        # agents
        "agent_compliant_devices": 2, "agent_noncompliant_devices": 2, "agent_unknown_devices": 0,
        "agent_compliant_pct": 50.0,
        "agents_current": 2, "agents_behind": 1, "agents_unsupported": 1, "agents_unknown": 0,
        "windows_devices": 2, "engine_out_of_date": 1, "platform_out_of_date": 0, "intelligence_out_of_date": 0,
        "intelligence_up_to_date": 2,
        # Microsoft says that bert's engine is up to date
        "av_unknown": 0, "av_disagreements": 1,
        # no list of releases: the fleet decides what is the newest
        "agent_newest_inferred": [
            "agent_linux", "agent_macos", "agent_windows", "av_engine", "av_intelligence", "av_platform",
        ],
        "sensors_healthy": 4, "sensors_inactive": 0, "sensors_impaired": 0, "sensors_unknown": 0,
        # configuration: anna and carl meet what applies, bert misses a required control, nothing applies to dora
        "policy_compliant_devices": 2, "policy_noncompliant_devices": 1, "policy_unknown_devices": 1,
        "policy_compliant_pct": 50.0, "mean_weighted_score": pytest.approx(2 / 3), "managed_devices": 0,
        # anna alone is compliant in all; bert and carl lack patches, the agent of dora is unsupported
        "compliant_devices": 1, "noncompliant_devices": 3, "compliant_pct": 25.0,
        # what changed: bert fixed one after four days, a device left, anna has a new one
        "new_findings": 1, "fixed_findings": 1, "mean_days_to_fix": 4.0, "median_days_to_fix": 4.0,
        "absent_inputs": None,
    }  # fmt: skip
    assert row == expected


def test_coverage(found) -> None:
    assert {row["device_id"]: (row["protection"], row["gaps"]) for row in found["coverage"]} == {
        "anna": ("protected", []),
        "bert": ("protected", []),
        "carl": ("protected", []),
        "dora": ("protected", []),
        "emil": ("unprotected", ["no_antivirus_report", "not_seen"]),
        "hans": ("partly", ["no_antivirus_report"]),  # excluded, and counted apart
        "ida": ("partly", ["no_antivirus_report"]),
    }


def test_software_out_of_support(found) -> None:
    (row,) = found["software_end_of_support"]
    names = ("software_name", "status", "days_since_end", "devices", "other_devices", "cves")
    assert [row[name] for name in names] == ["reader", "ended", 100, 1, 1, 0]


def test_exposure_of_products(found) -> None:
    # every device but ida has the agent installed; the editor is known by its findings only
    agent, editor, reader = found["software_exposure"]
    assert (reader["end_of_support_devices"], reader["end_of_support_versions"]) == (1, 1)
    assert (agent["software_name"], agent["devices"], agent["other_devices"], agent["cves"]) == ("agent", 4, 4, 0)
    assert {name: editor[name] for name in editor if name not in ("software_vendor", "as_of")} == {
        "software_name": "editor",
        "devices": 4,
        "eligible_devices": 4,
        "other_devices": 2,
        "versions": 1,
        "exposed_devices": 4,
        "cves": 7,
        "critical_cves": 2,
        "kev_cves": 1,
        "exploited_cves": 0,
        "worst_cvss": 7.5,
        "highest_epss": 0.5,
        "open_findings": 9,
        "overdue_findings": 3,
        "accepted_findings": 1,
        "overdue_devices": 2,
        "end_of_support_versions": 0,
        "end_of_support_devices": 0,
        "end_of_support_date": None,
    }
