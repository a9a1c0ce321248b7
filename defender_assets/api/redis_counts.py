"""Calls counted in a Redis, by every machine that fetches with the same application.

Here: what is kept in Redis, and what its failures mean. Not here: when a call may be made (``budget.py``).

The service counts per application and tenant, wherever the calls come from: two machines that each count for
themselves would spend the quota twice. A Redis that cannot be reached is an error, never a leave to call without
counting. What it forgets (a restart without persistence) is learned again with the service's next 429.
"""

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from pyrate_limiter import Decision, Rate, RateItem, RedisBucket

from ..settings import Problem, SettingsError
from .call_counts import REMEMBERED_SECONDS
from .clock import Clock
from .errors import BudgetUnusable

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

_PREFIX = "defender-assets"
_LEAK_EVERY = 200
_TIMEOUT_SECONDS = 5.0
_ATTEMPTS = 6
_WAIT_FROM, _WAIT_TO = 0.1, 2.0
"""Seconds between the attempts: an outage of some six seconds is waited out."""
_KEPT_SECONDS = 2 * REMEMBERED_SECONDS


class RedisCounts:
    """The counts of one ``owner`` in the Redis at an address (``rediss://user:password@host:6380/0``).

    ``ca_bundle`` is trusted in addition to the system's authorities. Raises BudgetUnusable where it does not answer,
    and SettingsError for an address that is none, or without the package ``redis``.
    """

    def __init__(self, owner: str, address: str, clock: Clock, *, ca_bundle: Path | None = None) -> None:
        self._owner = owner
        self._clock = clock
        self._host = _host(address)
        self._threads = threading.RLock()
        self._buckets: dict[tuple[str, tuple[int, ...]], RedisBucket] = {}
        self._calls = 0
        self._redis = _connection(address, ca_bundle)
        weakref.finalize(self, self._redis.close)
        seconds, microseconds = self._ask(self._redis.time)
        # The machines' clocks differ, and one that is a minute ahead would see no call of the others'.
        self._ahead = seconds + microseconds / 1e6 - clock.now()

    def __repr__(self) -> str:
        return f"RedisCounts({self._host!r})"

    def close(self) -> None:
        self._redis.close()

    def now(self) -> float:
        return self._clock.now() + self._ahead

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Alone among the threads of this process: each step that counts is a single one for Redis."""
        with self._threads:
            yield

    def count(self, family: str, rates: Sequence[Rate], now: float) -> float:
        from redis.exceptions import NoScriptError

        item = RateItem(family, int(now * 1_000))

        def put() -> Decision:
            try:
                return cast(Decision, self._bucket(family, rates).put_decision(item))
            except NoScriptError:
                # Redis was restarted, and has to be given the script again.
                self._buckets.clear()
                return cast(Decision, self._bucket(family, rates).put_decision(item))

        with self.exclusive():
            decision = self._ask(put)
            self._calls += 1
            if self._calls % _LEAK_EVERY == 1:
                self._ask(lambda: self._bucket(family, rates).leak(item.timestamp))
                # Of an application that is used no more nothing is left.
                self._ask(lambda: self._redis.expire(self._key("calls", family), _KEPT_SECONDS))
        return 0.0 if decision.allowed else max(0.001, (decision.retry_after_ms or 0) / 1_000)

    def made_since(self, family: str, moment: float) -> int:
        after = f"({int(moment * 1_000)}"
        return self._ask(lambda: self._redis.zcount(self._key("calls", family), after, "+inf"))

    def throttling(self, family: str) -> tuple[float, float]:
        key = self._key("throttling", family)
        until, said_at = self._ask(lambda: self._redis.zmscore(key, ["until", "said at"]))
        return until or 0.0, float("-inf") if said_at is None else said_at

    def record_throttling(self, family: str, until: float, now: float) -> None:
        key = self._key("throttling", family)
        self._ask(lambda: self._redis.zadd(key, {"until": until, "said at": now}, gt=True))
        self._ask(lambda: self._redis.expire(key, _KEPT_SECONDS))

    def _key(self, what: str, family: str) -> str:
        return f"{_PREFIX}:{what}:{self._owner}:{family}"

    def _bucket(self, family: str, rates: Sequence[Rate]) -> RedisBucket:
        key = (family, tuple(rate.limit for rate in rates))
        if key not in self._buckets:
            self._buckets[key] = cast(
                RedisBucket, RedisBucket.init(list(rates), self._redis, self._key("calls", family))
            )
        return self._buckets[key]

    def _ask(self, question: Callable[[], T]) -> T:
        from redis.exceptions import RedisError

        try:
            return question()
        except (RedisError, OSError) as error:
            kind = type(error).__name__
        raise BudgetUnusable(
            f"Calls cannot be counted: the Redis at {self._host} cannot be used ({kind})",
            remedy="See that it answers and that DEFENDER_BUDGET_REDIS has the right password; without that setting "
            "this machine counts for itself.",
            retryable=True,
        )


def check_address(address: str) -> None:
    """Raises SettingsError for an address that cannot be one of a Redis, and without the package ``redis``."""
    _host(address)
    _connection(address, None).close()


def _host(address: str) -> str:
    """What may be said of the address. Raises SettingsError, without the address, which may hold a password."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _malformed() from None
    if parts.scheme not in ("redis", "rediss") or not host or parts.query:
        raise _malformed()
    return f"{host}:{port}" if port else host


def _malformed() -> SettingsError:
    return SettingsError(
        Problem(
            "DEFENDER_BUDGET_REDIS",
            "is no address of a Redis",
            "give one such as rediss://:PASSWORD@HOST:6380/0, or a reference to it",
        )
    )


def _connection(address: str, ca_bundle: Path | None) -> "Redis":
    try:
        from redis import Redis
        from redis.backoff import ExponentialBackoff
        from redis.exceptions import ConnectionError, RedisError, TimeoutError
        from redis.retry import Retry
    except ImportError:
        problem = Problem(
            "DEFENDER_BUDGET_REDIS", "needs the package redis", "pip install 'defender-assets[redis]', or unset it"
        )
        raise SettingsError(problem) from None
    options: dict[str, Any] = {"ssl_ca_certs": str(ca_bundle)} if ca_bundle and address.startswith("rediss") else {}
    try:
        return Redis.from_url(
            address,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(ExponentialBackoff(_WAIT_TO, _WAIT_FROM), _ATTEMPTS),
            retry_on_error=[ConnectionError, TimeoutError],
            client_name=_PREFIX,
            **options,
        )
    except (RedisError, ValueError):
        raise _malformed() from None
