"""What people would use instead: each peer a script of its own, run in an environment of its own.

Here: which peers there are, the settings that make each fastest, making their environments (``build/bench/env``), and
the commands that run them. Not here: the scripts (a folder each, ``pipeline.py``, with what it pins in
``requirements.txt``), what is measured (``benchmarks/ingest.py``).

A script gets the address of the service, the list to read, pages or files, and a folder for Parquet. It neither logs in
nor proves that the list is complete nor finds rows that come twice.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..measure import Command, say

_HERE = Path(__file__).parent
PAGES, FILES = "pages", "files"


@dataclass(frozen=True)
class Peer:
    """``settings`` are those that made it fastest. ``python`` is the program it needs, if not the one that runs this.
    ``ways``: what it reads findings from."""

    name: str
    title: str
    settings: str
    ways: tuple[str, ...] = (PAGES,)
    python: str | None = None

    @property
    def interpreter(self) -> str | None:
        """The interpreter of its environment; None where the machine has none."""
        return shutil.which(self.python) if self.python else sys.executable


PANDAS = Peer(
    "requests_pandas",
    "`requests` + pandas",
    "one session; files by Arrow's reader (`read_json(lines=True, engine='pyarrow')`)",
    ways=(PAGES, FILES),
)
DLT = Peer(
    "dlt_rest_api",
    "dlt `rest_api`",
    "1.31: orjson, no child tables, buffers of 50,000 rows, no compression in between, files of 100,000 rows, "
    "2 workers normalize",
)
SINGER = Peer(
    "singer",
    "Singer SDK",
    "0.54: tap and target on a core each, msgspec on both sides, no validation, no columns of the SDK's own, "
    "batches of 50,000 rows",
)
AIRBYTE = Peer(
    "airbyte",
    "Airbyte CDK",
    "7.39: a declarative source in Python, its records written in batches of 50,000; no platform, no destination",
)
MDE_CLIENT = Peer(
    "mde",
    "mde-client",
    "0.4: its Arrow table, written whole; its login replaced, its ten seconds' sleep before files taken out",
    ways=(PAGES, FILES),
    python="python3.14",
)


def environment(peer: Peer, folder: Path) -> Path:
    """The interpreter of the peer's environment, which is made if it is not there as its pins have it. ``folder`` is
    kept between runs."""
    pins = _HERE / peer.name / "requirements.txt"
    home = folder / "env" / peer.name
    python, made_of = home / "bin" / "python", home / "made-of"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if made_of.exists() and made_of.read_text() == wanted:
        return python
    say(f"making the environment of {peer.name} …")
    interpreter = peer.interpreter
    assert interpreter is not None
    shutil.rmtree(home, ignore_errors=True)
    if peer.python is None:
        venv.create(home, symlinks=True)
    else:
        subprocess.run([interpreter, "-m", "venv", "--without-pip", home], check=True)
    install = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--disable-pip-version-check",
    )
    subprocess.run([*install, "--requirement", str(pins)], check=True)
    made_of.write_text(wanted)
    return python


def command(peer: Peer, folder: Path, service: Mapping[str, str], table: str, way: str, output: Path) -> Command:
    """Reads the list into Parquet files under ``output``, which must be empty."""
    authority = service["DEFENDER_CA_BUNDLE"]
    script = _HERE / peer.name / "pipeline.py"
    return Command(
        [str(environment(peer, folder)), str(script), service["DEFENDER_API_URL"], table, way, str(output)],
        {
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
            "PYTHONPATH": str(_HERE),
            "DO_NOT_TRACK": "1",
        },
    )
