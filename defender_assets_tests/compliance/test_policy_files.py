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
    return [str(problem).replace(str(folder), "…") for problem in caught.value.problems]


def test_a_file_says_only_what_differs_from_the_policy_that_ships(tmp_path) -> None:
    policy = Policy.load(_file(tmp_path, "name: ours\npatch:\n  severity_days: {critical: 7, high: 14}\n"))
    assert policy.document.patch.severity_days == {"critical": 7, "high": 14, "medium": 90, "low": 180}
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
        ["line 4: patch.severity_days: the policy has both severity_days and rules; keep one"],
    ),
    (
        "name: x\nscopes:\n  - name: s\n    match: {tags: a}\n    patch:\n      severity_days: {high: 3}\n"
        "      rules: [{name: a, due: 3}]\n",
        ["line 7: scopes.0.patch.rules: the policy has both severity_days and rules; keep one"],
    ),
    ("name: x\npatch: {severity_days: null}\n", ["line 2: patch: needs either severity_days or rules"]),
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
        "name: x\nexemptions:\n  - {id: E1, reason: r, approved_by: me, expires: never, cves: CVE-2026-0001}\n",
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
    (
        "name: x\npatch:\n  severity_days:\n    critical: 3\n    Critical: 1\n",
        ["line 5: patch.severity_days.critical is given twice"],
    ),
    ("name: [x\n", ["line 2: not valid YAML"]),
    ("- name: x\n", ["a policy is a mapping of settings"]),
    ("name: x\nextends: nobody\n", ["there is no such file, and no preset of that name (presets: ", "cisa-bod-26-04"]),
    (
        "name: x\nagent: {noncompliant_when: [bad_luck]}\n",
        ["line 2: agent.noncompliant_when.0: input should be 'agent_unsupp"],
    ),
    ("name: x\nextends: null\n", ["title: is missing", "patch: is missing"]),
    (
        "name: x\npatch:\n  severity_days: {critcal: 7}\n",
        ["line 3: patch.severity_days.critcal: there is no such setting; did you mean critical? (allowed here: "],
    ),
    (
        "name: x\npatch:\n  rules:\n    - {name: a, when: {severity: [hihg]}, due: 3}\n",
        ["line 4: patch.rules.0.when.severity.0: input should be 'critical'", "did you mean high?"],
    ),
    (
        "name: x\npatch:\n  rules:\n    - {name: a, when: {category: browsers}, due: 3}\n"
        "categories: [{category: browser, names: edge}]\n",
        ["line 4: patch.rules.0.when.category: no entry of categories defines browsers; did you mean browser?"],
    ),
    (
        "name: x\nscopes:\n  - {name: s, match: {platforms: [win]}, patch: {due_soon_days: 1}}\n",
        ["line 3: scopes.0.match.platforms.0: input should be 'windows', 'macos', 'linux'", "did you mean windows?"],
    ),
    (
        "name: x\nscopes:\n  - {name: all devices, match: {tags: a}, patch: {due_soon_days: 1}}\n",
        ["line 3: scopes.0.name: 'all devices' is what those are called that are in no scope"],
    ),
    (
        "name: x\nchecks: {freshness_hours: {machine: 3}}\n",
        ["line 2: checks.freshness_hours.machine: there is no such table that is fetched; did you mean machines?"],
    ),
    ("name: x\ncontrols: {required: [2010]}\n", ["line 2: controls.required.0: input should be a valid string (put"]),
    ("name: x\ncontrols: {required: [scid2010]}\n", ["line 2: controls.required.0: must be the id of a configuration"]),
    (
        "name: x\nexemptions:\n  - {id: E1, reason: r, approved_by: me, expires: 2027-01-01, cves: 2026-1}\n",
        ["line 3: exemptions.0.cves.0: must be the id of a CVE, CVE-YYYY-NNNN"],
    ),
    (
        "name: x\nexploited_levels: [ExploitIsKnown]\n",
        ["line 2: exploited_levels.0: input should be 'ExploitIsPublic'"],
    ),
    ("name: x\nextends: defualt\n", ["line 2: extends: …/defualt: there is no such file", "did you mean default?"]),
    ("name: x\nremediation: {window_days: 1e3}\n", ["line 2: remediation.window_days: "]),
    ("name: x\nagent: {newest_release_min_share_pct: .nan}\n", ["line 2: agent.newest_release_min_share_pct: "]),
    ("", ["the file is empty"]),
    ("# nothing\n", ["the file is empty"]),
    ("name: x\npatch:\n\tkev: ignore\n", ["line 3: not valid YAML", "indent with spaces"]),
    ("? [a, b]\n: c\nname: x\n", ["line 1: the name of a setting is one word"]),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line_and_what_is_allowed(tmp_path, text, said) -> None:
    told = "\n".join(_problems(tmp_path, text))
    for words in said:
        assert words in told


def test_every_problem_is_told_at_once(tmp_path) -> None:
    text = "name: x\npatch: {due_soon_days: soon, kev: always}\nfoo: 1\n"
    assert len(_problems(tmp_path, text)) == 3


def test_what_is_wrong_in_every_way_is_told_at_once(tmp_path) -> None:
    # given a setting given twice, one that does not exist, a name that nothing defines, and two scopes of one name
    text = """
name: x
name: y
patch: {severity_days: {critcal: 7}}
scopes:
  - {name: s, match: {tags: a}, patch: {rules: [{name: r, when: {category: toys}, due: 3}]}}
  - {name: s, match: {}, patch: {due_soon_days: 3}}
"""
    told = _problems(tmp_path, text)
    assert [problem.split(": ")[0].rpartition(" ")[2] for problem in told] == ["3", "4", "6", "7", "7"]


def test_a_level_that_is_given_alone_changes_that_level_alone(tmp_path) -> None:
    for level in ("critical", "Critical"):
        policy = Policy.load(_file(tmp_path, f"name: ours\npatch: {{severity_days: {{{level}: 7}}}}\n"))
        assert policy.document.patch.severity_days == {"critical": 7, "high": 30, "medium": 90, "low": 180}
    # and a level can be taken out
    policy = Policy.load(_file(tmp_path, "name: ours\npatch: {severity_days: {low: none}}\n"))
    tenant = Tenant().machine("a").finding("a", vulnerability_severity_level="Low")
    assert [row["state"] for row in tenant.one("patch_findings", policy)] == ["no_due_date"]


def test_a_level_has_its_line_however_it_is_written(tmp_path) -> None:
    policy = Policy.load(
        _file(
            tmp_path,
            "name: ours\npatch:\n  severity_days:\n    Critical: 1\n"
            "scopes:\n  - name: s\n    match: {tags: a}\n    patch:\n      severity_days:\n        HIGH: 2\n",
        )
    )
    lines = {setting: mark.line for setting, _, mark in policy.settings if not mark.is_shipped}
    assert (lines["patch.severity_days.critical"], lines["scopes.0.patch.severity_days.high"]) == (4, 10)


def test_maps_are_merged_at_any_depth_and_lists_are_replaced(tmp_path) -> None:
    policy = Policy.load(
        _file(
            tmp_path,
            "name: ours\nchecks: {freshness_hours: {machines: 3}}\npatch: {unknown: {exposed: yes}}\n"
            "controls: {required: SCID-2010}\n",
        )
    )
    default = Policy.load().document
    assert policy.document.checks.freshness_hours == {**default.checks.freshness_hours, "machines": 3}
    assert policy.document.patch.unknown == default.patch.unknown.model_copy(update={"exposed": True})
    assert policy.document.controls.required == ("scid-2010",)


def test_days_by_severity_displace_the_rules_of_the_policy_that_is_extended(tmp_path) -> None:
    policy = Policy.load(_file(tmp_path, "name: x\nextends: pci-dss-4.0.1\npatch: {severity_days: {critical: 7}}\n"))
    assert [rule.name for rule in policy.document.patch.decision_table] == ["severity critical"]


def test_a_policy_without_a_title_does_not_carry_the_one_of_another(tmp_path) -> None:
    policy = Policy.load(_file(tmp_path, "name: ours\npatch: {severity_days: {critical: 7}}\n"))
    assert policy.document.title == "ours, on the base of default"


def test_an_exemption_covers_a_cve_however_its_id_is_written(tmp_path) -> None:
    policy = Policy.load(
        _file(
            tmp_path,
            "name: x\nexemptions: [{id: E1, reason: r, approved_by: a, expires: 2026-12-31, cves: cve-2026-0001}]\n",
        )
    )
    (finding,) = Tenant().machine("a").finding("a", "CVE-2026-0001").one("patch_findings", policy)
    assert finding["state"] == "exempt"


ALIASES = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11))
"""Ten lines that stand for three thousand million values."""

HOSTILE = [
    (ALIASES, "no policy is that large"),
    ("name: &n [*n]\n", "no policy is that large"),
    ("name: " + "[" * 5_000 + "]" * 5_000, "no policy is that large"),
    ("name: " + "x" * 1_000_001, "larger than 1,000,000 bytes"),
    (b"\x7fELF\x02\x01\xff\xfe\x00", "UTF-8"),
    ("name: x\n".encode("utf-16"), "UTF-8"),
    ("name: !!python/object/apply:os.system [ls]\n", "name"),
    ("name: x\n<script>alert(1)</script>: 1\n", "there is no such setting"),
    ('name: "\\u202ex"\nfoo\\u202e: 1\n', "there is no such setting"),
]


@pytest.mark.parametrize(("content", "said"), HOSTILE)
def test_a_file_that_is_no_policy_is_refused_with_a_sentence(tmp_path, content, said) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 2_000


def test_rules_that_tell_too_much_apart_are_refused(tmp_path) -> None:
    names = [f"kind{number}" for number in range(100)]
    when = "{severity: high, in_kev: yes, exposed: yes, automatable: yes, exploited: yes, technical_impact: total}"
    rules = f"    - {{name: all, when: {when}, due: 1}}\n" + "".join(
        f"    - {{name: {name}, when: {{category: {name}}}, due: 1}}\n" for name in names
    )
    categories = "".join(f"  - {{category: {name}, names: {name}}}\n" for name in names)
    (problem,) = _problems(tmp_path, f"name: x\npatch:\n  rules:\n{rules}categories:\n{categories}")
    assert "line 3: patch.rules: the rules tell 16,160 combinations apart, more than 5,000" in problem


def test_a_folder_and_names_that_no_file_can_have_are_refused(tmp_path) -> None:
    for name, said in ((tmp_path, "is a folder"), ("a\0b", "cannot be read"), ("x" * 5_000, "cannot be read")):
        with pytest.raises(PolicyError, match=said):
            Policy.load(name)


def test_a_file_as_windows_saves_it_is_read(tmp_path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: ours\r\npatch: {due_soon_days: 3}\r\n")
    assert Policy.load(path).document.patch.due_soon_days == 3


def test_each_setting_has_the_line_where_it_is_written(tmp_path) -> None:
    policy = Policy.load(
        _file(
            tmp_path,
            "name: ours\nextends: essential8-ml1\npatch:\n  due_soon_days: 3\n"
            "categories:\n  - {category: toy, names: doll}\n"
            "scopes:\n  - {name: s, match: {tags: a}, patch: {kev: ignore}}\n",
        )
    )
    preset = (Path(__file__).parents[2] / "defender_assets/compliance/policies/essential8-ml1.yaml").read_text()
    lines = {setting["setting"]: setting for setting in policy.tables["policy_lines"].to_pylist()}
    assert lines["patch.due_soon_days"]["line"] == 4
    assert lines["categories.0.category"]["line"] == 6
    # what is taken over has the line of the other file, wherever it stands now
    first = lines["categories.1.category"]
    assert first["file"].startswith("essential8-ml1 ")
    assert "windows_*" in preset.splitlines()[first["line"] - 1]
    assert lines["scopes.0.patch.kev"]["line"] == 8
    assert lines["scopes.0.patch.rules.0.name"] == {
        **lines["patch.rules.0.name"],
        "setting": "scopes.0.patch.rules.0.name",
    }
    # a list that was replaced leaves no line behind
    assert not any(setting.startswith("patch.severity_days") for setting in lines)


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
  - {id: by-cve, reason: r, approved_by: a, expires: 2026-12-31, cves: [CVE-2026-0001]}
  - {id: by-device, reason: r, approved_by: a, expires: 2026-12-31, devices: [printer]}
  - {id: by-name, reason: r, approved_by: a, expires: 2026-12-31, devices: [KIOSK.contoso.example]}
  - {id: by-tag, reason: r, approved_by: a, expires: 2026-12-31, tags: [Lab]}
  - {id: by-tag-and-group, reason: r, approved_by: a, expires: 2026-12-31, tags: [old], groups: [plant]}
  - {id: by-product, reason: r, approved_by: a, expires: 2026-12-31, products: {vendor: Contoso, name: Viewer}}
  - {id: by-version, reason: r, approved_by: a, expires: 2026-12-31, products: {name: player, version: "2.0"}}
  - {id: by-tag-and-cve, reason: r, approved_by: a, expires: 2026-12-31, tags: [old], cves: [CVE-2026-0002]}
  - {id: by-cve-and-product, reason: r, approved_by: a, expires: 2026-12-31, cves: [CVE-2026-0003],
     products: {name: editor}}
  - {id: by-all, reason: r, approved_by: a, expires: 2026-12-31, groups: plant, cves: CVE-2026-0004,
     products: {name: suite}}
  - {id: last-day, reason: r, approved_by: a, expires: 2026-10-20, cves: [CVE-2026-0005]}
  - {id: expired, reason: r, approved_by: a, expires: 2026-10-19, cves: [CVE-2026-0006]}
"""

# device, CVE, software, version -> the exemption that covers it
COVERED = [
    ("plain", "CVE-2026-0001", "editor", "1.0", "by-cve"),
    ("plain", "CVE-2026-0009", "editor", "1.0", None),
    ("printer", "CVE-2026-0009", "editor", "1.0", "by-device"),
    ("kiosk", "CVE-2026-0009", "editor", "1.0", "by-name"),
    ("lab", "CVE-2026-0009", "editor", "1.0", "by-tag"),
    ("old", "CVE-2026-0009", "editor", "1.0", None),  # the group is missing
    ("old-plant", "CVE-2026-0009", "editor", "1.0", "by-tag-and-group"),
    ("plain", "CVE-2026-0009", "viewer", "3", "by-product"),
    ("plain", "CVE-2026-0009", "player", "2.0", "by-version"),
    ("plain", "CVE-2026-0009", "player", "2.1", None),
    ("old", "CVE-2026-0002", "editor", "1.0", "by-tag-and-cve"),
    ("plain", "CVE-2026-0002", "editor", "1.0", None),
    ("plain", "CVE-2026-0003", "editor", "1.0", "by-cve-and-product"),
    ("plain", "CVE-2026-0003", "suite", "1.0", None),
    ("plant", "CVE-2026-0004", "suite", "1.0", "by-all"),
    ("plant", "CVE-2026-0004", "editor", "1.0", None),
    ("plain", "CVE-2026-0004", "suite", "1.0", None),
    ("plain", "CVE-2026-0005", "editor", "1.0", "last-day"),  # until the end of its last day
    ("plain", "CVE-2026-0006", "editor", "1.0", None),
    ("printer", "CVE-2026-0001", "viewer", "1.0", "by-cve"),  # of several the first in the file is named
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


def test_what_a_policy_names_twice_counts_once(tmp_path) -> None:
    tenant = Tenant().machine("a", agent_version="10.8700.1.1").finding("a", exploitability_level="ExploitIsInKit")
    for release in (8740, 8750, 8760):
        tenant.machine(str(release), agent_version=f"10.{release}.1.1")
    tenant.control("a", "scid-2010", is_compliant=False).control("a", "scid-9")
    once, twice = tmp_path / "once.yaml", tmp_path / "twice.yaml"
    text = (
        "name: ours\nexploited_levels: {0}\nagent: {{noncompliant_when: {1}}}\ncontrols: {{required: {2}}}\n"
        "patch: {{rules: [{{name: all, when: {{exploited: yes}}, due: 3}}]}}\n"
    )
    once.write_text(text.format("[ExploitIsInKit]", "[agent_unsupported]", "[scid-2010]"))
    twice.write_text(
        text.format(
            "[ExploitIsInKit, exploitisinkit]", "[agent_unsupported, agent_unsupported]", "[scid-2010, SCID-2010]"
        )
    )
    tables = ("patch_findings", "software_exposure", "agent_compliance", "policy_compliance")
    assert tenant.derive(*tables, policy=Policy.load(once)) == tenant.derive(*tables, policy=Policy.load(twice))


@pytest.mark.parametrize(
    "value", ["!!timestamp hello", "!!bool hello", "!!int x", "!!float x", "2026-02-30", "9" * 5000]
)
def test_a_value_that_is_none_of_its_kind_is_told_with_its_line(tmp_path, value) -> None:
    (problem,) = _problems(tmp_path, f"name: x\ntitle: y\npatch: {{due_soon_days: {value}}}\n")
    assert problem.startswith("…/policy.yaml line 3: not valid YAML: ")
    assert "is no value of its kind" in problem


def test_a_loop_through_another_name_of_its_folder_is_a_loop(tmp_path) -> None:
    (problem,) = _problems(tmp_path, f"name: x\nextends: ../{tmp_path.name}/policy.yaml\n")
    assert "line 2: extends: " in problem
    assert problem.count("->") == 1


@pytest.mark.parametrize(
    "text",
    [
        "agent: {windows_max_releases_behind: 9223372036854775808}",
        "agent: {macos_expires_after_months: 9223372036854775808}",
        "checks: {freshness_hours: {machines: 9223372036854775808}}",
        "releases: [{component: av_engine, release: 9999999999999, released: 2026-01-01}]",
    ],
)
def test_numbers_that_no_table_can_hold_are_refused(tmp_path, text) -> None:
    (problem,) = _problems(tmp_path, f"name: x\n{text}\n")
    assert "line 2: " in problem
