"""The program as a whole: its help, its exit codes, its console script."""

import subprocess
import sys

import click
import pytest

from defender_assets.cli import main

from .program import invoke, run

PRINT_WHAT_THE_HELP_LOADS = """
import sys
from defender_assets.cli import main

for words in {calls}:
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 0, words
print("LOADED", *sorted(set(sys.modules) & {{"dagster", "duckdb", "pyarrow", "pandas", "pydantic", "httpx", "msal"}}))
"""


def test_help_is_instant_because_it_loads_none_of_the_work() -> None:
    calls = [["--help"], ["--version"], *([verb, "--help"] for verb in main.commands)]
    finished = subprocess.run(
        [sys.executable, "-c", PRINT_WHAT_THE_HELP_LOADS.format(calls=calls)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "LOADED"


def test_the_contract_s_verbs_are_there() -> None:
    assert {"demo", "simulate", "doctor", "refresh", "query", "tables", "report"} <= set(main.commands)


@pytest.mark.parametrize("verb", main.commands)
def test_every_verb_says_in_the_help_what_it_does(verb: str) -> None:
    command = main.commands[verb]
    assert command.help
    for parameter in command.params:
        described = getattr(parameter, "help", None) or isinstance(parameter, click.Argument)
        assert described or parameter.name == "output_format"


def test_the_console_script_exits_with_the_verb_s_code() -> None:
    finished = run("refresh")
    assert finished.returncode == 2
    assert "DEFENDER_TENANT_ID" in finished.stderr


@pytest.mark.parametrize("verb", ["doctor", "refresh"])
def test_without_settings_everything_missing_is_named_at_once(verb: str) -> None:
    result = invoke(verb)
    assert result.exit_code == 2
    for name in ("DEFENDER_TENANT_ID", "DEFENDER_CLIENT_ID", "DEFENDER_CLIENT_SECRET"):
        assert name in result.stderr
