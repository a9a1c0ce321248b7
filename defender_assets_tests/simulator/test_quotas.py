"""The documented quotas: counted always, enforced on demand, in sliding windows."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.simulator.wire.quota_limits import QuotaLimit
from defender_assets.simulator.wire.quotas import Quotas, retry_after

FAMILY = QuotaLimit("family", 5, 12)
BY_THE_MINUTE = QuotaLimit("family", 5, 1_000)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_over_the_minute_is_refused_until_the_oldest_call_is_a_minute_old():
    clock = Clock()
    quotas = Quotas(enforced=True, clock=clock)
    for _ in range(5):
        assert quotas.take(FAMILY) is None
        clock.now += 1
    wait = quotas.take(FAMILY)
    # The refused call counts as well, so the second oldest has to leave the window too.
    assert wait == pytest.approx(56)
    clock.now += wait
    assert quotas.take(FAMILY) is None
    assert (quotas.counted["family"], quotas.refused["family"], quotas.early["family"]) == (7, 1, 0)


def test_what_is_over_the_hour_is_refused():
    clock = Clock()
    quotas = Quotas(enforced=True, clock=clock)
    for _ in range(12):
        assert quotas.take(FAMILY) is None
        clock.now += 61
    wait = quotas.take(FAMILY)
    assert wait is not None
    assert 3_600 - 12 * 61 <= wait <= 3_600


def test_asking_too_early_is_counted_and_prolongs():
    clock = Clock()
    quotas = Quotas(enforced=True, clock=clock)
    for _ in range(5):
        quotas.take(BY_THE_MINUTE)
    first = quotas.take(BY_THE_MINUTE)
    clock.now += 30
    second = quotas.take(BY_THE_MINUTE)
    assert first == 60
    assert second == 30
    for _ in range(5):
        quotas.take(BY_THE_MINUTE)
    assert quotas.take(BY_THE_MINUTE) == 60
    assert quotas.early["family"] == 7


@given(st.lists(st.floats(0, 40), max_size=60))
def test_a_client_that_waits_is_never_refused_twice_in_a_row(gaps):
    clock = Clock()
    quotas = Quotas(enforced=True, clock=clock)
    for gap in gaps:
        clock.now += gap
        wait = quotas.take(FAMILY)
        if wait is not None:
            clock.now += wait + 1e-6
            assert quotas.take(FAMILY) is None


def test_nothing_is_refused_unless_quotas_are_enforced():
    quotas = Quotas()
    assert {quotas.take(FAMILY) for _ in range(1_000)} == {None}
    assert quotas.counted["family"] == 1_000


def test_retry_after_is_whole_seconds_rounded_up():
    assert [retry_after(wait) for wait in (0.0, 1.0, 1.2)] == ["1", "1", "2"]


def test_on_the_wire_the_sixth_export_of_a_minute_is_429_and_passes_after_retry_after(own, own_api):
    own.control.enforce_quotas(minute=1.0)
    answers = [own_api.get("/api/machines/SoftwareInventoryExport") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["error"]["code"] == "TooManyRequests"
    assert own_api.get("/api/machines?$top=1").status_code == 200, "another family has its own quota"
    time.sleep(int(answers[-1].headers["retry-after"]) + 0.05)
    assert own_api.get("/api/machines/SoftwareInventoryExport").status_code == 200
    counters = own.control.counters()
    assert counters["calls"] == {"tvm_files": 7, "machines": 1}
    assert counters["refused"] == {"tvm_files": 1}


def test_calls_that_are_refused_for_a_role_count_and_those_without_a_token_do_not(own, own_api):
    own.control.revoke_roles("Machine.Read.All")
    own_api.get("/api/machines")
    del own_api.headers["Authorization"]
    own_api.get("/api/machines")
    assert own.control.counters()["calls"] == {"machines": 1}
