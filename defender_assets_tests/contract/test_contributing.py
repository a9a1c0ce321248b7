"""CONTRIBUTING.md, done as it says: its blocks of code in a copy of the project, its commands, and what follows.

Nothing of the text is repeated here: name, file and commands are read from it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = (
    "defender_assets", "defender_assets_tests", "docs", "deploy", "Makefile", "pyproject.toml", "constraints.txt",
    "README.md", "CONTRIBUTING.md", "workspace.yaml",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A section of CONTRIBUTING.md: its prose, and its blocks by language."""

    text: str

    @classmethod
    def named(cls, title: str) -> "Section":
        contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", contributing, re.DOTALL | re.MULTILINE)
        return cls(text)

    def block(self, language: str) -> str:
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        return block

    @property
    def files(self) -> list[str]:
        """The files that the prose names, in its order."""
        return re.findall(r"`(defender_assets/[\w/]+\.\w+)`", self.text)

    @property
    def table(self) -> str:
        """The name that the block of Python declares."""
        (name,) = re.findall(r'^    name="(\w+)"', self.block("python"), re.MULTILINE)
        return name


@dataclass(frozen=True)
class Copy:
    """A copy of the project, and programs that run in it."""

    root: Path

    @classmethod
    def below(cls, folder: Path) -> "Copy":
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        installed = folder / ".venv"
        installed.mkdir()
        for name in (".installed", ".installed-dev"):  # the environment of this very test is used
            (installed / name).touch()
        return cls(folder)

    def append(self, file: str, block: str) -> None:
        path = self.root / file
        path.write_text(path.read_text(encoding="utf-8") + "\n\n" + block, encoding="utf-8")

    def run(self, *command: str, **settings: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEFENDER_")}
        done = subprocess.run(
            command, cwd=self.root, env=environment | {"PYTHONPATH": str(self.root)} | settings,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, *arguments: str, **settings: str) -> str:
        return self.run(sys.executable, *arguments, **settings)

    def do(self, commands: str) -> None:
        """Each line of a block of shell, which has to be a target of the Makefile."""
        for line in commands.splitlines():
            target, _, _ = line.partition("#")
            assert target.startswith("make ")
            self.run(*target.split(), f"BIN={Path(sys.executable).parent}")

    def test(self, *selection: str) -> None:
        self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *selection)


def refreshed(copy: Copy, selection: Sequence[str], query: str) -> list[dict]:
    """What a query answers after the tables of the selection were refreshed from a simulated tenant, and what the
    doctor says of it: by the command line, in the copy."""
    program = """
import contextlib, io, json, os, sys
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
    print("----")
    call("query", sys.argv[2], "--format", "json")
"""
    out = copy.python("-c", program, " or ".join(f"key:{name}" for name in selection), query)
    doctor, _, rows = out.partition("----")
    return json.loads(doctor)["datasets"], json.loads(rows)


@pytest.fixture(scope="module")
def dataset() -> Section:
    return Section.named("Add a dataset")


@pytest.fixture(scope="module")
def with_dataset(dataset: Section, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy.below(tmp_path_factory.mktemp("dataset"))
    copy.append(dataset.files[0], dataset.block("python"))
    copy.do(dataset.block("sh"))
    return copy


def test_a_dataset_added_as_the_text_says_keeps_every_rule_and_promise(dataset, with_dataset):
    """Given the declaration alone, then data dictionary, README, snapshot and door signs are right, the UI is told its
    columns and permission, and every row served is in the lake exactly once with its values."""
    page = (with_dataset.root / "docs" / "tables" / f"{dataset.table}.md").read_text(encoding="utf-8")
    assert f"# {dataset.table}\n" in page
    with_dataset.test("defender_assets_tests/rules", "defender_assets_tests/orchestration/test_definitions.py")
    with_dataset.test("defender_assets_tests/contract/test_every_dataset.py", "-k", dataset.table)


def test_a_dataset_added_as_the_text_says_is_probed_fetched_and_queried(dataset, with_dataset):
    probes, rows = refreshed(with_dataset, [dataset.table], f"SELECT * FROM {dataset.table}")
    (probe,) = [probe for probe in probes if probe["dataset"] == dataset.table]
    assert probe["ok"]
    assert f'permission="{probe["permission"]}"' in dataset.block("python")
    assert rows
    assert all(row["observed_at"] for row in rows)
