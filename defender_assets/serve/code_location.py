"""The code server as a container of its own, whose runs are its child processes.

Here: reporting the runs that ended with the former container, and being Dagster's code server. Not here: the code
server beside daemon and web server on one machine (``processes.py``).
"""

import threading
import time
from collections.abc import Sequence

from ..orchestration.dagster_home import open_home
from ..settings import dagster_home
from .address import ListenAddress
from .history import History
from .lost_runs import runs_launched_by
from .processes import code_server_command

_UNTIL_DAEMON_KNOWS_SECONDS = 20.0
_BETWEEN_LOOKS_SECONDS = 2.0


def serve_code_location(name: str, *, host: str, port: int, log_format: str) -> None:
    """Runs until SIGINT or SIGTERM. ``name`` is how daemon and web server reach it; ``log_format``: that of the
    settings (text or json). Raises SettingsError where the history of Dagster cannot be opened.

    Nobody else notices that the runs are gone which were under way when a container was ended: the new one has other
    processes, and Dagster asks no code server for the health of its runs.
    """
    home = dagster_home()
    with open_home(home.folder, named=home.named) as instance:
        if ended := runs_launched_by(instance, name, port):
            arguments = (History(instance), ended, ListenAddress(host, port))
            threading.Thread(target=_report, args=arguments, daemon=True, name="ended runs").start()
        # Not before: Python warns of a module that a package imports and that is started too.
        from .code_server import run_code_server

        run_code_server(code_server_command(["-h", host, "-p", str(port)], log_format))


def _report(history: History, ended: Sequence[str], address: ListenAddress) -> None:
    """Not before the daemon has found this server: a run that it cannot start again at once it never starts again."""
    while not address.answers():
        time.sleep(_BETWEEN_LOOKS_SECONDS)
    time.sleep(_UNTIL_DAEMON_KNOWS_SECONDS)
    while not history.report_ended(ended):
        time.sleep(_BETWEEN_LOOKS_SECONDS)
