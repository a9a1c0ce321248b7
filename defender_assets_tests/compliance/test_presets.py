"""Each preset gives the times of the framework that it is named after."""

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Row, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)

# CERTCC/SSVC data/csv/cisa/cisa_bod_26_04_1_0_0.csv: in KEV, exposed, automatable, technical impact -> days to
# remediate, and whether forensic triage is asked for. None: fix on system upgrade.
BOD_26_04 = [
    ("no", "no", "no", "partial", None, False),
    ("yes", "no", "no", "partial", 14, False),
    ("no", "yes", "no", "partial", 60, False),
    ("no", "no", "yes", "partial", 60, False),
    ("no", "no", "no", "total", None, False),
    ("yes", "yes", "no", "partial", 14, False),
    ("yes", "no", "yes", "partial", 14, False),
    ("no", "yes", "yes", "partial", 14, False),
    ("yes", "no", "no", "total", 14, False),
    ("no", "yes", "no", "total", 14, False),
    ("no", "no", "yes", "total", 60, False),
    ("yes", "yes", "yes", "partial", 3, False),
    ("yes", "yes", "no", "total", 3, True),
    ("yes", "no", "yes", "total", 3, True),
    ("no", "yes", "yes", "total", 3, False),
    ("yes", "yes", "yes", "total", 3, True),
]


def _bod_26_04_tenant() -> Tenant:
    """One finding for each row of the table, first seen ten days ago and added to the catalogue a day later."""
    tenant = Tenant().machine("inside", machine_tags=["Internal"]).machine("outside", machine_tags=["internet-facing"])
    tenant.add("kev", cve_id="CVE-elsewhere", date_added=MIDNIGHT, due_date=MIDNIGHT)
    for number, (kev, exposed, automatable, impact, _, _) in enumerate(BOD_26_04):
        cve = f"CVE-{number}"
        tenant.finding("outside" if exposed == "yes" else "inside", cve, vulnerability_severity_level=None)
        tenant.add("ssvc", cve_id=cve, automatable=automatable, technical_impact=impact)
        if kev == "yes":
            tenant.add("kev", cve_id=cve, date_added=AS_OF - days(9), due_date=MIDNIGHT)
    return tenant


def test_bod_26_04_gives_the_days_of_every_row_of_its_table() -> None:
    found = _bod_26_04_tenant().by_cve("cisa-bod-26-04")
    for number, (*row, allowed, triage) in enumerate(BOD_26_04):
        finding = found[f"CVE-{number}"]
        expected = None if allowed is None else AS_OF - days(10) + days(allowed)
        assert finding["due_at"] == expected, row
        assert finding["decided_by"].startswith(f"row {number}: "), row
        assert ("forensic triage" in finding["decided_by"]) is triage, row
        assert "assumed" not in finding["decided_by"], row
        assert (finding["state"] == "no_due_date") is (allowed is None)


def test_bod_26_04_starts_the_clock_at_the_earlier_of_catalogue_and_detection() -> None:
    tenant = Tenant().machine("a").finding("a", "CVE-1").finding("a", "CVE-2").finding("a", "CVE-3")
    tenant.add("kev", cve_id="CVE-1", date_added=AS_OF - days(20), due_date=MIDNIGHT)
    tenant.add("kev", cve_id="CVE-2", date_added=AS_OF - days(5), due_date=MIDNIGHT)
    found = tenant.by_cve("cisa-bod-26-04")
    assert {cve: (row["clock_start_at"], row["clock_source"]) for cve, row in found.items()} == {
        "CVE-1": (AS_OF - days(20), "kev_added"),
        "CVE-2": (AS_OF - days(10), "first_seen"),
        "CVE-3": (AS_OF - days(10), "first_seen"),
    }


def test_bod_26_04_reads_what_is_unknown_as_the_policy_says_and_labels_it() -> None:
    # given neither catalogue nor SSVC, and a device without a tag
    tenant = Tenant().machine("a").finding("a").without("kev")
    (finding,) = tenant.one("patch_findings", "cisa-bod-26-04")
    # then it is read as not exploited, not exposed, automatable, total: row 10
    assert finding["decided_by"] == (
        "row 10: 60 days; assumed in_kev, exposed, automatable, technical_impact; undecided without KEV catalogue"
    )
    assert finding["due_at"] == AS_OF + days(50)
    # and as row 13 asks for three days, it might be overdue
    assert finding["undecided"]


def test_how_the_unknown_is_read_is_a_setting(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "name: ours\nextends: cisa-bod-26-04\n"
        "patch: {unknown: {in_kev: yes, exposed: yes, automatable: no, technical_impact: partial}}\n"
    )
    (finding,) = Tenant().machine("a").finding("a").without("kev").one("patch_findings", Policy.load(file))
    assert finding["decided_by"].startswith("row 5: 14 days; assumed ")
    assert not finding["undecided"]


def test_kev_due_date_looks_at_nothing_else() -> None:
    tenant = Tenant().machine("a").finding("a", "CVE-1", security_update_available=False)
    tenant.finding("a", "CVE-2", vulnerability_severity_level="Critical", first_seen_timestamp=AS_OF - days(500))
    tenant.add("kev", cve_id="CVE-1", date_added=MIDNIGHT - days(20), due_date=MIDNIGHT - days(3))
    found = tenant.by_cve("kev-due-date")
    assert (found["CVE-1"]["state"], found["CVE-1"]["days_overdue"], found["CVE-1"]["decided_by"]) == (
        "overdue",
        2,
        "KEV catalogue",
    )
    assert found["CVE-2"]["state"] == "no_due_date"


def _allowed(tenant: Tenant, preset: str) -> dict[str, float | None]:
    """CVE -> days from the start of the clock to the due date."""
    return {
        cve: (row["due_at"] - row["clock_start_at"]) / days(1) if row["due_at"] else None
        for cve, row in tenant.by_cve(preset).items()
    }


def _by_severity() -> Tenant:
    tenant = Tenant().machine("a", machine_tags=["internet-facing"]).machine("b")
    for level in ("Critical", "High", "Medium", "Low", None):
        tenant.finding("a", f"{level}", vulnerability_severity_level=level, cvss_score=5.0)
    tenant.finding("a", "Medium, CVSS 7.0", vulnerability_severity_level="Medium", cvss_score=7.0)
    tenant.finding("a", "Medium, CVSS 6.9", vulnerability_severity_level="Medium", cvss_score=6.9)
    tenant.finding("b", "Critical, not exposed", vulnerability_severity_level="Critical")
    return tenant


SEVERITY_PRESETS = {
    "default": (15, 30, 90, 180, 90, 90, 90, 15),
    "cisa-bod-19-02": (15, 30, None, None, None, None, None, None),
    "fedramp-rev5": (30, 30, 90, 180, 90, 90, 90, 30),
    "pci-dss-4.0": (31, 31, 90, 90, 90, 90, 90, 31),
    "pci-dss-4.0.1": (31, 90, 90, 90, 90, 90, 90, 31),  # a month from 10 October
    "cyber-essentials-3.3": (14, 14, None, None, 14, 14, None, 14),
    "cis-v8.1": (30, 30, 30, 30, 30, 30, 30, 30),
}


@pytest.mark.parametrize("preset", SEVERITY_PRESETS)
def test_presets_that_go_by_severity(preset) -> None:
    tenant = _by_severity()
    allowed = _allowed(tenant, preset)
    findings = tenant.rows["software_vulnerabilities"]
    assert tuple(allowed[row["cve_id"]] for row in findings) == SEVERITY_PRESETS[preset]


def test_a_month_is_a_calendar_month() -> None:
    # given a critical finding whose patch came out on 31 January
    released = AS_OF.replace(month=1, day=31)
    tenant = Tenant().machine("a")
    tenant.finding("a", "CVE-1", vulnerability_severity_level="Critical", first_seen_timestamp=released)
    tenant.add("vulnerabilities", id="CVE-1", patch_first_available=released)
    # then PCI DSS wants it by the end of February
    assert tenant.by_cve("pci-dss-4.0.1")["CVE-1"]["due_at"] == AS_OF.replace(month=2, day=28)


def test_presets_that_count_from_the_patchs_release_say_which_date_stood_in() -> None:
    tenant = Tenant().machine("a")
    for cve in ("CVE-1", "CVE-2", "CVE-3"):
        tenant.finding("a", cve)
    tenant.add("vulnerabilities", id="CVE-1", patch_first_available=AS_OF - days(3), published_on=AS_OF - days(4))
    tenant.add("vulnerabilities", id="CVE-2", published_on=AS_OF - days(4))
    for preset in ("pci-dss-4.0.1", "cyber-essentials-3.3", "essential8-ml1", "essential8-ml2", "essential8-ml3"):
        found = tenant.by_cve(preset)
        assert {cve: (row["clock_start_at"], row["clock_source"]) for cve, row in found.items()} == {
            "CVE-1": (AS_OF - days(3), "patch_available"),
            "CVE-2": (AS_OF - days(4), "published"),
            "CVE-3": (AS_OF - days(10), "first_seen"),
        }


# Software, severity, exploited, exposed -> days under maturity level 1, 2 and 3 (October: a month is 30 days here).
ESSENTIAL_8 = [
    ("microsoft", "windows_server_2022", "Critical", False, True, 2, 2, 2),
    ("microsoft", "windows_server_2022", "Low", True, True, 2, 2, 2),
    ("microsoft", "windows_server_2022", "Low", False, True, 14, 14, 14),
    ("microsoft", "windows_11", "Critical", False, False, 30, 30, 2),
    ("microsoft", "windows_11", "Low", True, False, 30, 30, 2),
    ("microsoft", "windows_11", "Low", False, False, 30, 30, 30),
    ("google", "chrome", "Critical", False, False, 14, 14, 2),
    ("google", "chrome", "Medium", True, True, 14, 14, 2),
    ("google", "chrome", "Medium", False, False, 14, 14, 14),
    ("microsoft", "office", "Medium", False, False, 14, 14, 14),
    ("mozilla", "thunderbird", "Medium", False, False, 14, 14, 14),
    ("adobe", "acrobat_reader_dc", "Critical", False, False, 14, 14, 2),
    ("microsoft", "defender_for_endpoint", "High", False, False, 14, 14, 14),
    ("contoso", "editor", "Critical", True, True, None, 30, 30),
    ("intel", "graphics_driver", "Critical", False, False, None, None, 2),
    ("intel", "graphics_driver", "Low", False, False, None, None, 30),
]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_essential_eight_goes_by_kind_of_software_exploit_and_exposure(level) -> None:
    tenant = Tenant().machine("inside", machine_tags=["internal"]).machine("outside", machine_tags=["internet-facing"])
    # given patches released in September, so that a month has 30 days
    released = AS_OF.replace(month=9, day=10)
    for number, (vendor, name, severity, exploited, exposed, *_) in enumerate(ESSENTIAL_8):
        tenant.finding(
            "outside" if exposed else "inside",
            f"CVE-{number}",
            software_vendor=vendor,
            software_name=name,
            vulnerability_severity_level=severity,
            exploitability_level="ExploitIsVerified" if exploited else "NoExploit",
            first_seen_timestamp=released,
        )
        tenant.add("vulnerabilities", id=f"CVE-{number}", published_on=released)
    found = _allowed(tenant, f"essential8-ml{level}")
    assert [(*row[:5], found[f"CVE-{number}"]) for number, row in enumerate(ESSENTIAL_8)] == [
        (*row[:5], row[4 + level]) for row in ESSENTIAL_8
    ]


def test_the_category_map_can_be_overridden(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "name: ours\nextends: essential8-ml1\ncategories: [{category: browser, vendor: contoso, names: ['edit*']}]\n"
    )
    tenant = (
        Tenant()
        .machine("a")
        .finding("a", "CVE-1")
        .finding("a", "CVE-2", software_vendor="google", software_name="chrome")
    )
    found = {row["cve_id"]: row["decided_by"] for row in tenant.one("patch_findings", Policy.load(file))}
    assert found["CVE-1"].startswith("office, browser")
    assert found["CVE-2"].startswith("office, browser")  # the map that ships still counts


# VDR-TFR-PVR: impact -> days if reachable and likely exploitable, not reachable and likely, not likely, by class.
FEDRAMP_VDR = {
    "a": {"N5": (4, 8, 32), "N4": (8, 32, 64), "N3": (32, 64, 192), "N2": (96, 160, 192)},
    "b": {"N5": (4, 8, 32), "N4": (8, 32, 64), "N3": (32, 64, 192), "N2": (96, 160, 192)},
    "c": {"N5": (2, 4, 16), "N4": (4, 8, 64), "N3": (16, 32, 128), "N2": (48, 128, 192)},
    "d": {"N5": (0.5, 1, 8), "N4": (2, 8, 32), "N3": (8, 16, 64), "N2": (24, 96, 192)},
}
REACHED = (
    ("outside", "ExploitIsPublic"),
    ("inside", "ExploitIsInKit"),
    ("inside", "NoExploit"),
    ("outside", "NoExploit"),
)
IMPACT = {"Critical": "N5", "High": "N4", "Medium": "N3", "Low": "N2", None: "N5"}


@pytest.mark.parametrize("level", FEDRAMP_VDR)
def test_fedramp_vdr_goes_by_impact_reachability_and_exploitability(level) -> None:
    tenant = Tenant().machine("inside", machine_tags=["internal"]).machine("outside", machine_tags=["internet-facing"])
    tenant.add("kev", cve_id="CVE-elsewhere", date_added=MIDNIGHT, due_date=MIDNIGHT)
    wanted = {}
    for severity, impact in IMPACT.items():
        for column, (device, exploit) in enumerate(REACHED):
            cve = f"{severity} {device} {exploit}"
            wanted[cve] = FEDRAMP_VDR[level][impact][min(column, 2)]
            tenant.finding(
                device, cve, vulnerability_severity_level=severity, cvss_score=None, exploitability_level=exploit
            )
    assert _allowed(tenant, f"fedramp-vdr-2026-class-{level}") == wanted
    if level == "c":
        assert _allowed(tenant, "fedramp-vdr-2026") == wanted


# A known exploited CVE: severity, reachable, automatable, impact -> days by CISA's table, and under class B, C and D.
FEDRAMP_KEV = [
    ("Critical", True, "yes", "total", 3, (3, 2, 0.5)),
    ("Critical", False, "no", "partial", 14, (8, 4, 1)),
    ("High", False, "no", "total", 14, (14, 8, 8)),
    ("Medium", False, "yes", "partial", 14, (14, 14, 14)),
    ("Medium", True, "no", "partial", 14, (14, 14, 8)),
    ("Low", False, "yes", "total", 3, (3, 3, 3)),
    ("Low", True, "yes", "partial", 3, (3, 3, 3)),
]


@pytest.mark.parametrize("number", range(3))
def test_fedramp_vdr_gives_known_exploited_cves_the_earlier_of_its_own_and_cisas_days(number) -> None:
    tenant = Tenant().machine("inside", machine_tags=["internal"]).machine("outside", machine_tags=["internet-facing"])
    for place, (severity, reachable, automatable, impact, *_) in enumerate(FEDRAMP_KEV):
        cve = f"CVE-{place}"
        tenant.finding("outside" if reachable else "inside", cve, vulnerability_severity_level=severity)
        tenant.add("ssvc", cve_id=cve, automatable=automatable, technical_impact=impact)
        tenant.add("kev", cve_id=cve, date_added=AS_OF - days(9), due_date=MIDNIGHT)
    found = _allowed(tenant, f"fedramp-vdr-2026-class-{'bcd'[number]}")
    assert list(found.values()) == [row[5][number] for row in FEDRAMP_KEV]
    assert list(_allowed(tenant, "cisa-bod-26-04").values()) == [row[4] for row in FEDRAMP_KEV]


@pytest.mark.parametrize("preset", Policy.presets())
def test_every_preset_names_its_sources_and_says_whether_it_is_withdrawn(preset) -> None:
    policy = Policy.load(preset)
    assert policy.name == preset
    assert all(source.startswith("https://") for source in policy.document.sources)
    assert policy.is_legacy is (preset in ("kev-due-date", "cisa-bod-19-02", "fedramp-rev5", "pci-dss-4.0"))
    assert not policy.is_legacy or "revoked" in policy.document.title or "legacy" in policy.document.title


def test_every_preset_judges_a_tenant_of_every_kind() -> None:
    tenant = _by_severity()
    verdicts: dict[str, list[Row]] = {name: tenant.one("patch_compliance", name) for name in Policy.presets()}
    assert {len(rows) for rows in verdicts.values()} == {2}
    assert {row["policy"] for rows in verdicts.values() for row in rows} == set(Policy.presets())
