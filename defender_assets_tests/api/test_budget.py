"""The shared count of calls: recorded always, waited for when the service has complained."""

import multiprocessing
import threading
import time

import pytest

from defender_assets.api import Budget, BudgetUnusable, Throttled, open_client
from defender_assets.api import budget as budget_room
from defender_assets.api.budget import LONGEST_THROTTLING, owner_of
from defender_assets.catalog import DATASETS, QuotaFamily
from defender_assets.settings import Settings

from .conftest import FastClock, connection_to
from .wire import page, refusal

FAMILY = QuotaFamily("tests", 5, 20)
OTHER = QuotaFamily("others", 5, 20)
MACHINES = DATASETS["machines"]


def test_adaptive_pacing_does_not_wait_while_nobody_complains(clock):
    budget = Budget("me", clock=clock)
    assert sum(budget.acquire(FAMILY) for _ in range(100)) == 0


def test_documented_pacing_keeps_to_both_rates(clock):
    budget = Budget("me", pacing="documented", clock=clock)
    started = clock.time
    times = []
    for _ in range(45):
        budget.acquire(FAMILY)
        times.append(clock.time - started)
    for window, limit in ((60, 5), (3_600, 20)):
        for first in times:
            assert len([at for at in times if first <= at < first + window]) <= limit
    # Not slower than the quota permits, within a hundredth.
    assert times[-1] <= 2 * 3_601 * 1.01 + 61


def test_a_429_makes_the_calls_before_it_count(clock):
    budget = Budget("me", clock=clock)
    for _ in range(5):
        budget.acquire(FAMILY)
    budget.throttled(FAMILY, 10)
    assert budget.acquire(FAMILY) == pytest.approx(61, abs=1)
    assert budget.acquire(OTHER) == 0


def test_the_rates_are_forgotten_an_hour_after_the_last_429(clock):
    budget = Budget("me", clock=clock)
    budget.throttled(FAMILY, 1)
    clock.time += 3_601
    assert sum(budget.acquire(FAMILY) for _ in range(50)) == 0


def test_nobody_asks_while_the_service_wants_to_be_left_alone(clock, tmp_path):
    path = tmp_path / "calls.sqlite"
    mine, theirs = (Budget("me", path=path, clock=clock) for _ in range(2))
    stranger = Budget("someone else", path=path, clock=clock)
    mine.throttled(FAMILY, 30)
    assert stranger.acquire(FAMILY) == 0
    assert theirs.acquire(FAMILY) == pytest.approx(30)
    for budget in (mine, theirs, stranger):
        budget.close()


def test_a_shorter_retry_after_does_not_shorten_a_longer_one(clock):
    budget = Budget("me", clock=clock)
    budget.throttled(FAMILY, 100)
    budget.throttled(FAMILY, 1)
    assert budget.acquire(FAMILY) == pytest.approx(100)


@pytest.mark.parametrize("retry_after", [4_000, 1e9, 1e308])
def test_a_retry_after_beyond_the_hour_that_is_counted_ends_with_it(clock, retry_after):
    budget = Budget("me", clock=clock)
    budget.throttled(FAMILY, retry_after)
    assert budget.acquire(FAMILY) == pytest.approx(LONGEST_THROTTLING)


def test_what_a_former_version_wrote_of_it_ends_too(clock, monkeypatch):
    budget = Budget("me", clock=clock)
    with monkeypatch.context() as former:
        former.setattr(budget_room, "LONGEST_THROTTLING", float("inf"))
        budget.throttled(FAMILY, 1e9)
    assert budget.acquire(FAMILY) == pytest.approx(LONGEST_THROTTLING)


def test_patience_ends_with_the_time_it_would_take(clock):
    budget = Budget("me", clock=clock)
    budget.throttled(FAMILY, 100)
    with pytest.raises(Throttled) as raised:
        budget.acquire(FAMILY, patience=5)
    assert raised.value.retry_after == pytest.approx(100)
    assert clock.slept == []


def test_a_budget_file_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "calls.sqlite").write_text("this is no database, and was never one; " * 40)
    with pytest.raises(BudgetUnusable, match="delete the file"):
        Budget("me", path=tmp_path / "calls.sqlite")


def test_without_a_writable_state_folder_the_process_counts_for_itself(wire, monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with Budget.of(connection_to(wire)) as budget:
        assert budget.acquire(FAMILY) == 0
    assert "DEFENDER_BUDGET_FILE" in caplog.text


def test_the_budget_lies_where_the_settings_say(wire, tmp_path, monkeypatch):
    monkeypatch.setenv("DEFENDER_BUDGET_FILE", str(tmp_path / "there" / "calls.sqlite"))
    settings = Settings.load()
    with Budget.of(connection_to(wire), path=settings.budget_file, pacing=settings.pacing) as budget:
        budget.acquire(FAMILY)
    assert (tmp_path / "there" / "calls.sqlite").exists()


def test_the_file_names_neither_tenant_nor_application(wire, tmp_path):
    path = tmp_path / "calls.sqlite"
    connection = connection_to(wire)
    with Budget.of(connection, path=path) as budget:
        budget.acquire(FAMILY)
    content = path.read_bytes()
    assert connection.tenant_id.encode() not in content
    assert connection.client_id.encode() not in content


def test_test_tenants_on_other_ports_are_others(wire):
    here = connection_to(wire)
    elsewhere = connection_to(wire, api_url="https://localhost:1")
    real = connection_to(wire, api_url="https://api.security.microsoft.com")
    regional = connection_to(wire, api_url="https://us.api.security.microsoft.com")
    assert owner_of(here) != owner_of(elsewhere)
    assert owner_of(real) == owner_of(regional)


@pytest.mark.parametrize("family", [QuotaFamily("x", 10, 5), QuotaFamily("x", 5, 5), QuotaFamily("x", 1, 1_000)])
def test_a_rate_that_the_other_makes_needless_does_no_harm(clock, family):
    budget = Budget("me", pacing="documented", clock=clock)
    for _ in range(10):
        budget.acquire(family)
    assert clock.time > FastClock.time


def _spend(path, calls, started, times):
    family = QuotaFamily("shared", 12, 1_000)
    budget = Budget("me", path=path)
    started.wait()
    for _ in range(calls):
        budget.acquire(family)
        times.put(time.time())
    budget.close()


def test_two_processes_share_one_count(tmp_path):
    """Given that 429 was said, when two processes ask 8 times each, then 12 in all go in the first minute."""
    path = tmp_path / "calls.sqlite"
    context = multiprocessing.get_context("spawn")
    with Budget("me", path=path) as budget:
        budget.throttled(QuotaFamily("shared", 12, 1_000), 0)
    started, times = context.Event(), context.Queue()
    processes = [context.Process(target=_spend, args=(path, 8, started, times), daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    started.set()
    taken = [times.get(timeout=30) for _ in range(12)]
    time.sleep(1.5)
    assert times.empty()
    assert max(taken) - min(taken) < 30
    for process in processes:
        process.terminate()
        process.join(10)


def test_threads_share_one_budget(tmp_path):
    family = QuotaFamily("threads", 10, 1_000)
    clock = FastClock()
    budget = Budget("me", path=tmp_path / "calls.sqlite", pacing="documented", clock=clock)
    allowed = []

    def spend():
        for _ in range(5):
            try:
                budget.acquire(family, patience=0)
                allowed.append(1)
            except Throttled:
                return

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    budget.close()
    assert len(allowed) == 10


def test_the_client_tells_the_budget_of_a_429_and_all_wait(wire, clock):
    machines = DATASETS["machines"]
    connection = connection_to(wire)
    wire.on("/api/machines", refusal(429, "TooManyRequests", "", **{"Retry-After": "20"}), page([]))
    with open_client(connection, Settings.load(), clock=clock) as client:
        client.get("/api/machines", dataset=machines, quota=machines.quota)
        assert sum(clock.slept) == pytest.approx(20, abs=1)
        client.budget.throttled(machines.quota, 40)
        with Budget.of(connection, clock=clock) as another, pytest.raises(Throttled):
            another.acquire(machines.quota, patience=1)


def test_a_client_that_is_closed_waits_for_the_quota_no_longer(wire):
    """On the machine's own clock, so that the test would take five minutes if it waited."""
    with open_client(connection_to(wire), Settings.load()) as client:
        client.budget.throttled(MACHINES.quota, 300)
        closing = threading.Timer(0.1, client.close)
        closing.start()
        with pytest.raises(Throttled, match="was ended"):
            client.get(MACHINES.path, dataset=MACHINES, quota=MACHINES.quota)
        closing.join()
    assert wire.requests_for(MACHINES.path) == []
