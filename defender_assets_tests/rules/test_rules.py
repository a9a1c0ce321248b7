"""Rules of the house that a machine can check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from defender_assets.catalog import DATASETS, TABLES
from defender_assets.catalog.page import pages
from defender_assets.settings.page import with_settings

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for path in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()
    if (ROOT / path).is_file()
]  # fmt: skip


def test_the_rooms_import_only_what_they_may():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "text"), pages(TABLES).items(), ids=pages(TABLES))
def test_the_data_dictionary_is_current(name, text):
    assert (ROOT / "docs" / "tables" / name).read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_data_dictionary_has_no_page_of_a_table_that_is_gone():
    assert {path.name for path in (ROOT / "docs" / "tables").iterdir()} == set(pages(TABLES))


def test_the_settings_table_of_the_readme_is_current():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_settings(readme), "run `make docs`"
    assert "DEFENDER_CLIENT_SECRET" in readme


def test_the_readme_asks_for_exactly_the_permissions_of_the_catalog():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- permissions -->(.*?)<!-- /permissions -->", readme, re.DOTALL)
    wanted = {dataset.permission for dataset in DATASETS.values()}
    assert set(re.findall(r"`([\w.]+)`", block)) == wanted
    (loop,) = re.findall(r"for role in (.*?); do", readme)
    assert set(loop.split()) == wanted


@pytest.mark.skipif(not FILES, reason="not a git checkout")
def test_every_dependency_has_a_line_of_reason_and_a_pin():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    names = re.findall(r'"([A-Za-z0-9-]+)', block)
    reasons = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    for name in names:
        assert re.search(rf"\|[^|]*\b{name}\b[^|]*\|", reasons), f"{name} has no reason in CONTRIBUTING.md"
        assert f"\n{name.lower()}==" in f"\n{pins}", f"{name} is not pinned in constraints.txt"


def test_every_module_opens_with_a_door_sign():
    for path in sorted((ROOT / "defender_assets").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(('"""', "#!")), f"{path.relative_to(ROOT)} has no docstring"
