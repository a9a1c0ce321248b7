"""The schema for editors: it accepts what the program accepts, and marks the mistakes that the program refuses."""

import json
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from defender_assets.compliance import Policy, PolicyError
from defender_assets.compliance.policy.read import preset_text

FILE = Path(__file__).parents[2] / "docs" / "policy.schema.json"


class Editor(yaml.SafeLoader):
    """YAML 1.2 as editors read it: ``yes`` and ``no`` are text, and so are dates."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def _schema() -> jsonschema.Draft202012Validator:
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def _marked(text: str) -> list[str]:
    """What either kind of editor marks."""
    loaders: tuple[type[yaml.SafeLoader], ...] = (yaml.SafeLoader, Editor)
    return [
        error.message for loader in loaders for error in _schema().iter_errors(_plain(yaml.load(text, Loader=loader)))
    ]


@pytest.mark.parametrize("preset", Policy.presets())
def test_every_preset_is_without_a_mark(preset) -> None:
    assert _marked(preset_text(preset)) == []


SHORT_FORMS = [
    "patch: {clock_start: {earliest_of: [first_seen, kev_added]}, kev: {days: 3}, severity_days: {low: none, high: 3}}",
    "patch: {rules: [{name: a, when: {severity: high, exposed: yes}, due: 14 days}, {name: b, due: 3}]}",
    "patch: {rules: [{name: a, due: on_upgrade}, {name: b, due: null}, {name: c, due: 1 month}]}",
    "patch: {unknown: {exposed: yes}}\nextends: cisa-bod-26-04",
    "exposure: {exposed_tags: dmz}\ncontrols: {required: SCID-2010, minimum_score: 0.5}",
    "scopes: [{name: s, match: {platforms: linux}, patch: {due_soon_days: 3}}]",
    "exemptions: [{id: E, reason: r, approved_by: a, expires: 2027-01-31, cves: cve-2026-0001, products: {name: x}}]",
    "releases: [{component: av_engine, release: 26090, released: 2026-10-06}]",
    "agent: {noncompliant_when: agent_behind}\nchecks: {freshness_hours: {machines: 3}}",
    "categories: [{category: browser, names: 'edge*'}]\nexploited_levels: ExploitIsInKit",
]


PAGE = (FILE.parent / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_page_runs_as_it_is_written(tmp_path, text) -> None:
    # given an example; those of single settings are sections of a file that has a name
    if text in PAGE.partition("<!-- settings -->")[2]:
        text = f"name: ours\n{text}"
    (tmp_path / "ours.yaml").write_text(text)
    assert Policy.load(tmp_path / "ours.yaml").advice() == []
    assert _marked(text) == []


@pytest.mark.parametrize("text", SHORT_FORMS)
def test_what_the_program_reads_is_without_a_mark(tmp_path, text) -> None:
    (tmp_path / "ours.yaml").write_text(f"name: ours\n{text}\n")
    assert Policy.load(tmp_path / "ours.yaml").name == "ours"
    assert _marked(f"name: ours\n{text}\n") == []


MISTAKES = [
    "patch: {severity_days: {critcal: 7}}",
    "patch: {severity_days: {high: soon}}",
    "patch: {severty_days: {high: 3}}",
    "patch: {rules: [{name: a, when: {severity: hihg}, due: 3}]}",
    "patch: {rules: [{name: a, due: a fortnight}]}",
    "patch: {rules: [{name: a}]}",
    "patch: {rules: [], severity_days: {high: 3}}",
    "patch: {kev: always}",
    "patch: {clock_start: yesterday}",
    "population: {inactive_after_days: -1}",
    "checks: {freshness_hours: {machine: 3}}",
    "scopes: [{name: s, match: {platforms: win}, patch: {due_soon_days: 3}}]",
    "controls: {required: [2010]}",
    "exemptions: [{id: E, reason: r, approved_by: a, expires: never, tags: x}]",
    "exemptions: [{id: E, reason: r, approved_by: a, expires: 2027-01-31, cves: 2026-1}]",
    "exemptions: [{id: E, cves: CVE-2026-0001, expires: 2027-01-31}]",
    "exploited_levels: [ExploitIsKnown]",
    "agent: strict",
    "foo: 1",
]


@pytest.mark.parametrize("text", MISTAKES)
def test_what_the_program_refuses_is_marked(tmp_path, text) -> None:
    (tmp_path / "ours.yaml").write_text(f"name: ours\n{text}\n")
    with pytest.raises(PolicyError):
        Policy.load(tmp_path / "ours.yaml")
    assert _marked(f"name: ours\n{text}\n")


def test_settings_have_the_meaning_that_the_policy_that_ships_gives_them() -> None:
    patch = _schema().schema["$defs"]["Patch"]["properties"]
    assert "nothing is overdue before it was there" in patch["published_grace_days"]["description"]
