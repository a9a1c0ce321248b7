"""What earlier versions left: a small lake of each, and the package of the newest of them.

Here: where that is, and keeping another version (``python -m defender_assets_tests.upgrades.kept VERSION``, before the
next one is begun). Not here: what is tested with it.

A kept lake is that of a demonstration of twelve machines, made by that version: of each table the newest day, and of
one whose newest day is empty also the newest that is not.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from packaging.version import Version

from ..rules.places import ROOT

VERSIONS = Path(__file__).with_name("versions")
_MACHINES = "12"
_MAIN = "from defender_assets.cli import main; main()"


@dataclass(frozen=True)
class KeptVersion:
    """``folder`` has the lake, and of the newest kept version the wheel."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def wheel(self) -> Path:
        (wheel,) = self.folder.glob("*.whl")
        return wheel


def kept_versions() -> list[KeptVersion]:
    """The oldest first."""
    return sorted(map(KeptVersion, VERSIONS.iterdir()), key=lambda kept: Version(kept.folder.name))


def run(package: Path, lake: Path, *words: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """``defender-assets`` of another version, in the folder ``home``: ``package`` is its wheel, unpacked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DEFENDER_", "DAGSTER_"))}
    environment |= {"PYTHONPATH": str(package), "DEFENDER_LAKE": str(lake), "DAGSTER_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        [sys.executable, "-c", _MAIN, *words],
        cwd=home, env=environment | settings, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def unpack(wheel: Path, folder: Path) -> Path:
    """The package of a wheel, to be put on Python's path."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def keep(version: str, wheel: Path | None = None) -> KeptVersion:
    """Makes the lake of that version by its ``wheel``, or by one of the tree as it is. Takes minutes."""
    folder = VERSIONS / str(Version(version))
    with tempfile.TemporaryDirectory() as work:
        home = Path(work)
        if wheel is None:
            build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", work, str(ROOT)]
            subprocess.run(build, check=True)
            (wheel,) = home.glob("*.whl")
        made = run(unpack(wheel, home / "package"), home / "unused", "demo", "--machines", _MACHINES, home=home)
        if made.returncode:
            sys.exit(f"The demonstration of {version} failed:\n{made.stdout}{made.stderr}")
        folder.mkdir(parents=True)
        for table in sorted((home / "demo" / "lake").iterdir()):
            for file in _worth_keeping(sorted(table.glob("tenant=default/snapshot_date=*/*.parquet"))):
                kept = folder / "lake" / file.relative_to(table.parent)
                kept.parent.mkdir(parents=True)
                shutil.copyfile(file, kept)
        for former in VERSIONS.glob("*/*.whl"):
            former.unlink()
        shutil.copy(wheel, folder)
    return KeptVersion(folder)


def _worth_keeping(files: list[Path]) -> list[Path]:
    filled = [file for file in files if pq.read_metadata(file).num_rows]
    return sorted({*files[-1:], *filled[-1:]})


if __name__ == "__main__":
    name, *wheels = sys.argv[1:]
    print(keep(name, Path(wheels[0]) if wheels else None).folder)  # noqa: T201
