"""When to try again, and how long to wait first: the one policy for the API, the login, feeds and webhooks.

Here: reading Retry-After, back-off with jitter, when to give up. Not here: which errors may be tried again (each error
says so itself: ``retryable``).
"""

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity

from ..errors import DefenderAssetsError
from .clock import Clock, SystemClock

_log = logging.getLogger("defender_assets.api")
_T = TypeVar("_T")

# Seconds that somebody at a terminal waits without asking why.
_UNEXPLAINED_WAIT = 10.0
_UNEXPLAINED_TIME = 30.0
# Seconds in which nobody answered at all, whatever number of attempts that took: each can try several addresses.
_NOBODY_THERE = 40.0


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number of seconds or an HTTP date (RFC 9110 10.2.3).

    None for what is neither; never negative. ``now`` is the server's own ``Date`` where it sent one, so that a clock
    that is wrong here does not matter.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError, TypeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def server_time(value: str | None) -> datetime:
    """The time in a ``Date`` header, or else this machine's time."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError, TypeError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RetryPolicy:
    """``attempts`` at most, and ``patience`` seconds of waiting altogether.

    Where nothing answers at all (an error whose ``connected`` is false), ``connect_attempts`` have to do, and where a
    connection is taken but no answer comes (``silent``), ``silent_attempts``: trying longer only delays the message.
    """

    attempts: int = 6
    patience: float = 600.0
    connect_attempts: int = 3
    silent_attempts: int = 2
    first_wait: float = 1.0
    longest_wait: float = 60.0
    clock: Clock = field(default_factory=SystemClock, repr=False)

    def run(
        self,
        attempt: Callable[[], _T],
        *,
        only: type[DefenderAssetsError] = DefenderAssetsError,
        but: tuple[type[DefenderAssetsError], ...] = (),
    ) -> _T:
        """What ``attempt`` returns, or its last error. Only retryable errors (of the kind ``only``, and of none in
        ``but``) are tried again."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, only) and error.retryable and not isinstance(error, but)
            ),
            stop=self._gives_up,
            wait=self._wait,
            sleep=self.clock.sleep,
            before_sleep=_log_retry,
            reraise=True,
        )(attempt)

    def backoff(self, attempt: int) -> float:
        """Doubling from ``first_wait``, at most ``longest_wait``; between half and all of it, so that threads that
        failed together do not come back together."""
        full = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt - 1, 30))
        return full * random.uniform(0.5, 1.0)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        retry_after: float | None = getattr(_error_of(state), "retry_after", None)
        if retry_after is None:
            return self.backoff(state.attempt_number)
        # A little longer than Retry-After: calls that come early prolong the throttling.
        return retry_after + random.uniform(0.05, 0.5)

    def _gives_up(self, state: tenacity.RetryCallState) -> bool:
        error = _error_of(state)
        attempts = self.attempts
        if not getattr(error, "connected", True):
            attempts = min(attempts, self.connect_attempts)
            if _elapsed(state) + state.upcoming_sleep > _NOBODY_THERE:
                return True
        elif getattr(error, "silent", False):
            attempts = min(attempts, self.silent_attempts)
        return state.attempt_number >= attempts or state.idle_for + state.upcoming_sleep > self.patience


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _elapsed(state: tenacity.RetryCallState) -> float:
    # The clock of a test lets no time pass while it waits.
    return max(state.idle_for, state.seconds_since_start or 0.0)


def _log_retry(state: tenacity.RetryCallState) -> None:
    wait = state.next_action.sleep if state.next_action else 0.0
    # Warnings are shown on a terminal.
    shown = wait > _UNEXPLAINED_WAIT or _elapsed(state) > _UNEXPLAINED_TIME
    said = str(_error_of(state)).rstrip(".")
    _log.log(
        logging.WARNING if shown else logging.INFO,
        "%s. Trying again in %.0f s (attempt %d).",
        said,
        wait,
        state.attempt_number,
    )
