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
from datetime import datetime
from pathlib import Path

from ..errors import DefenderAssetsError

_STOP_TIMEOUT_SECONDS = 10.0
_UPDATED_A_DAY = 100
"""Of so many devices, one gets every update on a day."""


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

    def live_one_day(self, machines: int) -> None:
        """Lets a tenant of so many ``machines`` live a day: some devices are updated, time passes, and the service
        assesses all of them again. Without that, its change feed would end with the first day."""
        self._control("patch_devices", count=max(1, machines // _UPDATED_A_DAY))
        self._control("advance", days=1)
        self._control("regenerate_exports")

    def _control(self, verb: str, **arguments: int) -> None:
        trust = ssl.create_default_context(cafile=self.settings["DEFENDER_CA_BUNDLE"])
        request = urllib.request.Request(
            f"{self.settings['DEFENDER_API_URL']}/_control/{verb}",
            json.dumps({"named": arguments}).encode(),
            method="POST",
        )
        urllib.request.urlopen(request, context=trust, timeout=60).close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def simulated_tenant(
    machines: int,
    *,
    port: int = 0,
    as_of: datetime | None = None,
    as_documented: bool = False,
    prepare_exports: bool = False,
) -> Iterator[TenantProcess]:
    """Serves a simulated tenant within this block. Its process ends with this one, whatever ends this one.

    ``port`` 0 takes a free one; ``as_of`` is when the tenant's time begins, which then goes on when it is told to only;
    ``as_documented``: the service does nothing that its documentation does not tell; ``prepare_exports`` renders the
    export files before it listens, so that this does not count as waiting time.

    Raises TenantNotStarted.
    """
    with tempfile.TemporaryDirectory(prefix="defender-simulator-") as folder:
        ready_file = Path(folder) / "ready.json"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "defender_assets.simulator"),
                *("--machines", str(machines), "--port", str(port), "--ready-file", str(ready_file)),
                *(["--as-of", as_of.isoformat()] if as_of else []),
                *(["--as-documented"] if as_documented else []),
                *(["--prepare"] if prepare_exports else []),
                "--until-input-ends",
            ],
            stdin=subprocess.PIPE,
            # Ctrl-C in the terminal ends what asks the tenant first.
            start_new_session=True,
        )
        try:
            while not ready_file.exists():
                if process.poll() is not None:
                    raise TenantNotStarted(f"the simulated tenant did not start (exit {process.returncode})")
                time.sleep(0.05)
            yield TenantProcess(json.loads(ready_file.read_text()), process)
        finally:
            _end(process)
