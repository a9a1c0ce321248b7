"""One count of calls for several machines, in a real Redis."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from defender_assets.api import Budget, BudgetUnusable, Throttled, budget_of
from defender_assets.api.redis_counts import RedisCounts
from defender_assets.catalog import DATASETS, QuotaFamily
from defender_assets.settings import Settings, SettingsError, connection
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..cli.program import invoke
from .conftest import FastClock
from .redis_server import RedisServer, serving_redis

FAMILY = QuotaFamily("tests", 5, 20)
OTHER = QuotaFamily("others", 5, 20)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with serving_redis() as server:
        yield server


@pytest.fixture
def owner() -> str:
    return uuid4().hex


def budget(redis: RedisServer, owner: str, clock: FastClock, pacing: str = "adaptive") -> Budget:
    return Budget(owner, counts=RedisCounts(owner, redis.address, clock), pacing=pacing, clock=clock)  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_machines_whose_clocks_differ_by_minutes_keep_one_quota(redis: RedisServer, owner: str) -> None:
    clocks = FastClock(), FastClock(time=FastClock.time + 300)
    mine, theirs = (budget(redis, owner, clock, "documented") for clock in clocks)
    assert [mine.acquire(FAMILY) for _ in range(3)] + [theirs.acquire(FAMILY) for _ in range(2)] == [0] * 5
    with pytest.raises(Throttled) as told:
        theirs.acquire(FAMILY, patience=1)
    assert told.value.retry_after == pytest.approx(61, abs=2)
    assert budget(redis, "somebody else", clocks[0], "documented").acquire(FAMILY) == 0
    assert mine.used(FAMILY)[0] == theirs.used(FAMILY)[0] == 5


@pytest.mark.slow
def test_both_rates_are_kept_and_no_slower_than_the_quota_permits(redis: RedisServer, owner: str) -> None:
    clock = FastClock()
    started, times = clock.time, []
    counted = budget(redis, owner, clock, "documented")
    for _ in range(45):
        counted.acquire(FAMILY)
        times.append(clock.time - started)
    for window, limit in ((60, 5), (3_600, 20)):
        for first in times:
            assert len([at for at in times if first <= at < first + window]) <= limit
    assert times[-1] <= 2 * 3_601 * 1.01 + 61


@pytest.mark.slow
def test_what_the_service_wants_is_kept_by_all_and_the_longest_wait_stands(redis: RedisServer, owner: str) -> None:
    clock = FastClock()
    mine, theirs = budget(redis, owner, clock), budget(redis, owner, clock)
    mine.throttled(FAMILY, 100)
    mine.throttled(FAMILY, 1)
    assert theirs.acquire(OTHER) == 0
    assert theirs.used(FAMILY)[1] == pytest.approx(100, abs=1)
    assert theirs.acquire(FAMILY) == pytest.approx(100, abs=1)
    for _ in range(4):
        theirs.acquire(FAMILY)
    assert mine.acquire(FAMILY) == pytest.approx(61, abs=1), "after a 429 the documented rates are kept"


@pytest.mark.slow
def test_a_restart_that_forgets_everything_is_survived_and_an_outage_is_never_calls_without_counting(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("defender_assets.api.redis_counts._WAIT_TO", 0.05)
    with serving_redis() as redis:
        counted = budget(redis, owner, FastClock())
        counted.acquire(FAMILY)
        redis.stop()
        for ask in (
            lambda: counted.acquire(FAMILY),
            lambda: counted.used(FAMILY),
            lambda: counted.throttled(FAMILY, 1),
        ):
            with pytest.raises(BudgetUnusable, match=f"the Redis at 127.0.0.1:{redis.port} cannot be used") as told:
                ask()
            assert told.value.retryable
            assert redis.password not in str(told.value)
        redis.start()
        assert counted.acquire(FAMILY) == 0
        assert counted.used(FAMILY)[0] == 1


@pytest.mark.slow
def test_a_wrong_password_and_an_untrusted_certificate_are_told_and_the_bundle_is_trusted(
    redis: RedisServer, owner: str
) -> None:
    clock = FastClock()
    wrong = redis.address.replace(redis.password, "wrong-canary")
    with pytest.raises(BudgetUnusable, match="AuthenticationError") as told:
        RedisCounts(owner, wrong, clock)
    assert "wrong-canary" not in str(told.value)
    with pytest.raises(BudgetUnusable, match=r"localhost:\d+ cannot be used \(ConnectionError\)"):
        RedisCounts(owner, redis.tls_address, clock)
    trusted = RedisCounts(owner, redis.tls_address, clock, ca_bundle=redis.authority)
    assert Budget(owner, counts=trusted, clock=clock).acquire(FAMILY) == 0


@pytest.mark.slow
def test_two_machines_that_refresh_count_together_and_redis_holds_no_id(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from redis import Redis

    with Simulator(SimulatedTenant(TenantShape(machines=20))) as simulator:
        for name, value in simulator.settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DEFENDER_BUDGET_REDIS", "env:REDIS_ADDRESS")
        monkeypatch.setenv("REDIS_ADDRESS", redis.address)
        for machine in ("one", "two"):
            monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / machine))
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / machine / "state"))
            result = invoke("refresh", "--select", "machines")
            assert result.exit_code == 0, result.stderr
        family = DATASETS["machines"].quota
        settings = Settings.load()
        with budget_of(connection(settings), settings) as counted:
            assert counted.used(family)[0] == simulator.control.counters()["calls"][family.name] > 0
        kept = Redis.from_url(redis.address).keys("*")
        for secret in (connection(settings).tenant_id, connection(settings).client_id, redis.password):
            assert not any(secret.encode() in key for key in kept)
        redis_gone = redis.address.replace(str(redis.port), "1")
        calls = simulator.control.counters()["calls"]
        monkeypatch.setattr("defender_assets.api.redis_counts._WAIT_TO", 0.05)
        refused = invoke("refresh", "--select", "machines", REDIS_ADDRESS=redis_gone)
        assert refused.exit_code == 1
        assert "Calls cannot be counted: the Redis at 127.0.0.1:1 cannot be used" in refused.output
        assert redis.password not in refused.output
        assert simulator.control.counters()["calls"] == calls
        told = invoke("doctor", REDIS_ADDRESS=redis_gone)
        assert "the Redis at 127.0.0.1:1 cannot be used" in told.output
        assert simulator.control.counters()["calls"] == calls


@pytest.mark.parametrize(
    "address",
    [
        "canary",
        "http://:canary@redis.example",
        "redis://:canary@",
        "rediss://:canary@redis.example/0?ssl_cert_reqs=none",
    ],
)
def test_an_address_that_is_none_is_told_before_anything_is_fetched_and_without_it(address: str) -> None:
    with pytest.raises(SettingsError, match="DEFENDER_BUDGET_REDIS is no address of a Redis"):
        RedisCounts("me", address, FastClock())
    result = invoke("doctor", DEFENDER_BUDGET_REDIS=address)
    assert "DEFENDER_BUDGET_REDIS is no address of a Redis" in result.output
    assert "canary" not in result.output
