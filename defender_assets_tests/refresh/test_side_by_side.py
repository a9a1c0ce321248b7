"""Tables that are fetched beside each other: what waits for what, and what becomes of errors and of a stop."""

import threading
from concurrent.futures import CancelledError

import pytest

from defender_assets.catalog import DATASETS, CursorPages
from defender_assets.refresh import SideBySide, lanes, table_refreshes


def test_every_fetched_table_is_in_one_lane_and_the_large_ones_are_in_the_same():
    tables = table_refreshes()
    names = [name for lane in lanes(tables) for name in lane]
    assert sorted(names) == sorted(name for name, table in tables.items() if not table.is_computed)
    large = {name for name, dataset in DATASETS.items() if isinstance(dataset.fetch, CursorPages)}
    assert [lane for lane in lanes(tables) if large.intersection(lane)] == [[name for name in names if name in large]]


def test_a_crawl_comes_after_the_table_that_it_looks_at():
    (lane,) = (lane for lane in lanes(table_refreshes()) if "machine_users" in lane)
    assert lane.index("machines") < lane.index("machine_users")


def test_a_table_that_waits_holds_up_its_own_lane_alone():
    released = threading.Event()

    def work(name: str) -> str:
        if name == "slow":
            released.wait()
        return name

    with SideBySide([["slow", "behind it"], ["beside it"]], work) as made:
        assert made.take("beside it") == "beside it"
        released.set()
        assert (made.take("behind it"), made.take("slow")) == ("behind it", "slow")


def test_what_is_taken_is_there_once_and_an_error_is_raised_where_it_is_taken():
    def work(name: str) -> int:
        return {"one": 1}[name]

    with SideBySide([["other", "one"]], work) as made:
        with pytest.raises(KeyError, match="other"):
            made.take("other")
        assert (made.take("one"), made.take("one"), made.take("unknown")) == (1, None, None)


def test_after_the_end_no_further_work_is_begun():
    begun: list[str] = []
    under_way, released = threading.Event(), threading.Event()

    def work(name: str) -> None:
        begun.append(name)
        under_way.set()
        released.wait()

    made = SideBySide([["first", "second"]], work)
    under_way.wait()
    closing = threading.Thread(target=made.close)
    closing.start()
    with pytest.raises(CancelledError):
        made.take("second")
    released.set()
    closing.join()
    assert begun == ["first"]


def test_the_end_does_not_wait_for_what_hangs_when_it_is_told_not_to():
    under_way, released = threading.Event(), threading.Event()

    def work(_: str) -> str:
        under_way.set()
        released.wait()
        return "late"

    made = SideBySide([["hangs", "behind it"]], work)
    under_way.wait()
    made.close(patience=0.01)
    with pytest.raises(CancelledError):
        made.take("behind it")
    released.set()
    assert made.take("hangs") == "late"
