"""The call budget of an application in a tenant, shared by every thread and process of the machine.

Here: counting calls, waiting for the documented rates, holding back while the service throttles. Not here: sending
requests (``client.py``), retrying (``retry.py``).

The service counts per application *and* tenant, for each family of endpoints, by the minute and by the hour
(https://learn.microsoft.com/en-us/defender-endpoint/api/common-errors). So runs, sensors and the doctor draw on the
same count, kept by pyrate-limiter in an SQLite file.
"""

import hashlib
import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pyrate_limiter import Decision, Duration, Rate, RateItem, SQLiteBucket

from ..catalog import QuotaFamily
from ..settings import Connection, expanded
from .clock import Clock, SystemClock
from .errors import BudgetUnusable, Throttled
from .hosts import is_clouds_own

_log = logging.getLogger("defender_assets.api")

Pacing = Literal["adaptive", "documented"]

THROTTLING_REMEMBERED = 3_600.0
"""Seconds after a 429 for which adaptive pacing keeps to the documented rates."""
LONGEST_THROTTLING = 3_600.0
"""Seconds. The service counts by the hour at most; a Retry-After beyond that is a mistake, which would outlive the
process that received it."""

# We count by when a call is sent, the service by when it arrives; a second more keeps our count within its own.
_MINUTE = Duration.MINUTE.value + 1_000
_HOUR = Duration.HOUR.value + 1_000
_UNLIMITED = 1_000_000_000
_LEAK_EVERY = 200
_LOCK_TIMEOUT = 60.0
_LOGGED_ABOVE = 10.0

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

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            self._processes.__enter__()
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            self._processes.__exit__(None, None, None)
        finally:
            self._threads.release()


def _rates(family: QuotaFamily) -> list[Rate]:
    """The documented rates, without one that the other makes redundant: pyrate-limiter refuses it."""
    if family.per_hour <= family.per_minute:
        return [Rate(family.per_hour, _HOUR)]
    if family.per_hour / _HOUR > family.per_minute / _MINUTE:
        return [Rate(family.per_minute, _MINUTE)]
    return [Rate(family.per_minute, _MINUTE), Rate(family.per_hour, _HOUR)]


def owner_of(connection: Connection) -> str:
    """Whose calls are counted together: a digest of tenant and application, so that their ids are not in the file."""
    owner = f"{connection.tenant_id}\n{connection.client_id}"
    if not is_clouds_own(connection.api_url, connection.cloud):
        # Two test tenants can have the same ids.
        owner += f"\n{connection.api_url}"
    return hashlib.sha256(owner.lower().encode()).hexdigest()[:16]


class Budget:
    """The calls of one application in one tenant.

    All processes that name the same ``path`` share it; without one it belongs to this object alone. Every call is
    counted. With ``adaptive`` pacing the documented rates are kept for an hour after a 429 in the same family; with
    ``documented`` pacing they are always kept. Raises BudgetUnusable.
    """

    def __init__(
        self, owner: str, *, path: Path | None = None, pacing: Pacing = "adaptive", clock: Clock | None = None
    ) -> None:
        self._owner = owner
        self._path = path
        self._pacing = pacing
        self._clock = clock or SystemClock()
        self._lock = _Lock(path)
        self._buckets: dict[tuple[str, bool], SQLiteBucket] = {}
        self._calls = 0
        with self._usable():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(path or ":memory:", timeout=_LOCK_TIMEOUT, check_same_thread=False)
            weakref.finalize(self, self._database.close)
            with self._lock:
                # A power cut could lose the count of the last seconds, which does no harm.
                self._database.execute("PRAGMA synchronous=OFF")
                self._database.execute(_CREATE_TABLE)
                self._database.commit()

    @classmethod
    def of(
        cls,
        connection: Connection,
        *,
        path: Path | None = None,
        pacing: Pacing = "adaptive",
        clock: Clock | None = None,
    ) -> "Budget":
        """The budget of a connection, in ``path`` or in the user's state folder.

        Where no file is named and the state folder cannot be written, this process counts for itself and logs that.
        """
        owner = owner_of(connection)
        if path is not None:
            return cls(owner, path=expanded(path), pacing=pacing, clock=clock)
        try:
            return cls(owner, path=default_file(), pacing=pacing, clock=clock)
        except (BudgetUnusable, RuntimeError):
            # RuntimeError: there is no home folder.
            _log.warning("Calls are not counted together with other processes; DEFENDER_BUDGET_FILE can name a file.")
        return cls(owner, pacing=pacing, clock=clock)

    def __repr__(self) -> str:
        return f"Budget({self._owner}, pacing={self._pacing!r}, path={self._path!r})"

    def __enter__(self) -> "Budget":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the counts stay in it."""
        self._database.close()

    def acquire(
        self,
        family: QuotaFamily,
        *,
        patience: float | None = None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> float:
        """Waits until one call may be made, and counts it. Returns the seconds waited.

        Raises Throttled when the wait would be longer than ``patience`` seconds (None: no limit), and when the call is
        ``given_up`` while it waits.
        """
        waited = 0.0
        while (wait := self._take(family)) > 0:
            if patience is not None and waited + wait > patience:
                raise Throttled(
                    f"The quota of {family.name} ({family.per_minute} calls a minute, {family.per_hour} an hour) is "
                    "spent",
                    remedy=f"Wait {wait:.0f} seconds.",
                    retry_after=wait,
                )
            _log.log(
                # Warnings are shown on a terminal.
                logging.WARNING if wait > _LOGGED_ABOVE else logging.DEBUG,
                "The quota of %s is spent; waiting %.0f s.",
                family.name,
                wait,
            )
            self._clock.sleep(wait)
            if given_up():
                raise Throttled(f"The wait for the quota of {family.name} was ended")
            waited += wait
        return waited

    def throttled(self, family: QuotaFamily, retry_after: float) -> None:
        """The service answered 429: no process makes a call in this family for ``retry_after`` seconds,
        ``LONGEST_THROTTLING`` at most."""
        now = self._clock.now()
        retry_after = min(retry_after, LONGEST_THROTTLING)
        with self._usable(), self._lock:
            self._database.execute(
                _RECORD_THROTTLING, {"family": self._key(family), "until": now + retry_after, "now": now}
            )
            self._database.commit()

    def used(self, family: QuotaFamily) -> tuple[int, float]:
        """The calls of the last hour as they are counted here, and the seconds for which the service still wants
        none."""
        with self._usable(), self._lock:
            now = self._clock.now()
            self._bucket(family, paced=False)  # makes the table
            (calls,) = self._database.execute(
                f"SELECT count(*) FROM '{self._table(family)}' WHERE item_timestamp > ?", [int((now - 3_600) * 1_000)]
            ).fetchone()
            return calls, max(0.0, self._throttling(family)[0] - now)

    def _take(self, family: QuotaFamily) -> float:
        """Counts the call and returns 0 when it may be made now; else the seconds to wait."""
        with self._usable(), self._lock:
            now = self._clock.now()
            blocked_until, throttled_at = self._throttling(family)
            if now < blocked_until:
                return blocked_until - now
            paced = self._pacing == "documented" or now - throttled_at < THROTTLING_REMEMBERED
            bucket = self._bucket(family, paced=paced)
            moment = int(now * 1_000)
            self._calls += 1
            if self._calls % _LEAK_EVERY == 1:
                bucket.leak(moment)
            decision = bucket.put_decision(RateItem(family.name, moment))
            assert isinstance(decision, Decision)
            return 0.0 if decision.allowed else max(0.001, (decision.retry_after_ms or 0) / 1_000)

    def _throttling(self, family: QuotaFamily) -> tuple[float, float]:
        """Until when the service wants no calls, and when it said so."""
        row = self._database.execute(
            "SELECT blocked_until, said_at FROM throttling WHERE family = ?", (self._key(family),)
        ).fetchone()
        blocked_until, throttled_at = row or (0.0, float("-inf"))
        # A former version wrote any time into the file.
        return min(blocked_until, throttled_at + LONGEST_THROTTLING), throttled_at

    def _table(self, family: QuotaFamily) -> str:
        return f"calls_{self._owner}_{family.name}"

    def _bucket(self, family: QuotaFamily, *, paced: bool) -> SQLiteBucket:
        """The calls of a family, limited to its documented rates or not. Both count in the same table."""
        if (family.name, paced) not in self._buckets:
            table = self._table(family)
            self._database.execute(f"CREATE TABLE IF NOT EXISTS '{table}' (name VARCHAR, item_timestamp INTEGER)")
            self._database.execute(f"CREATE INDEX IF NOT EXISTS 'at_{table}' ON '{table}' (item_timestamp)")
            self._database.commit()
            rates = _rates(family) if paced else [Rate(_UNLIMITED, _HOUR)]
            self._buckets[family.name, paced] = SQLiteBucket(rates, self._database, table, lock=self._lock)
        return self._buckets[family.name, paced]

    def _key(self, family: QuotaFamily) -> str:
        return f"{self._owner}:{family.name}"

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, Timeout) as error:
            kind = type(error).__name__
        else:
            return
        raise BudgetUnusable(f"The file in which calls are counted cannot be used ({kind})")
