"""Which value holds where the environment and ``.env`` both have one: the environment's, in Dagster's runs as at a
terminal."""

import os
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.lake import Lake

from ..cli.program import run
from .local_dagster import eventually, serving

pytestmark = pytest.mark.slow
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


@pytest.mark.parametrize("executor", ["in_process", "forkserver"])
def test_the_environment_holds_in_a_run_under_serve_as_at_a_terminal(
    own_settings: pytest.MonkeyPatch, tmp_path: Path, executor: str
) -> None:
    of_environment, of_dotenv = tmp_path / "of-environment", tmp_path / "of-dotenv"
    (tmp_path / ".env").write_text(
        f"DEFENDER_LAKE={of_dotenv}\nDEFENDER_CLIENT_SECRET=wrong\nDEFENDER_CLIENT_ID=\nDEFENDER_EXECUTOR={executor}\n"
    )
    own_settings.setenv("DEFENDER_LAKE", str(of_environment))
    assert run("refresh", "--select", "machines").returncode == 0
    assert Lake(of_environment).rows("machines") == 40
    os.rename(of_environment, tmp_path / "of-terminal")
    with serving(tmp_path) as dagster:
        run_id = dagster.launch("machines")
        eventually(lambda: dagster.status(run_id) in ENDED, 120, "the run ended")
        assert dagster.status(run_id) is dg.DagsterRunStatus.SUCCESS
    assert Lake(of_environment).rows("machines") == 40
    assert not of_dotenv.exists()
