"""The end of the program's process: everything but taking apart what is in memory."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import atexit, logging.handlers, sys, threading, time
from defender_assets.cli.lifetime import short_lived

# What is registered first is called last: not until Python itself ends the process.
atexit.register(print, "ended by Python", end="; ")

def work():
    time.sleep(0.3)
    print("the thread has ended", end="; ")

with short_lived():
    atexit.register(print, "called at the end", end="; ")
    logs = logging.handlers.MemoryHandler(1_000, target=logging.StreamHandler(sys.stdout))
    logging.getLogger().addHandler(logs)
    logging.getLogger().warning("logged")
    threading.Thread(target=work).start()
    {end}
"""


def _ended(end: str, output: int | None = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _PROGRAM.format(end=end)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False, env=environment
    )


@pytest.mark.parametrize(("end", "code"), [("sys.exit(3)", 3), ("sys.exit(0)", 0), ("sys.exit()", 0)])
def test_all_but_taking_memory_apart_is_done_before_the_exit_code(end: str, code: int) -> None:
    ended = _ended(end)
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ended.stdout == "the thread has ended; called at the end; logged\n"


def test_a_fault_ends_as_in_any_program_of_python() -> None:
    ended = _ended("raise RuntimeError('a fault')")
    assert ended.returncode == 1
    assert "RuntimeError: a fault" in ended.stderr
    assert ended.stdout == "the thread has ended; called at the end; ended by Python; logged\n"


def test_output_that_cannot_be_written_is_told_and_is_no_success() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ended = _ended("sys.exit(0)", full)
    finally:
        os.close(full)
    assert ended.returncode == 120
    assert "No space left on device" in ended.stderr
