"""The folder of a demonstration: what is in it, and of what fleet it was made.

Here: the note beside the lake, the lock, making room for another demonstration. Not here: making one (``cli/demo.py``,
``history.py``).
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import DefenderAssetsError
from ..version import __version__

_NOTE = "demo.json"


class DemoFolderTaken(DefenderAssetsError):
    """The folder is in use, or holds what no demonstration has made."""


@dataclass(frozen=True)
class Demonstration:
    """What a lake was made of: so many ``machines``, captured on ``days`` days.

    ``begins_at`` is the tenant's time on the first of them; ``made_at`` is when the last was done, None before.
    ``version`` of this package made it.
    """

    machines: int
    days: int
    begins_at: datetime
    made_at: datetime | None = None
    version: str = __version__

    @classmethod
    def ending_now(cls, machines: int, days: int) -> "Demonstration":
        """One that is still to be made."""
        return cls(machines, days, datetime.now(UTC).replace(microsecond=0) - timedelta(days=days - 1))

    @property
    def moments(self) -> list[datetime]:
        """The tenant's time on each of the days."""
        return [self.begins_at + timedelta(days=index) for index in range(self.days)]

    @property
    def days_since_its_last(self) -> int:
        """Whole days from the last moment to now."""
        return (datetime.now(UTC) - self.moments[-1]).days


@dataclass(frozen=True)
class DemoFolder:
    """A folder with a lake, Dagster's history, and the note that tells what they were made of."""

    root: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within this block no other process makes or serves a demonstration in the folder, which exists from then on.

        Raises DemoFolderTaken, and OSError where there cannot be such a folder.
        """
        if not self._note.exists() and (foreign := next((path for path in self._contents if path.exists()), None)):
            raise DemoFolderTaken(
                f"{foreign} is there, and no demo of this version has made it; move {self.root} away, or run the demo "
                "in another folder"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.root / "demo.lock", timeout=0).acquire()
        except Timeout:
            raise DemoFolderTaken(
                f"another process makes or serves the demo in {self.root}; end it, or run the demo in another folder"
            ) from None
        with lock:
            yield

    def demonstration(self) -> Demonstration | None:
        """What the folder was made of; None where that is not known."""
        try:
            facts = json.loads(self._note.read_text(encoding="utf-8"))
            begins_at, made_at = datetime.fromisoformat(facts.pop("begins_at")), facts.pop("made_at")
            return Demonstration(
                begins_at=begins_at, made_at=datetime.fromisoformat(made_at) if made_at else None, **facts
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def begin(self, demonstration: Demonstration) -> None:
        """Makes room for it: what another one has left is removed."""
        self._write(demonstration)
        for path in self._contents:
            if path.exists():
                shutil.rmtree(path)

    def finish(self, demonstration: Demonstration) -> None:
        """Notes that it is made."""
        self._write(replace(demonstration, made_at=datetime.now(UTC)))

    @property
    def _note(self) -> Path:
        return self.root / _NOTE

    @property
    def _contents(self) -> tuple[Path, ...]:
        return self.lake, self.dagster

    def _write(self, demonstration: Demonstration) -> None:
        draft = self._note.with_suffix(".draft")
        text = json.dumps(asdict(demonstration), default=datetime.isoformat, indent=2)
        draft.write_text(f"{text}\n", encoding="utf-8")
        draft.replace(self._note)
