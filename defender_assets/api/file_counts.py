"""Calls counted in an SQLite file, by every thread and process of this machine.

Here: the file and its lock. Not here: when a call may be made (``budget.py``).
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout
from pyrate_limiter import Decision, Rate, RateItem, SQLiteBucket

from .clock import Clock
from .errors import BudgetUnusable

_LEAK_EVERY = 200
_LOCK_TIMEOUT = 60.0

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS throttling (family TEXT PRIMARY KEY, blocked_until REAL NOT NULL, said_at REAL NOT NULL)
"""
_RECORD_THROTTLING = """
INSERT INTO throttling VALUES (:family, :until, :now) ON CONFLICT (family) DO UPDATE
SET blocked_until = max(blocked_until, :until), said_at = :now
"""


def default_file() -> Path:
    """``defender-assets/calls.sqlite`` in the user's state folder (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "defender-assets" / "calls.sqlite"


class _Lock:
    """A re-entrant lock among the threads of this process and, with a file, among all processes of the machine.

    pyrate-limiter's own file lock does not keep the threads of one process apart.
    """

    def __init__(self, path: Path | None) -> None:
        self._threads = threading.RLock()
        self._processes: AbstractContextManager[object] = (
            FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT, thread_local=False, poll_interval=0.01)
            if path
            else nullcontext()
        )
        self._depth = 0
        """How deeply the thread that has the lock has entered it. Only the outermost block takes the lock of the file:
        counting a call enters four times."""

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._depth == 0:
                self._processes.__enter__()
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            self._depth -= 1
            if self._depth == 0:
                self._processes.__exit__(None, None, None)
        finally:
            self._threads.release()


class FileCounts:
    """The counts of one ``owner`` in a file, or without a ``path`` in this object alone. Raises BudgetUnusable."""

    def __init__(self, owner: str, path: Path | None, clock: Clock) -> None:
        self._owner = owner
        self._path = path
        self._clock = clock
        self._lock = _Lock(path)
        self._buckets: dict[tuple[str, tuple[int, ...]], SQLiteBucket] = {}
        self._calls = 0
        with _usable():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(path or ":memory:", timeout=_LOCK_TIMEOUT, check_same_thread=False)
            weakref.finalize(self, self._database.close)
            with self._lock:
                # A power cut could lose the count of the last seconds, which does no harm.
                self._database.execute("PRAGMA synchronous=OFF")
                self._database.execute(_CREATE_TABLE)
                self._database.commit()

    def __repr__(self) -> str:
        return f"FileCounts({self._path!r})"

    def close(self) -> None:
        self._database.close()

    def now(self) -> float:
        return self._clock.now()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with _usable(), self._lock:
            yield

    def count(self, family: str, rates: Sequence[Rate], now: float) -> float:
        with self.exclusive():
            bucket, moment = self._bucket(family, rates), int(now * 1_000)
            self._calls += 1
            if self._calls % _LEAK_EVERY == 1:
                bucket.leak(moment)
            decision = bucket.put_decision(RateItem(family, moment))
            assert isinstance(decision, Decision)
            return 0.0 if decision.allowed else max(0.001, (decision.retry_after_ms or 0) / 1_000)

    def made_since(self, family: str, moment: float) -> int:
        with self.exclusive():
            self._make_table(family)
            (calls,) = self._database.execute(
                f"SELECT count(*) FROM '{self._table(family)}' WHERE item_timestamp > ?", [int(moment * 1_000)]
            ).fetchone()
            return int(calls)

    def throttling(self, family: str) -> tuple[float, float]:
        with self.exclusive():
            row = self._database.execute(
                "SELECT blocked_until, said_at FROM throttling WHERE family = ?", (f"{self._owner}:{family}",)
            ).fetchone()
        return row or (0.0, float("-inf"))

    def record_throttling(self, family: str, until: float, now: float) -> None:
        with self.exclusive():
            row = {"family": f"{self._owner}:{family}", "until": until, "now": now}
            self._database.execute(_RECORD_THROTTLING, row)
            self._database.commit()

    def _table(self, family: str) -> str:
        return f"calls_{self._owner}_{family}"

    def _make_table(self, family: str) -> None:
        table = self._table(family)
        self._database.execute(f"CREATE TABLE IF NOT EXISTS '{table}' (name VARCHAR, item_timestamp INTEGER)")
        self._database.execute(f"CREATE INDEX IF NOT EXISTS 'at_{table}' ON '{table}' (item_timestamp)")
        self._database.commit()

    def _bucket(self, family: str, rates: Sequence[Rate]) -> SQLiteBucket:
        """The calls of a family, limited to some rates. Whatever the rates, they are counted in the same table."""
        key = (family, tuple(rate.limit for rate in rates))
        if key not in self._buckets:
            self._make_table(family)
            self._buckets[key] = SQLiteBucket(list(rates), self._database, self._table(family), lock=self._lock)
        return self._buckets[key]


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, Timeout) as error:
        kind = type(error).__name__
    else:
        return
    raise BudgetUnusable(f"The file in which calls are counted cannot be used ({kind})")
