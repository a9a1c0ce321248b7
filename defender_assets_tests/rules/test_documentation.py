"""README, docs/ and CONTRIBUTING say what is true: links lead somewhere, commands and messages exist.

Not here: what the queries of the pages answer (``query/``), the examples of CONTRIBUTING.md (``contract/``).
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from defender_assets.cli import main

from .documentation import PAGES, Page
from .places import MODULES, ROOT

_PLACEHOLDERS = re.compile(r"[A-Z]{2,}|\[|…")
"""``defender-assets explain DEVICE [--date DAY]`` is a synopsis, no command."""


def _cases(program: str) -> list[pytest.param]:
    return [
        pytest.param(words, id=f"{page.name}: {' '.join(words)}"[:100])
        for page in PAGES
        for words in page.commands(program)
    ]


def test_the_readme_keeps_to_what_one_needs_to_decide_and_to_start():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_the_site_is_built_without_a_broken_link(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [Path(sys.executable).with_name("zensical"), "build", "--strict"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert {name for name in pages if (tmp_path / "site" / name / "index.html").exists()} == pages


def test_every_page_is_in_the_navigation_of_the_site():
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.path.parent.name == "docs" and page.path.name not in navigation] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_within_the_repository_leads_somewhere(page):
    for link in page.links:
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target).anchors, link


@pytest.mark.parametrize("words", _cases("defender-assets"))
def test_a_command_of_a_page_is_one_of_the_program(words, tmp_path):
    for word in words:
        if word.endswith((".sql", ".yaml")):
            (tmp_path / word).touch()  # a file of the reader's own
    if any(_PLACEHOLDERS.fullmatch(word) or word.startswith("[") for word in words):
        words = words[:1]
    command: click.Command = main
    context = click.Context(main, info_name="defender-assets")
    while isinstance(command, click.Group):
        assert words[0] in command.commands, f"{command.name} has no verb {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if words:
        with command.make_context(command.name, list(words), parent=context):
            pass


@pytest.mark.parametrize("words", _cases("make"))
def test_a_target_of_make_exists(words):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert words[0] in targets


def test_the_messages_that_troubleshooting_explains_are_the_programs():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^## A refresh\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    messages = re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)
    source = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    assert messages
    assert [message for message in messages if message not in source or "{" in message] == []


def test_the_reasons_and_checks_that_troubleshooting_explains_are_the_programs():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    names = re.findall(r"`([a-z]+_[a-z_]+)`", text)
    assert names
    unknown = [name for name in names if not re.search(rf'"{name}"|{name}\.sql|def {name}\(', source)]
    assert unknown == []
