"""Policy files: what they may say, what is told when they say something else, and what settings do."""

from pathlib import Path

import pytest

from defender_assets.compliance import Policy, PolicyError

from .tenant import AS_OF, Tenant, days


def _file(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        Policy.load(_file(folder, text))
    return [problem.replace(str(folder), "…") for problem in caught.value.problems]


def test_a_file_says_only_what_differs_from_the_policy_that_ships(tmp_path) -> None:
    policy = Policy.load(_file(tmp_path, "name: ours\npatch:\n  severity_days: {critical: 7, high: 14}\n"))
    assert policy.document.patch.severity_days == {"critical": 7, "high": 14}
    assert policy.document.patch.due_soon_days == 7
    assert policy.document.population == Policy.load("default").document.population
    assert policy.digest != Policy.load("default").digest


WRONG = [
    # what the file says, what is said of it: line, setting, and what is allowed
    (
        "name: x\npatch:\n  severty_days: {high: 3}\n",
        [
            "line 3: patch.severty_days: there is no such setting; did you mean severity_days?",
            "allowed here: clock_start",
        ],
    ),
    (
        "name: x\npatch:\n  severity_days:\n    high: soon\n",
        ["line 4: patch.severity_days.high: input should be a valid integer"],
    ),
    (
        "name: x\npopulation: {inactive_after_days: -1}\n",
        ["line 2: population.inactive_after_days", "greater than or equal"],
    ),
    (
        "name: x\npatch: {clock_start: yesterday}\n",
        ["line 2: patch.clock_start: must be one of first_seen, published, patch_available, kev_added, or earliest_of"],
    ),
    (
        "name: x\npatch: {clock_start: {earliest_of: [first_seen, noon]}}\n",
        ["line 2: patch.clock_start: must be one of"],
    ),
    ("name: x\npatch: {kev: always}\n", ["line 2: patch.kev: must be earlier_due_date, ignore, or {days: N}"]),
    ("name: x\npatch: {no_fix: maybe}\n", ["line 2: patch.no_fix: input should be 'do_not_count' or 'count'"]),
    (
        "name: x\npatch:\n  rules:\n    - {name: a, due: a fortnight}\n",
        ["line 4: patch.rules.0.due: must be a number of days, 'N hours', 'N days', 'N weeks', 'N months', or none"],
    ),
    (
        "name: x\npatch:\n  rules: [{name: a, due: 3}]\n  severity_days: {high: 3}\n",
        ["needs either severity_days or rules"],
    ),
    (
        "name: x\npatch:\n  rules:\n    - {name: a, when: {cvss_at_least: 7}, due: 3}\n"
        "    - {name: b, when: {cvss_at_least: 9}, due: 1}\n",
        ["cvss_at_least must be the same number in all rules"],
    ),
    (
        "name: x\nexemptions:\n  - {id: E1, reason: r, approved_by: me, expires: 2027-01-01}\n",
        ["may not cover everything"],
    ),
    (
        "name: x\nexemptions:\n  - {id: E1, reason: r, approved_by: me, expires: never, cves: CVE-1}\n",
        ["line 3: exemptions.0.expires: must be a date, YYYY-MM-DD"],
    ),
    ("name: x\nexemptions:\n  - {id: E1, cves: CVE-1, expires: 2027-01-01}\n", ["exemptions.0.reason: is missing"]),
    ("name: x\nscopes:\n  - {name: s, match: {}, patch: {}}\n", ["needs tags, groups, devices or platforms"]),
    (
        "name: x\nscopes:\n  - name: s\n    match: {tags: [a]}\n    patch:\n      due_soon_days: many\n",
        ["line 6: scopes.0.patch.due_soon_days: input should be a valid integer"],
    ),
    ("name: x\nagent: strict\n", ["line 2: agent: must be a mapping of settings"]),
    ("name: x\nname: y\n", ["line 2: name is given twice"]),
    ("name: [x\n", ["line 2: not valid YAML"]),
    ("- name: x\n", ["a policy is a mapping of settings"]),
    ("name: x\nextends: nobody\n", ["there is no such file, and no preset of that name (presets: ", "cisa-bod-26-04"]),
    (
        "name: x\nagent: {noncompliant_when: [bad_luck]}\n",
        ["line 2: agent.noncompliant_when.0: input should be 'agent_unsupp"],
    ),
    ("name: x\nextends: null\n", ["title: is missing", "patch: is missing"]),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line_and_what_is_allowed(tmp_path, text, said) -> None:
    told = "\n".join(_problems(tmp_path, text))
    for words in said:
        assert words in told


def test_every_problem_is_told_at_once(tmp_path) -> None:
    text = "name: x\npatch: {due_soon_days: soon, kev: always}\nfoo: 1\n"
    assert len(_problems(tmp_path, text)) == 3


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(PolicyError, match=r"missing\.yaml"):
        Policy.load("missing.yaml")


def test_a_policy_that_extends_itself_is_refused(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nextends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\nextends: a.yaml\n")
    with pytest.raises(PolicyError, match="extends itself"):
        Policy.load(tmp_path / "a.yaml")


def test_a_scope_gives_some_devices_stricter_rules_and_the_first_that_matches_counts(tmp_path) -> None:
    policy = Policy.load(
        _file(
            tmp_path,
            """
name: ours
scopes:
  - {name: crown jewels, match: {tags: [Crown-Jewel]}, patch: {severity_days: {high: 2}}}
  - {name: servers, match: {groups: [Servers], platforms: linux}, patch: {severity_days: {high: 14}, no_fix: count}}
""",
        )
    )
    tenant = (
        Tenant().machine("plain").machine("server", rbac_group_name="SERVERS").machine("penguin", os_platform="Ubuntu")
    )
    tenant.machine("jewel", rbac_group_name="Servers", machine_tags=["crown-jewel"])
    for device in ("plain", "server", "penguin", "jewel"):
        tenant.finding(device)
        tenant.finding(device, "CVE-2", security_update_available=False)
    found = {(row["device_id"], row["cve_id"]): row for row in tenant.one("patch_findings", policy)}
    due = {
        device: found[device, "CVE-2026-0001"]["due_at"] - AS_OF for device in ("plain", "server", "penguin", "jewel")
    }
    assert due == {"plain": days(20), "server": days(4), "penguin": days(4), "jewel": days(-8)}
    assert found["jewel", "CVE-2026-0001"]["decided_by"] == "severity high; scope crown jewels"
    assert found["plain", "CVE-2026-0001"]["decided_by"] == "severity high"
    # what a scope does not say is as for all devices
    assert {device: found[device, "CVE-2"]["state"] for device in due} == {
        "plain": "no_fix",
        "server": "due_soon",
        "penguin": "due_soon",
        "jewel": "no_fix",
    }


EXEMPTIONS = """
name: ours
exemptions:
  - {id: by-cve, reason: r, approved_by: a, expires: 2026-12-31, cves: [CVE-1]}
  - {id: by-device, reason: r, approved_by: a, expires: 2026-12-31, devices: [printer]}
  - {id: by-name, reason: r, approved_by: a, expires: 2026-12-31, devices: [KIOSK.contoso.example]}
  - {id: by-tag, reason: r, approved_by: a, expires: 2026-12-31, tags: [Lab]}
  - {id: by-tag-and-group, reason: r, approved_by: a, expires: 2026-12-31, tags: [old], groups: [plant]}
  - {id: by-product, reason: r, approved_by: a, expires: 2026-12-31, products: {vendor: Contoso, name: Viewer}}
  - {id: by-version, reason: r, approved_by: a, expires: 2026-12-31, products: {name: player, version: "2.0"}}
  - {id: by-tag-and-cve, reason: r, approved_by: a, expires: 2026-12-31, tags: [old], cves: [CVE-2]}
  - {id: by-cve-and-product, reason: r, approved_by: a, expires: 2026-12-31, cves: [CVE-3], products: {name: editor}}
  - {id: by-all, reason: r, approved_by: a, expires: 2026-12-31, groups: plant, cves: CVE-4, products: {name: suite}}
  - {id: last-day, reason: r, approved_by: a, expires: 2026-10-20, cves: [CVE-5]}
  - {id: expired, reason: r, approved_by: a, expires: 2026-10-19, cves: [CVE-6]}
"""

# device, CVE, software, version -> the exemption that covers it
COVERED = [
    ("plain", "CVE-1", "editor", "1.0", "by-cve"),
    ("plain", "CVE-9", "editor", "1.0", None),
    ("printer", "CVE-9", "editor", "1.0", "by-device"),
    ("kiosk", "CVE-9", "editor", "1.0", "by-name"),
    ("lab", "CVE-9", "editor", "1.0", "by-tag"),
    ("old", "CVE-9", "editor", "1.0", None),  # the group is missing
    ("old-plant", "CVE-9", "editor", "1.0", "by-tag-and-group"),
    ("plain", "CVE-9", "viewer", "3", "by-product"),
    ("plain", "CVE-9", "player", "2.0", "by-version"),
    ("plain", "CVE-9", "player", "2.1", None),
    ("old", "CVE-2", "editor", "1.0", "by-tag-and-cve"),
    ("plain", "CVE-2", "editor", "1.0", None),
    ("plain", "CVE-3", "editor", "1.0", "by-cve-and-product"),
    ("plain", "CVE-3", "suite", "1.0", None),
    ("plant", "CVE-4", "suite", "1.0", "by-all"),
    ("plant", "CVE-4", "editor", "1.0", None),
    ("plain", "CVE-4", "suite", "1.0", None),
    ("plain", "CVE-5", "editor", "1.0", "last-day"),  # until the end of its last day
    ("plain", "CVE-6", "editor", "1.0", None),
    ("printer", "CVE-1", "viewer", "1.0", "by-cve"),  # of several the first in the file is named
]


def test_exemptions_cover_what_they_name_until_their_last_day(tmp_path) -> None:
    tenant = Tenant().machine("plain").machine("printer").machine("kiosk").machine("lab", machine_tags=["x", "lab"])
    tenant.machine("old", machine_tags=["old"]).machine("old-plant", machine_tags=["Old"], rbac_group_name="Plant")
    tenant.machine("plant", rbac_group_name="plant")
    for device, cve, name, version, _ in COVERED:
        values = {"software_name": name, "software_version": version, "first_seen_timestamp": AS_OF - days(99)}
        tenant.finding(device, cve, **values)
    policy = Policy.load(_file(tmp_path, EXEMPTIONS))
    found = {
        (row["device_id"], row["cve_id"], row["software_name"], row["software_version"]): row
        for row in tenant.one("patch_findings", policy)
    }
    told = [(*row[:4], found[row[:4]]["state"], found[row[:4]]["decided_by"]) for row in COVERED]
    assert told == [
        (*row[:4], "exempt", f"exemption {row[4]}") if row[4] else (*row[:4], "overdue", "severity high")
        for row in COVERED
    ]
    verdicts = {row["device_id"]: row for row in tenant.one("patch_compliance", policy)}
    assert (verdicts["printer"]["verdict"], verdicts["printer"]["exempt_findings"]) == ("compliant", 2)
    assert verdicts["plain"]["verdict"] == "noncompliant"


SETTINGS = [
    ("patch: {kev: ignore}", {"CVE-kev": "on_time"}),
    ("patch: {kev: {days: 3}}", {"CVE-kev": "due_soon"}),
    ("patch: {no_fix: count}", {"CVE-no-fix": "overdue"}),
    ("patch: {due_soon_days: 30}", {"CVE-new": "due_soon"}),
    ("patch: {clock_start: published}", {"CVE-new": "overdue"}),
    ("patch: {clock_start: {earliest_of: [published, first_seen]}}", {"CVE-new": "overdue", "CVE-kev": "overdue"}),
    ("patch: {clock_start: kev_added}", {"CVE-kev": "overdue", "CVE-new": "on_time"}),
    ("patch: {severity_days: {high: 5}}", {"CVE-new": "overdue"}),
]


@pytest.mark.parametrize(("setting", "states"), SETTINGS)
def test_settings_change_what_they_name(tmp_path, setting, states) -> None:
    tenant = Tenant().machine("a").finding("a", "CVE-new").finding("a", "CVE-kev")
    tenant.finding("a", "CVE-no-fix", security_update_available=False, first_seen_timestamp=AS_OF - days(99))
    midnight = AS_OF.replace(hour=0, minute=0)
    tenant.add("kev", cve_id="CVE-kev", date_added=midnight - days(1), due_date=midnight - days(1))
    tenant.add("vulnerabilities", id="CVE-new", published_on=AS_OF - days(50))
    usual = {cve: row["state"] for cve, row in tenant.by_cve().items()}
    assert usual == {"CVE-new": "on_time", "CVE-kev": "overdue", "CVE-no-fix": "no_fix"}
    changed = {
        cve: row["state"] for cve, row in tenant.by_cve(Policy.load(_file(tmp_path, f"name: x\n{setting}\n"))).items()
    }
    assert changed == usual | states


def test_inactivity_is_a_setting(tmp_path) -> None:
    policy = Policy.load(_file(tmp_path, "name: x\npopulation: {inactive_after_days: 3, duplicate_after_days: 1}\n"))
    tenant = Tenant().machine("a", last_seen=AS_OF - days(4)).machine("b", computer_dns_name="n")
    tenant.machine("c", computer_dns_name="n", last_seen=AS_OF - days(2))
    found = tenant.by_device("device_identity", policy)
    assert {device: row["population"] for device, row in found.items()} == {
        "a": "inactive",
        "b": "eligible",
        "c": "duplicate",
    }


def test_a_file_with_characters_that_yaml_refuses_is_named(tmp_path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("name: \x1b[31m")
    with pytest.raises(PolicyError, match="not valid YAML") as refusal:
        Policy.load(str(path))
    assert str(path) in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
