"""A simulated tenant in a process of its own, so that serving it takes no time from the client.

Here: starting and stopping it, the settings that reach it, moving its time on. Not here: the tenant and its HTTPS
server (``simulator/``), the days it has lived through (``history.py``).
"""

import json
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import DefenderAssetsError

_STOP_TIMEOUT_SECONDS = 10.0


class TenantNotStarted(DefenderAssetsError):
    """The process of the simulated tenant exited before it served anything; it has said why on standard error."""


@dataclass(frozen=True)
class TenantProcess:
    """A running simulated tenant. ``settings`` are the environment variables (``DEFENDER_…``) that reach it."""

    settings: dict[str, str]
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Returns when the process has exited."""
        self.process.wait()

    def advance_one_day(self) -> None:
        """Moves the tenant's time on by a day (a control of the simulator)."""
        trust = ssl.create_default_context(cafile=self.settings["DEFENDER_CA_BUNDLE"])
        request = urllib.request.Request(
            f"{self.settings['DEFENDER_API_URL']}/_control/advance",
            json.dumps({"named": {"days": 1}}).encode(),
            method="POST",
        )
        urllib.request.urlopen(request, context=trust, timeout=60).close()


@contextmanager
def simulated_tenant(
    machines: int, *, port: int = 0, days_ago: int = 0, prepare_exports: bool = False
) -> Iterator[TenantProcess]:
    """Serves a simulated tenant within this block.

    ``port`` 0 takes a free one; ``days_ago`` is how many days before now the tenant's time begins;
    ``prepare_exports`` renders the export files before it listens, so that this does not count as waiting time.

    Raises TenantNotStarted.
    """
    with tempfile.TemporaryDirectory(prefix="defender-simulator-") as folder:
        ready_file = Path(folder) / "ready.json"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "defender_assets.simulator"),
                *("--machines", str(machines), "--port", str(port), "--days-ago", str(days_ago)),
                *("--ready-file", str(ready_file)),
                *(["--prepare"] if prepare_exports else []),
            ]
        )
        try:
            while not ready_file.exists():
                if process.poll() is not None:
                    raise TenantNotStarted(f"the simulated tenant did not start (exit {process.returncode})")
                time.sleep(0.05)
            yield TenantProcess(json.loads(ready_file.read_text()), process)
        finally:
            process.terminate()
            process.wait(timeout=_STOP_TIMEOUT_SECONDS)
