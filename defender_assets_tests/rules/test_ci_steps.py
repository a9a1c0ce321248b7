"""``.ci/steps.sh``: whoever reads the end of a red run's output learns what failed, and how long each step took."""

import subprocess
import sys
from pathlib import Path

from .places import ROOT

_SUITE = """
def test_that_holds(): pass
def test_that_does_not():
    assert 1 == 2, "one is not two"
"""


def _run(folder: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    script = ["set -euo pipefail", f"source '{ROOT}/.ci/steps.sh'", *steps]
    return subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_steps_are_timed(tmp_path: Path) -> None:
    done = _run(tmp_path, "step first echo one", "step 'a longer name' sleep 1.1")
    assert done.returncode == 0
    assert done.stdout == "one\n"
    title, first, second = done.stderr.splitlines()
    assert title == "Seconds of each step:"
    assert first.split() == ["0", "first"]
    assert second.split(maxsplit=1)[1] == "a longer name"
    assert int(second.split()[0]) >= 1


def test_the_last_lines_name_the_tests_that_failed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_SUITE)
    done = _run(
        tmp_path,
        "step lint echo 'FAILED to find anything'",
        f"step tests '{sys.executable}' -m pytest -p no:cacheprovider -ra test_it.py",
        "step guard echo 'never reached'",
    )
    assert done.returncode == 1
    assert "never reached" not in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    *_, failed, test = done.stderr.splitlines()
    assert failed == "FAILED with exit code 1: tests"
    assert test == "FAILED test_it.py::test_that_does_not - AssertionError: one is not two"


def test_what_another_program_said_last_is_told_again(tmp_path: Path) -> None:
    done = _run(tmp_path, "step tests echo ERROR of the former step", "step lint sh -c 'seq 100; exit 3'")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-21:] == ["FAILED with exit code 3: lint", *map(str, range(81, 101))]
