"""Rules of the house that a machine can check."""

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from defender_assets.catalog import CORE_ROLES, DATASETS, TABLES, comes_with_core_roles
from defender_assets.catalog.page import with_permissions
from defender_assets.compliance.policy.page import with_policy_tables
from defender_assets.compliance.policy.schema import schema_text
from defender_assets.queries.dictionary import kept_answers, pages_with_questions
from defender_assets.queries.questions import questions
from defender_assets.settings.page import with_settings

from .places import MODULES, PACKAGE, ROOT

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
MOST_LINES = 400
ANSWERS = kept_answers(ROOT / "docs")
PAGES = pages_with_questions(ANSWERS)


def test_the_rooms_import_only_what_they_may():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "text"), PAGES.items(), ids=PAGES)
def test_the_data_dictionary_is_current(name, text):
    assert (ROOT / "docs" / "tables" / name).read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_data_dictionary_has_no_page_of_a_table_that_is_gone():
    assert {path.name for path in (ROOT / "docs" / "tables").iterdir()} == set(PAGES)


def test_every_question_has_an_answer_of_the_demo_on_its_page():
    assert {name for name, answer in ANSWERS.items() if answer["rows"]} == set(questions()), "run `make answers`"
    on_pages = [line for text in PAGES.values() for line in text.splitlines() if line.startswith("In the demo ")]
    assert len(on_pages) == len(questions())


def test_the_table_of_settings_is_current():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == with_settings(page), "run `make docs`"
    assert "DEFENDER_CLIENT_SECRET" in page


def test_the_settings_and_presets_in_the_page_on_policies_are_current():
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert page == with_policy_tables(page), "run `make docs`"
    assert "patch.kev_grace_days" in page


def test_the_schema_for_editors_is_current():
    assert (ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8") == schema_text(), "run `make docs`"


def test_the_steps_of_registration_ask_for_exactly_the_permissions_of_the_catalog():
    page = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
    assert page == with_permissions(page, TABLES), "run `make docs`"
    for role in CORE_ROLES:
        assert page.count(role) >= 2, f"{role} is in both lists"
    for dataset in DATASETS.values():
        assert comes_with_core_roles(dataset) or f"tables/{dataset.name}.md" in page
        assert dataset.permission in page


def test_every_dependency_has_a_line_of_reason_and_a_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    (section,) = re.findall(
        r"^## Dependencies, and why\n(.*?)^## ", CONTRIBUTING.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    for requirement in itertools.chain(project["dependencies"], *extras.values()):
        name = re.split(r"[\[><=~! ]", requirement)[0]
        if name in (project["name"], "pandas-stubs") or name.startswith("types-"):
            continue
        assert re.search(rf"\b{name}\b", section), f"{name} has no reason in CONTRIBUTING.md"
        assert f"\n{name.lower()}==" in f"\n{pins}", f"{name} is not pinned in constraints.txt"
    assert "://" not in pins, "constraints.txt names versions, never an address"


def test_no_module_is_longer_than_fits_in_the_head():
    lines = {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
