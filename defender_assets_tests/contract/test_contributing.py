"""CONTRIBUTING.md, done as it says, in a copy of the project: its blocks of code, its commands, and what follows.

Nothing of the text is repeated here: name, file and commands are read from it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PARTS = (
    ".ci", "defender_assets", "defender_assets_tests", "docs", "Makefile", "pyproject.toml", "constraints.txt",
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "workspace.yaml", "zensical.toml",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A section of CONTRIBUTING.md."""

    text: str

    @classmethod
    def named(cls, title: str) -> "Section":
        contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", contributing, re.DOTALL | re.MULTILINE)
        return cls(text)

    @property
    def code(self) -> list[tuple[str, str]]:
        """The files that the prose names, each with the block that follows."""
        named = r"`(defender_assets/[\w/]+\.\w+)`[^`]*\n\n```\w+\n(.*?)^```$"
        return re.findall(named, self.text, re.DOTALL | re.MULTILINE)

    @property
    def declaration(self) -> str:
        """The first block, in Python."""
        return self.code[0][1]

    @property
    def table(self) -> str:
        """The name that the declaration gives."""
        (name,) = re.findall(r'^    name="(\w+)"', self.declaration, re.MULTILINE)
        return name

    @property
    def commands(self) -> list[str]:
        """The targets of ``make`` that it names."""
        return re.findall(r"(?:^|`)make (\w+)", self.text, re.MULTILINE)


@dataclass(frozen=True)
class Copy:
    """A copy of the project, and programs that run in it."""

    root: Path

    @classmethod
    def below(cls, folder: Path) -> "Copy":
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, folder / part)
        installed = folder / ".venv"
        installed.mkdir()
        for name in (".installed", ".installed-dev"):  # the environment of this very test is used
            (installed / name).touch()
        return cls(folder)

    def follow(self, *sections: Section) -> None:
        """Writes each block to the end of its file, or into a new one, and then runs the commands, each once."""
        for file, block in (code for section in sections for code in section.code):
            path = self.root / file
            former = path.read_text(encoding="utf-8") + "\n\n" if path.exists() else ""
            path.write_text(former + block, encoding="utf-8")
        for target in dict.fromkeys(target for section in sections for target in section.commands):
            self.run("make", target, f"BIN={Path(sys.executable).parent}")

    def run(self, *command: str) -> str:
        """What the command prints, without any setting; the coverage of a copy is not measured."""
        outside = ("DEFENDER_", "COVERAGE_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
        done = subprocess.run(
            command, cwd=self.root, env=environment | {"PYTHONPATH": str(self.root)},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, *arguments: str) -> str:
        return self.run(sys.executable, *arguments)

    def page(self, table: str) -> str:
        return (self.root / "docs" / "tables" / f"{table}.md").read_text(encoding="utf-8")

    def test(self, *selection: str) -> None:
        self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *selection)


CALLS = """
import contextlib, os, sys
from defender_assets.cli import main
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

def call(*arguments):
    try:
        code = main(list(arguments))
    except SystemExit as exit:
        code = exit.code
    assert not code, (arguments, code)

with Simulator(SimulatedTenant(TenantShape(machines=20))) as simulator:
    os.environ.update(simulator.settings)
    with contextlib.redirect_stdout(sys.stderr):
        call("refresh", "--select", sys.argv[1])
    call("doctor", "--json")
    for query in sys.argv[2:]:
        print("----")
        call("query", query, "--format", "json")
"""
"""A refresh, the doctor and queries, by the command line of a copy, on a simulated tenant of the copy."""


@pytest.fixture(scope="module")
def dataset() -> Section:
    return Section.named("Add a dataset")


@pytest.fixture(scope="module")
def table() -> Section:
    return Section.named("Add a compliance table")


@pytest.fixture(scope="module")
def copy(dataset: Section, table: Section, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with a dataset and a compliance table more, added as the text says."""
    copy = Copy.below(tmp_path_factory.mktemp("copy"))
    copy.follow(dataset, table)
    return copy


def test_what_is_added_as_the_text_says_keeps_every_rule_and_promise(dataset, table, copy):
    """Given the declarations and the table's SQL alone, then dictionary, README, snapshot and import rules are right,
    the UI is told columns and permission, every row served is in the lake exactly once with its values, and the SQL is
    of the kind that other engines read too."""
    assert [file for file, _ in dataset.code] == ["defender_assets/catalog/devices.py"]
    assert f"# {dataset.table}\n" in copy.page(dataset.table)
    assert f"# {table.table}\n" in copy.page(table.table)
    copy.test(
        "defender_assets_tests/rules",
        "defender_assets_tests/orchestration/test_definitions.py",
        "defender_assets_tests/compliance/test_sql_files.py",
        "defender_assets_tests/contract/test_every_dataset.py",
        "-k",
        f"(not test_every_dataset or {dataset.table}) and not workspace_file",
    )


def test_what_is_added_as_the_text_says_is_probed_fetched_computed_and_queried(dataset, table, copy):
    selection = f"key:{dataset.table} or +key:{table.table}"
    of_the_table = f"SELECT *, (SELECT count(*) FROM machines) AS listed FROM {table.table}"
    doctor, fetched, computed = copy.python(
        "-c", CALLS, selection, f"SELECT * FROM {dataset.table}", of_the_table
    ).split("----")
    (probe,) = [probe for probe in json.loads(doctor)["datasets"] if probe["dataset"] == dataset.table]
    assert probe["ok"]
    assert f'permission="{probe["permission"]}"' in dataset.declaration
    assert json.loads(fetched)
    assert all(row["observed_at"] for row in json.loads(fetched))
    rows = json.loads(computed)
    assert sum(row["machines"] for row in rows) == rows[0]["listed"]
    assert 0 < sum(row["eligible"] for row in rows) <= rows[0]["listed"]
