"""The call budget of an application in a tenant, shared by every thread and process of the machine, or by several
machines.

Here: waiting for the documented rates, holding back while the service throttles. Not here: where calls are counted
(``call_counts.py``), sending requests (``client.py``), retrying (``retry.py``).

The service counts per application *and* tenant, for each family of endpoints, by the minute and by the hour
(https://learn.microsoft.com/en-us/defender-endpoint/api/common-errors). So runs, sensors and the doctor draw on the
same count, kept by pyrate-limiter in an SQLite file or in a Redis.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pyrate_limiter import Rate

from ..catalog import QuotaFamily
from ..settings import Connection, Settings, budget_redis, expanded
from .call_counts import HOUR, MINUTE, REMEMBERED_SECONDS, CallCounts
from .clock import Clock, SystemClock
from .errors import BudgetUnusable, Throttled
from .file_counts import FileCounts, default_file
from .hosts import is_clouds_own
from .redis_counts import RedisCounts

_log = logging.getLogger("defender_assets.api")

Pacing = Literal["adaptive", "documented"]

THROTTLING_REMEMBERED = float(REMEMBERED_SECONDS)
"""Seconds after a 429 for which adaptive pacing keeps to the documented rates."""
LONGEST_THROTTLING = float(REMEMBERED_SECONDS)
"""Seconds. The service counts by the hour at most; a Retry-After beyond that is a mistake, which would outlive the
process that received it."""

_UNLIMITED = 1_000_000_000
_LOGGED_ABOVE = 10.0


def _rates(family: QuotaFamily) -> list[Rate]:
    """The documented rates, without one that the other makes redundant: pyrate-limiter refuses it."""
    if family.per_hour <= family.per_minute:
        return [Rate(family.per_hour, HOUR)]
    if family.per_hour / HOUR > family.per_minute / MINUTE:
        return [Rate(family.per_minute, MINUTE)]
    return [Rate(family.per_minute, MINUTE), Rate(family.per_hour, HOUR)]


def owner_of(connection: Connection) -> str:
    """Whose calls are counted together: a digest of tenant and application, so that their ids are not in the file."""
    owner = f"{connection.tenant_id}\n{connection.client_id}"
    if not is_clouds_own(connection.api_url, connection.cloud):
        # Two test tenants can have the same ids.
        owner += f"\n{connection.api_url}"
    return hashlib.sha256(owner.lower().encode()).hexdigest()[:16]


def counts_file(settings: Settings) -> Path | None:
    """Where all processes of the machine count their calls, and in whose folder they share what else they do; None
    where the user has none."""
    try:
        return expanded(settings.budget_file) if settings.budget_file else default_file()
    except RuntimeError:  # there is no home folder
        return None


def budget_of(connection: Connection, settings: Settings, *, clock: Clock | None = None) -> "Budget":
    """The budget of a connection, where the settings say that calls are counted. Raises SettingsError and
    BudgetUnusable."""
    redis = budget_redis(settings)
    return Budget.of(connection, path=settings.budget_file, redis=redis, pacing=settings.pacing, clock=clock)


class Budget:
    """The calls of one application in one tenant.

    All processes that name the same ``path`` share it, and all machines that count in the same place (``counts``);
    without either it belongs to this object alone. Every call is counted. With ``adaptive`` pacing the documented rates
    are kept for an hour after a 429 in the same family; with ``documented`` pacing they are always kept. Raises
    BudgetUnusable.
    """

    def __init__(
        self,
        owner: str,
        *,
        path: Path | None = None,
        counts: CallCounts | None = None,
        pacing: Pacing = "adaptive",
        clock: Clock | None = None,
    ) -> None:
        self._owner = owner
        self._pacing = pacing
        self._clock = clock or SystemClock()
        self._counts: CallCounts = counts or FileCounts(owner, path, self._clock)

    @classmethod
    def of(
        cls,
        connection: Connection,
        *,
        path: Path | None = None,
        redis: str | None = None,
        pacing: Pacing = "adaptive",
        clock: Clock | None = None,
    ) -> "Budget":
        """The budget of a connection, in the Redis at an address, in ``path`` or in the user's state folder.

        Where neither is named and the state folder cannot be written, this process counts for itself and logs that.
        Raises BudgetUnusable, and SettingsError for an address that cannot be one of a Redis.
        """
        owner, clock = owner_of(connection), clock or SystemClock()
        if redis is not None:
            counts = RedisCounts(owner, redis, clock, ca_bundle=connection.ca_bundle)
            return cls(owner, counts=counts, pacing=pacing, clock=clock)
        if path is not None:
            return cls(owner, path=expanded(path), pacing=pacing, clock=clock)
        try:
            return cls(owner, path=default_file(), pacing=pacing, clock=clock)
        except (BudgetUnusable, RuntimeError):
            # RuntimeError: there is no home folder.
            _log.warning("Calls are not counted together with other processes; DEFENDER_BUDGET_FILE can name a file.")
        return cls(owner, pacing=pacing, clock=clock)

    def __repr__(self) -> str:
        return f"Budget({self._owner}, pacing={self._pacing!r}, counts={self._counts!r})"

    def __enter__(self) -> "Budget":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the place in which calls are counted; the counts stay in it."""
        self._counts.close()

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
        now = self._counts.now()
        retry_after = min(retry_after, LONGEST_THROTTLING)
        self._counts.record_throttling(family.name, now + retry_after, now)

    def used(self, family: QuotaFamily) -> tuple[int, float]:
        """The calls of the last hour as they are counted here, and the seconds for which the service still wants
        none."""
        with self._counts.exclusive():
            now = self._counts.now()
            calls = self._counts.made_since(family.name, now - REMEMBERED_SECONDS)
            return calls, max(0.0, self._throttling(family)[0] - now)

    def _take(self, family: QuotaFamily) -> float:
        """Counts the call and returns 0 when it may be made now; else the seconds to wait."""
        with self._counts.exclusive():
            now = self._counts.now()
            blocked_until, throttled_at = self._throttling(family)
            if now < blocked_until:
                return blocked_until - now
            paced = self._pacing == "documented" or now - throttled_at < THROTTLING_REMEMBERED
            return self._counts.count(family.name, _rates(family) if paced else [Rate(_UNLIMITED, HOUR)], now)

    def _throttling(self, family: QuotaFamily) -> tuple[float, float]:
        """Until when the service wants no calls, and when it said so."""
        blocked_until, throttled_at = self._counts.throttling(family.name)
        # A former version wrote any time into the file.
        return min(blocked_until, throttled_at + LONGEST_THROTTLING), throttled_at
