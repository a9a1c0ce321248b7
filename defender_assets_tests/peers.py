"""The real programs that some tests talk to: a database, a server of a protocol.

Here: finding them, and the one rule for those that are not installed: on a developer's machine the test is skipped and
says which package it wants; in CI (``CI=true``) it fails, because there ``.ci/run`` installs them all. Not here:
starting them (a fixture beside the tests of each).
"""

import importlib.util
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"


def installed(program: str, package: str, beside: Iterable[Path] = ()) -> str:
    """The path of a program, on the PATH or in one of the folders ``beside`` it; else the test is skipped, or fails in
    CI. ``package``: what brings it."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), *map(str, beside)])
    found = shutil.which(program, path=folders)
    if found is None:
        missing(f"{program} is not installed (package: {package})")
    return found


def library(module: str, package: str) -> None:
    """Returns where a module can be imported; else the test is skipped, or fails in CI."""
    if importlib.util.find_spec(module) is None:
        missing(f"{module} is not installed (package: {package})")


def missing(why: str) -> NoReturn:
    """Skips the test, or fails it in CI."""
    if IN_CI:
        pytest.fail(f"{why}; .ci/run installs what the tests talk to", pytrace=False)
    pytest.skip(why)
