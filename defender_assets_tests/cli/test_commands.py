"""The command line as a person meets it: a process of its own, its exit code, and what it prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

PROGRAM = Path(sys.executable).with_name("defender-assets")


def call(*words: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess:
    command = [PROGRAM] if PROGRAM.exists() else [sys.executable, "-c", "from defender_assets.cli import main; main()"]
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=timeout, env=os.environ | environment, check=False
    )


def said(done: subprocess.CompletedProcess) -> str:
    """Standard error, which must not be a stack trace."""
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


def test_help_answers_without_loading_dagster():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from defender_assets.cli import main; main(['--help'])"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "| dagster" not in done.stderr
    for verb in ("demo", "simulate", "doctor", "refresh", "query", "tables"):
        assert verb in done.stdout


@pytest.mark.parametrize("verb", ["doctor", "refresh"])
def test_without_settings_everything_missing_is_named_at_once(verb):
    done = call(verb)
    assert done.returncode == 2
    for name in ("DEFENDER_TENANT_ID", "DEFENDER_CLIENT_ID", "DEFENDER_CLIENT_SECRET"):
        assert name in said(done)


def test_the_doctor_lists_what_the_application_can_read(tenant_settings):
    done = call("doctor", "--json")
    assert done.returncode == 0, done.stderr
    diagnosis = json.loads(done.stdout)
    assert diagnosis["login"]["ok"]
    assert diagnosis["login"]["reason"] == "ok"
    assert {row["dataset"] for row in diagnosis["datasets"]} == set(DATASETS)
    assert all(
        set(row) == {"dataset", "permission", "ok", "status", "reason", "remedy"} for row in diagnosis["datasets"]
    )
    in_words = call("doctor")
    assert in_words.returncode == 0
    assert all(name in in_words.stdout for name in DATASETS)


def test_a_role_taken_away_is_named_by_doctor_and_refresh_alike(own_settings, own_simulator, tmp_path):
    own_simulator.control.revoke_roles("Alert.Read.All")
    doctor = call("doctor", "--json")
    assert doctor.returncode == 1
    refused = [row for row in json.loads(doctor.stdout)["datasets"] if not row["ok"]]
    assert [row["dataset"] for row in refused] == ["alerts"]
    assert refused[0]["reason"] == "missing_role"
    assert "Alert.Read.All" in refused[0]["remedy"]

    refresh = call("refresh", "--select", "key:alerts or key:machines")
    assert refresh.returncode == 1
    assert "Alert.Read.All" in said(refresh)
    lake = Lake(str(tmp_path / "lake"))
    assert lake.newest("alerts") is None
    assert lake.rows("machines") == 40


@pytest.mark.slow
def test_a_refresh_writes_every_table(tenant_settings, tmp_path):
    done = call("refresh")
    assert done.returncode == 0, done.stderr
    tables = call("tables")
    assert tables.returncode == 0
    lake = Lake(str(tmp_path / "lake"))
    for name in DATASETS:
        assert lake.newest(name) is not None
        assert name in tables.stdout
    counted = call("query", "--format", "json", "SELECT count(*) AS n FROM machines")
    assert json.loads(counted.stdout) == [{"n": 60}]
    again = call("refresh")
    assert again.returncode == 0, again.stderr
    assert lake.rows("machines") == 60


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"DEFENDER_CLIENT_SECRET": "wrong-but-long-enough"}, 1, "secret"),
        ({"DEFENDER_TENANT_ID": "99999999-9999-4999-8999-999999999999"}, 1, "tenant"),
        ({"DEFENDER_CA_BUNDLE": ""}, 1, "certificate"),
        ({"DEFENDER_API_URL": "https://127.0.0.1:9"}, 1, "127.0.0.1"),
        ({"DEFENDER_API_URL": "http://127.0.0.1:9"}, 2, "DEFENDER_API_URL"),
        ({"DEFENDER_CLOUD": "moon"}, 2, "DEFENDER_CLOUD"),
        ({"DEFENDER_LAKE": "/dev/null/lake"}, 2, "DEFENDER_LAKE"),
    ],
)
def test_what_is_wrong_is_one_clear_sentence(settings, code, words, tenant_settings, tmp_path):
    done = call("refresh", "--select", "machines", **settings)
    assert done.returncode == code, done.stderr
    assert words in said(done)
    assert len(done.stderr.strip().splitlines()) <= 2, done.stderr
    assert Lake(str(tmp_path / "lake")).dates("machines") == []


def test_a_selection_of_nothing_is_wrong_use(tenant_settings):
    done = call("refresh", "--select", "no_such_table")
    assert done.returncode == 2
    assert "no_such_table" in said(done)


@pytest.mark.parametrize("sql", ["DROP TABLE machines", "SELECT * FROM nothing_like_this", "COPY machines TO 'x.csv'"])
def test_a_query_that_is_not_reading_the_lake_is_refused(sql, tmp_path):
    done = call("query", sql, DEFENDER_LAKE=str(tmp_path / "lake"))
    assert done.returncode == 2
    assert said(done)
    assert not list(tmp_path.glob("*.csv"))


def test_an_empty_lake_reads_as_empty(tmp_path):
    done = call("tables", DEFENDER_LAKE=str(tmp_path / "nowhere"))
    assert done.returncode == 0
    assert "machines" in done.stdout


def test_a_wrong_day_is_refused_with_what_can_be_asked(tenant_settings):
    done = call("refresh", "--select", "machines", "--date", "2026-01-05")
    assert done.returncode == 1
    assert "only tells the present" in said(done)
