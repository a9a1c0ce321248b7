"""A command as a container would run it: another user, every folder read-only, only its own volumes to write to.

Here: bubblewrap (Debian's package), which does with the kernel's namespaces what a container runtime does. Not here:
the image itself, which only a container runtime can build (docs/deploy.md says what was not run).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..peers import installed, missing
from ..rules.places import ROOT

USER = 10001


@dataclass
class Sandbox:
    """``writable`` and ``read_only``: path inside -> the folder or file of this machine that is seen there.
    ``environment`` is all that the command finds, besides what makes Python find the project."""

    environment: Mapping[str, str]
    writable: Mapping[str, Path] = field(default_factory=dict)
    read_only: Mapping[str, Path] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """What starts the words in it; what they name is taken from the environment in which the tests run."""
        bwrap = [
            installed("bwrap", "bubblewrap"),
            "--unshare-user", "--uid", str(USER), "--gid", str(USER), "--cap-drop", "ALL",
            "--ro-bind", "/", "/", "--tmpfs", "/tmp", "--tmpfs", "/var/lib", "--dev", "/dev", "--proc", "/proc",
            "--die-with-parent", "--clearenv", "--chdir", "/",
        ]  # fmt: skip
        # What lies below /tmp, where a checkout or an environment may be, is seen again.
        for path in dict.fromkeys([str(ROOT), sys.prefix, *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]):
            bwrap += ["--ro-bind", path, path]
        for kind, paths in (("--bind", self.writable), ("--ro-bind", self.read_only)):
            for inside, outside in paths.items():
                bwrap += [kind, str(outside), inside]
        bwrap += ["--remount-ro", "/var/lib"]  # it was writable to make the places of what is mounted below it
        for name, value in (self._found() | dict(self.environment)).items():
            bwrap += ["--setenv", name, value]
        return [*bwrap, "--", *words]

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=timeout, check=False)

    @staticmethod
    def _found() -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        others = {name: os.environ[name] for name in ("COVERAGE_PROCESS_START",) if name in os.environ}
        return {
            "PATH": path,
            "HOME": "/nonexistent",
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
            **others,
        }


def require_sandbox() -> None:
    """Skips the test, or fails it in CI, where the machine has no bubblewrap or forbids namespaces."""
    tried = Sandbox({}).command("python", "-c", "")
    with suppress(OSError):
        if subprocess.run(tried, capture_output=True, timeout=60, check=False).returncode == 0:
            return
    missing("bubblewrap cannot make a sandbox on this machine (package: bubblewrap)")
