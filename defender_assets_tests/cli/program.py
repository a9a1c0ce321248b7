"""Calling the program: in this process, which is fast, or in one of its own, as a person does."""

import logging
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from defender_assets.api import CALLS
from defender_assets.cli import console, main
from defender_assets.refresh import TABLE_EVENTS

_PROGRAM = Path(sys.executable).with_name("defender-assets")
COMMAND = [str(_PROGRAM)] if _PROGRAM.exists() else [sys.executable, "-m", "defender_assets"]
"""The program as a command, to be followed by its words."""


def invoke(*words: str, **environment: str) -> Result:
    """Calls the program in this process. Anything but an exit (a fault of the program) is raised here."""
    log, printed = logging.getLogger("defender_assets"), (console._log, console._answers_are_logged, console._choose)
    handlers, level = list(log.handlers), log.level
    told = [(each, each._listeners) for each in (CALLS, TABLE_EVENTS)]
    try:
        return CliRunner().invoke(main, words, prog_name="defender-assets", env=environment, catch_exceptions=False)
    finally:  # log lines in place of words are chosen for a process, and other tests are in this one
        console._log, console._answers_are_logged, console._choose = printed
        log.handlers[:] = handlers
        log.setLevel(level)
        for each, listeners in told:
            each._listeners = listeners


def run(*words: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Calls the program in a process of its own: for its start, its end, and work that takes long anyway."""
    finished = subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=timeout, env=os.environ | environment, check=False
    )
    assert "Traceback" not in finished.stderr + finished.stdout
    return finished
