"""Whom the crawl asks next."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from defender_assets.refresh.dataset.crawl_order import coverage, devices_to_ask

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_devices_never_asked_come_first_then_the_recently_active_with_the_oldest_answers():
    last_seen = {"new-a": ago(3), "new-b": ago(1), "fresh": ago(1), "stale": ago(1), "silent": ago(40), "unseen": None}
    asked_at = {"fresh": ago(1), "stale": ago(9), "silent": ago(60), "unseen": ago(90)}
    assert devices_to_ask(last_seen, asked_at, NOW, 99) == ["new-b", "new-a", "stale", "fresh", "unseen", "silent"]


devices = st.dictionaries(
    st.text("abcdef0123456789", min_size=1, max_size=4), st.one_of(st.none(), st.integers(0, 400).map(ago)), max_size=30
)


@given(devices, st.data(), st.integers(0, 40))
def test_a_crawl_repeated_covers_every_device(last_seen, data, calls):
    """Given any fleet and any call budget, then after enough refreshes every device has been asked."""
    asked_at = data.draw(st.fixed_dictionaries({}, optional={name: st.integers(0, 99).map(ago) for name in last_seen}))
    now, rounds = NOW, 0
    while coverage(last_seen, asked_at).covered < len(last_seen) and calls and rounds < 100:
        chosen = devices_to_ask(last_seen, asked_at, now, calls)
        assert len(chosen) == len(set(chosen)) == min(calls, len(last_seen))
        asked_at |= dict.fromkeys(chosen, now)
        now, rounds = now + timedelta(hours=1), rounds + 1
    assert not calls or coverage(last_seen, asked_at).covered == len(last_seen)


def test_coverage_counts_present_devices_only():
    known = coverage(["a", "b", "c"], {"a": ago(1), "b": ago(5), "left": ago(90)})
    assert (known.devices, known.covered, known.oldest) == (3, 2, ago(5))
