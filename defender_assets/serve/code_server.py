"""Dagster's code server, whose runs are its child processes: the environment holds in them, ``.env`` comes after it.

Here: starting it so. Not here: its command line (``processes.py``), what precedes it in a container
(``code_location.py``).

Dagster's own start puts each line of ``.env`` in the place of the environment's value, for as long as it runs: a run
would go by other settings than a terminal, and by a secret that was replaced in the file since.
"""

import os
import runpy
import sys
from collections.abc import Sequence

from dagster._cli import utils  # the one place in which all of Dagster's commands read .env

from ..settings import PREFIX, in_dotenv


def run_code_server(command: Sequence[str]) -> None:
    """Runs until SIGINT or SIGTERM. ``command``: Dagster's, its name first."""
    utils.get_env_var_dict = _beside_the_environment  # type: ignore[attr-defined]
    sys.argv = list(command)
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


def _beside_the_environment(base_dir: str) -> dict[str, str]:
    """What ``.env`` adds for libraries that read the environment alone (a proxy); the settings read it themselves, anew
    each time."""
    return {
        name: value
        for name, value in in_dotenv().items()
        if value and not os.environ.get(name) and not name.upper().startswith(PREFIX)
    }


if __name__ == "__main__":
    run_code_server(["dagster", *sys.argv[1:]])
