"""``policy check``, ``policy show`` and ``policy diff``: what a person reads, and what a program does."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from defender_assets.compliance import Policy
from defender_assets.lake import Lake

from ..report.fleet import DAY, Fleet
from .program import invoke

WRONG = """\
name: contoso
patch:
  severity_days: {critcal: 7}
  kev: always
"""
OURS = """\
name: contoso
title: Contoso's policy
patch:
  severity_days: {critical: 2}
scopes:
  - {name: servers, match: {groups: [web_servers]}, patch: {due_soon_days: 3}}
"""


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy of one's own, in the working directory, and a lake that is still empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    path = Path("contoso.yaml")
    path.write_text(OURS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fleet_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three devices of which one is overdue; another has a critical finding that is due in 12 days."""
    fleet = Fleet()
    fleet.device("a", group="Web Servers")
    fleet.device("b", group="Office")
    fleet.device("c\x1b[31m", group="Office", silent=5)
    fleet.finding("a", "CVE-2026-0001", "Critical", overdue=-12)
    fleet.finding("b", "CVE-2026-0002", "High", overdue=3)
    fleet.antivirus("a")
    fleet.control("a", "scid-2010", True)
    lake = Lake(tmp_path_factory.mktemp("fleet") / "lake")
    fleet.into(lake)
    return lake


def test_every_problem_is_told_with_its_line_and_the_answer_is_no(ours: Path) -> None:
    ours.write_text(WRONG, encoding="utf-8")
    result = invoke("policy", "check", str(ours))
    assert result.exit_code == 1
    head, *problems = result.stdout.splitlines()
    assert head == "contoso.yaml: 2 problems"
    assert problems[0].startswith(
        "  contoso.yaml line 3: patch.severity_days.critcal: there is no such setting; did you mean critical?"
    )
    assert problems[1].startswith("  contoso.yaml line 4: patch.kev: must be earlier_due_date, ignore, or {days: N}")


def test_the_problems_as_json_name_file_line_and_setting(ours: Path) -> None:
    ours.write_text(WRONG, encoding="utf-8")
    result = invoke("policy", "check", str(ours), "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["policy"]) == (1, False, None)
    assert [(row["file"], row["line"], row["setting"]) for row in told["problems"]] == [
        ("contoso.yaml", 3, "patch.severity_days.critcal"),
        ("contoso.yaml", 4, "patch.kev"),
    ]


def test_a_good_policy_without_a_lake_says_what_was_not_looked_at(ours: Path) -> None:
    result = invoke("policy", "check", str(ours))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "contoso.yaml: no problem",
        "  not compared with a fleet: there are no devices in the lake (DEFENDER_LAKE)",
    ]


def test_names_that_match_nothing_in_the_lake_are_warnings(ours: Path, fleet_lake: Lake) -> None:
    result = invoke("policy", "check", str(ours), DEFENDER_LAKE=fleet_lake.root)
    assert result.exit_code == 0
    head, *warnings = result.stdout.splitlines()
    assert head == "contoso.yaml: no problem, 2 warnings"
    assert warnings[0] == (
        '  warning: contoso.yaml line 6: scopes.0.match.groups: scope "servers": no device is in it: no device is in '
        'the device group "web_servers" (the fleet has "Web Servers")'
    )
    assert "controls.required" in warnings[1]
    assert "scid-2000" in warnings[1]
    assert "scid-2010" not in warnings[1]
    assert warnings[2] == f"  compared with the fleet of {DAY}"


ADVICE = [
    # what the file says, what is said of it
    ("patch: {due_soon_days: 3}\n", "name: has no name of its own: tables and report say default"),
    ("name: default\npatch: {due_soon_days: 3}\n", "line 1: name: default is the name of a policy that ships"),
    ("name: x\n", "says nothing but what the policy says that it extends"),
    ("name: x\nextends: kev-due-date\npatch: {due_soon_days: 3}\n", "legacy: the owner"),
    (
        "name: x\nextends: cis-v8.1\npatch: {severity_days: {critical: 3, low: none}}\n",
        "line 3: patch.severity_days: findings of severity high, medium have no due date",
    ),
    (
        "name: x\npatch:\n  rules:\n    - {name: all, due: 3}\n    - {name: later, when: {severity: high}, due: 1}\n",
        "line 5: patch.rules.1: rule later never decides",
    ),
    (
        "name: x\npatch:\n  rules: [{name: a, when: {severity: critical}, due: 30}]\n",
        "line 3: patch.rules: no rule gives findings of severity high, medium, low a due date",
    ),
    (
        "name: x\npatch:\n  rules: []\n",
        "line 3: patch.rules: no rule gives findings of severity critical, high, medium, low a due date",
    ),
    (
        "name: x\npatch:\n  rules: [{name: a, when: {severity: critical}, due: 3}, {name: rest, due: none}]\n",
        "line 3: patch.rules: no rule gives findings of severity high a due date",
    ),
    (
        "name: x\npatch:\n  severity_days:\n    critical: none\n    high: none\n",
        "line 4: patch.severity_days.critical: findings of severity critical, high have no due date",
    ),
    (
        "name: x\nscopes:\n  - {name: s, match: {platforms: linux}, patch: {rules: []}}\n",
        "line 3: scopes.0.patch.rules: scope s: no rule gives findings of severity critical, high, medium, low",
    ),
]


@pytest.mark.parametrize(("text", "said"), ADVICE)
def test_what_is_allowed_and_probably_not_meant_is_a_warning(ours: Path, text: str, said: str) -> None:
    ours.write_text(text, encoding="utf-8")
    result = invoke("policy", "check", str(ours))
    assert result.exit_code == 0
    assert said in result.stdout
    assert "no problem, 1 warning" in result.stdout


def test_what_is_meant_or_belongs_to_a_preset_is_no_warning(ours: Path) -> None:
    for text in (
        "name: x\npatch: {severity_days: {medium: none, low: none}}\n",
        "name: x\npatch: {rules: [{name: a, when: {severity: [critical, high]}, due: 3}, {name: b, due: none}]}\n",
        "name: x\npatch: {rules: [{name: a, when: {exposed: yes}, due: 3}]}\n",
        "name: x\nextends: cisa-bod-26-04\npatch: {due_soon_days: 3}\n",
    ):
        ours.write_text(text, encoding="utf-8")
        assert invoke("policy", "check", str(ours)).stdout.splitlines()[0] == "contoso.yaml: no problem"


@pytest.mark.parametrize("preset", Policy.presets())
def test_no_preset_deserves_a_warning_but_for_being_withdrawn(ours: Path, preset: str) -> None:
    warnings = json.loads(invoke("policy", "check", preset, "--json").stdout)["warnings"]
    assert [warning["setting"] for warning in warnings] == (["status"] if Policy.load(preset).is_legacy else [])


def test_exemptions_that_end_are_warnings_on_the_day_that_it_is(ours: Path) -> None:
    today = date.today()
    lines = [
        f"  - {{id: E{number}, reason: r, approved_by: a, expires: {today + timedelta(days=left)}, tags: [x]}}\n"
        for number, left in enumerate((-3, 20, 300))
    ]
    ours.write_text("name: contoso\nexemptions:\n" + "".join(lines), encoding="utf-8")
    warnings = json.loads(invoke("policy", "check", str(ours), "--json").stdout)["warnings"]
    assert [warning["setting"] for warning in warnings] == ["exemptions.0.expires", "exemptions.1.expires"]


def test_a_file_that_is_not_there_is_wrong_use(ours: Path) -> None:
    for words in (("check", "no.yaml"), ("show", "no.yaml"), ("diff", "default", "no.yaml")):
        result = invoke("policy", *words)
        assert result.exit_code == 2
        assert "there is no such file" in result.stderr
    assert invoke("policy", "diff").exit_code == 2


def test_a_binary_file_and_a_folder_are_problems_in_a_sentence(ours: Path, tmp_path: Path) -> None:
    ours.write_bytes(b"\x7fELF\x00\xff\xfe")
    for file in (str(ours), str(tmp_path)):
        result = invoke("policy", "check", file)
        assert (result.exit_code, "1 problem" in result.stdout) == (1, True)


@pytest.mark.parametrize("preset", Policy.presets())
def test_what_show_prints_is_a_policy_file_that_judges_the_same(ours: Path, preset: str) -> None:
    shown = invoke("policy", "show", preset)
    assert shown.exit_code == 0
    copy = Path("copy.yaml")
    copy.write_text(shown.stdout, encoding="utf-8")
    assert Policy.load(copy).digest == Policy.load(preset).digest


def test_show_says_where_each_setting_is_written(ours: Path) -> None:
    lines = invoke("policy", "show", str(ours)).stdout.splitlines()
    origins = {line.split("  # ")[0].strip(): line.split("  # ")[-1] for line in lines}
    assert origins["critical: 2"] == "contoso.yaml line 4"
    assert origins["due_soon_days: 3"] == "contoso.yaml line 6"
    assert origins["high: 30"].startswith("default line ")
    # and as JSON, for the settings that the scope takes over too
    told = json.loads(invoke("policy", "show", str(ours), "--json").stdout)
    settings = {row["setting"]: row for row in told["settings"]}
    assert (told["name"], told["digest"]) == ("contoso", Policy.load(ours).digest)
    assert settings["scopes.0.patch.severity_days.critical"]["line"] == 4
    assert settings["patch.severity_days.high"]["value"] == 30


def test_show_without_a_name_shows_the_policy_of_the_settings(ours: Path) -> None:
    assert "name: contoso" in invoke("policy", "show", DEFENDER_POLICY=str(ours)).stdout
    assert "name: default" in invoke("policy", "show").stdout
    listed = invoke("policy", "show", "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(Policy.presets())


def test_diff_names_the_settings_that_differ_and_without_a_lake_says_so(ours: Path) -> None:
    result = invoke("policy", "diff", "default", str(ours))
    assert result.exit_code == 0
    assert "Settings: 2 differences" in result.stdout
    assert "  patch.severity_days.critical: 15 -> 2\n" in result.stdout
    assert "  scopes[servers]: (not there) -> {name: servers" in result.stdout
    assert "Devices: not compared; the lake at" in result.stdout
    told = json.loads(invoke("policy", "diff", "default", "default", "--json").stdout)
    assert (told["settings"], told["effects"]) == ([], None)
    assert "holds no devices" in told["not_compared"]


def test_diff_tells_rules_and_levels_one_by_one(ours: Path) -> None:
    lines = invoke("policy", "diff", "default", "cis-v8.1").stdout.splitlines()
    assert "  patch.severity_days.critical: 15 -> (not there)" in lines
    assert "  patch.rules[everything: 30 days]: (not there) -> {name: 'everything: 30 days', due: 30 days}" in lines
    # an entry that both have is compared within
    text = "name: contoso\nexemptions: [{{id: E1, reason: r, approved_by: a, expires: {}, tags: [x]}}]\n"
    ours.write_text(text.format("2027-01-01"), encoding="utf-8")
    Path("longer.yaml").write_text(text.format("2027-06-01"), encoding="utf-8")
    told = json.loads(invoke("policy", "diff", str(ours), "longer.yaml", "--json").stdout)
    assert told["settings"] == [
        {"setting": "exemptions[E1].expires", "before": "'2027-01-01'", "after": "'2027-06-01'"}
    ]


def test_diff_names_the_devices_whose_verdict_changes_and_publishes_nothing(ours: Path, fleet_lake: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(fleet_lake.root).rglob("*")}
    result = invoke("policy", "diff", "default", str(ours), DEFENDER_LAKE=fleet_lake.root)
    assert result.exit_code == 0, result.stderr
    devices = result.stdout.partition("\nDevices")[2].splitlines()
    # a's critical finding was first seen three days ago: due in twelve days under the one, for a day under the other
    assert devices == [
        f" of {DAY}: 3 records",
        "  population: no change",
        "  patch verdict: compliant -> noncompliant: 1 device",
        "      a: compliant -> noncompliant",
        "  agent verdict: no change",
        "  configuration verdict: no change",
        "  findings: on_time -> overdue: 1 finding",
    ]
    told = json.loads(invoke("policy", "diff", "default", str(ours), "--json", DEFENDER_LAKE=fleet_lake.root).stdout)
    effects = told["effects"]
    assert effects["verdicts"]["patch"] == [{"before": "compliant", "after": "noncompliant", "count": 1}]
    assert [device["device_id"] for device in effects["changed"]["patch"]] == ["a"]
    assert {path: path.stat().st_mtime_ns for path in Path(fleet_lake.root).rglob("*")} == before


def test_diff_of_populations_agents_and_a_day_that_is_not_there(ours: Path, fleet_lake: Lake) -> None:
    ours.write_text("name: strict\npopulation: {inactive_after_days: 3}\n", encoding="utf-8")
    told = json.loads(invoke("policy", "diff", "default", str(ours), "--json", DEFENDER_LAKE=fleet_lake.root).stdout)
    assert [(row["before"], row["after"]) for row in told["effects"]["populations"]] == [("eligible", "inactive")]
    result = invoke("policy", "diff", "default", str(ours), DEFENDER_LAKE=fleet_lake.root)
    assert "population: eligible -> inactive: 1 record" in result.stdout
    assert "      c\\x1b[31m: compliant -> unknown" in result.stdout
    result = invoke("policy", "diff", "default", str(ours), "--date", "2026-01-01", DEFENDER_LAKE=fleet_lake.root)
    assert result.exit_code == 1
    assert "device_identity needs machines" in result.stderr
