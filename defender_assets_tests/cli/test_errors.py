"""Every error of the project reaches a person as a sentence and an exit code, never as a stack trace."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import defender_assets
from defender_assets.cli.errors import guarded
from defender_assets.compliance.errors import DerivationFailed, InputMissing, PolicyError
from defender_assets.errors import DefenderAssetsError
from defender_assets.lake import LakeError, LakeNotWritable, NoSnapshot
from defender_assets.queries import QueryError
from defender_assets.reference import FeedUnreachable
from defender_assets.refresh import NotPublished, WrongDay
from defender_assets.settings import Problem, SettingsError

from .program import invoke, run


def raising(error: BaseException) -> click.Command:
    """A verb that fails."""

    @click.command()
    @guarded
    def verb() -> None:
        raise error

    return verb


def test_who_has_set_nothing_yet_is_told_how_to_begin() -> None:
    begin = "defender-assets init writes a .env to fill in, docs/connect.md says with what"
    nothing = invoke("refresh")
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert "DEFENDER_TENANT_ID is missing" in nothing.stderr
    assert nothing.stderr.splitlines()[-1].startswith(begin)
    half = invoke("refresh", DEFENDER_CLIENT_ID="11111111-1111-1111-1111-111111111111")
    assert half.exit_code == 2
    assert begin not in half.stderr


@pytest.mark.parametrize("words", [("refresh", "--nosuch"), ("nosuch",)])
def test_wrong_use_is_a_line_of_the_log_for_programs_in_the_words_that_people_read(words: tuple[str, ...]) -> None:
    for_people = run(*words)
    for_programs = run(*words, DEFENDER_LOG_FORMAT="json")
    (line,) = [json.loads(text) for text in for_programs.stderr.splitlines()]
    assert (line["level"], line["message"]) == ("error", for_people.stderr.strip())
    assert (for_programs.returncode, for_programs.stdout) == (for_people.returncode, for_people.stdout) == (2, "")


@pytest.mark.parametrize(
    "wrong", [{"DEFENDER_LAKE_MODE": "everybody", "DEFENDER_REFRESH_HOUR": "25"}, {"DEFENDER_TENANTS": "nosuch.yaml"}]
)
def test_wrong_settings_of_all_tenants_are_told_at_once_and_for_programs_in_one_line(wrong: dict[str, str]) -> None:
    refused = run("refresh", "--tenant", "all", DEFENDER_LOG_FORMAT="json", **wrong)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = [json.loads(text) for text in refused.stderr.splitlines()]
    assert line["level"] == "error"
    assert [variable for variable in wrong if variable not in line["message"]] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError(Problem("DEFENDER_LAKE", "is missing", "give a folder")), 2),
        (LakeNotWritable("the lake cannot be written"), 2),
        (QueryError("one SELECT at a time"), 2),
        (LakeError("the lake cannot be read"), 1),
        (NoSnapshot("machines has no snapshot"), 1),
        (PolicyError("policy.yaml", ["line 3: no such member"]), 1),
        (InputMissing("patch_compliance", ["machines"]), 1),
        (DerivationFailed("patch_compliance", "out of memory"), 1),
        (NotPublished("machines: not published", dataset="machines"), 1),
        (WrongDay("machines: only today", dataset="machines"), 1),
        (FeedUnreachable("kev", "localhost answered 500", "Try again later"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_given_an_error_of_the_project_then_a_person_reads_its_sentence(error: DefenderAssetsError, code: int) -> None:
    done = CliRunner().invoke(raising(error))

    assert done.exit_code == code
    assert done.stderr == f"defender-assets: {error.sentence}\n"


def test_given_ctrl_c_in_a_verb_that_only_reads_then_nothing_is_said_of_what_was_published() -> None:
    result = CliRunner().invoke(raising(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "defender-assets: stopped\n")


def test_given_a_fault_of_the_program_then_it_is_not_hidden() -> None:
    done = CliRunner().invoke(raising(RuntimeError("a fault")))

    assert isinstance(done.exception, RuntimeError)


_FAULT = """
import duckdb
from defender_assets.cli import main

def broken(**_):
    connection = duckdb.connect()
    result = connection.execute("SELECT 1").to_arrow_reader()
    raise RuntimeError("a fault")

main.commands["tables"].callback = broken
main(["tables"])
"""


def test_a_fault_of_the_program_ends_with_its_stack_trace_and_what_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", _FAULT], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "RuntimeError: a fault",
        "defender-assets: this is a fault of the program; please report it with the lines above",
    ]


def test_every_exception_with_a_remedy_is_under_the_one_root() -> None:
    """An exception class that says what to do, and is not under the root, would be a stack trace."""
    for module in pkgutil.walk_packages(defender_assets.__path__, "defender_assets."):
        if module.name.endswith("__main__"):
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            if isinstance(found, type) and issubclass(found, Exception) and hasattr(found, "remedy"):
                assert issubclass(found, DefenderAssetsError), f"{module.name}.{name}"


def test_given_a_policy_that_cannot_be_used_then_refresh_says_where_it_is_wrong(
    tenant_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("no_such_member: 1\n")

    result = invoke("refresh", "--select", "device_identity", DEFENDER_POLICY=str(policy))

    assert result.exit_code == 2
    assert "no_such_member" in result.stderr


@pytest.mark.parametrize("verb", [["query", "SELECT * FROM devices"], ["explain", "desk"]])
def test_where_the_lake_is_empty_that_of_the_demo_beside_it_is_named(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEFENDER_LAKE", raising=False)
    hint = "set DEFENDER_LAKE=demo/lake to ask that one"
    assert hint not in invoke(*verb).stderr
    (tmp_path / "demo" / "lake").mkdir(parents=True)
    assert hint in invoke(*verb).stderr
    (tmp_path / "lake" / "machines" / "tenant=default").mkdir(parents=True)
    assert hint not in invoke(*verb).stderr


@pytest.mark.parametrize("verb", [("query", "nope"), ("tables",), ("report",), ("prune",), ("explain", "nobody")])
def test_errors_of_any_verb_are_lines_for_programs(own_settings, verb):
    own_settings.setenv("DEFENDER_LOG_FORMAT", "json")
    done = invoke(*verb)
    assert (done.exit_code in (1, 2), done.stdout) == (True, "")
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in told] == ["error"]
    assert told[0]["message"].startswith("defender-assets: ")


def test_what_is_said_beside_an_answer_is_a_line_and_the_answer_stays_as_it_is(own_settings):
    done = run("query", "SELECT 1 AS one", "--format", "json", DEFENDER_LOG_FORMAT="json")
    assert (json.loads(done.stdout), done.stderr) == ([{"one": 1}], "")
    said = run("query", "SELECT 1 AS one", "--output", "one.json", DEFENDER_LOG_FORMAT="json")
    (line,) = [json.loads(text) for text in said.stderr.splitlines()]
    assert (said.stdout, line["level"], line["message"]) == ("", "info", "1 row in one.json")


def test_a_warning_that_a_verb_logs_is_a_line_too(own_settings):
    program = (
        "import logging; from defender_assets.cli.log_lines import log_errors_if_for_programs as choose; choose(); "
        "log = logging.getLogger('defender_assets.api'); log.warning('first'); log.warning('2')"
    )

    def told(form: str) -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"DEFENDER_LOG_FORMAT": form}, capture_output=True, text=True, check=True,
        ).stderr.splitlines()  # fmt: skip

    assert told("text") == ["first", "2"]
    assert [json.loads(line)["message"] for line in told("json")] == ["first", "2"]
