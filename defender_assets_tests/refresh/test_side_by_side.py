"""Tables that are fetched beside each other: what waits for what, and what becomes of errors and of a stop."""

import threading
from concurrent.futures import CancelledError
from datetime import date

import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS, CursorPages, Days, ExportFiles
from defender_assets.lake import Lake
from defender_assets.refresh import SideBySide, Turn, computed_beside_crawls, table_refreshes, turns
from defender_assets.refresh.side_by_side import SMALL_ROWS

ALONE = Turn()
LARGE = Turn(large=True)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def put(lake: Lake, table: str, rows: int) -> None:
    """A partition of so many rows without a value."""
    dataset = DATASETS[table]
    columns = [pa.nulls(rows, column.type) for column in dataset.schema]
    with lake.writing(dataset, date(2026, 11, 1), {}) as partition:
        partition.write(pa.Table.from_arrays(columns, schema=dataset.schema))
        partition.publish()


def test_every_fetched_table_has_a_turn_and_a_crawl_comes_after_the_table_that_it_looks_at(lake):
    tables = table_refreshes()
    found = turns(tables, lake)
    assert sorted(found) == sorted(name for name, table in tables.items() if not table.is_computed)
    assert next(iter(found)) == "machines"
    assert found["machine_users"].after == {"machines"}
    assert {name for name, turn in found.items() if turn.after} == {"machine_users"}


def test_what_is_computed_beside_the_crawl_is_made_from_tables_that_are_begun_before_the_others(lake):
    tables = table_refreshes()
    order = [name for name in turns(tables, lake) if name not in ("machines", "machine_users")]
    awaited = {"agent_releases", "av_health", "epss", "kev", "secure_configuration", "software", "software_inventory"}
    awaited |= {"software_vulnerabilities", "software_vulnerability_changes", "ssvc", "vulnerabilities"}
    assert set(order[: len(awaited)]) == awaited
    assert {"devices", "users", "compliance_report"}.isdisjoint(computed_beside_crawls(tables))


def test_of_a_table_that_is_not_fetched_now_nothing_waits(lake):
    tables = {name: table for name, table in table_refreshes().items() if name != "machines"}
    assert turns(tables, lake)["machine_users"].after == frozenset()


def test_what_comes_many_rows_at_a_time_is_large_until_its_partition_says_otherwise(lake):
    by_the_page = {name for name, of in DATASETS.items() if isinstance(of.fetch, CursorPages | ExportFiles)}
    assert {name for name, turn in turns(table_refreshes(), lake).items() if turn.large} == by_the_page
    put(lake, "software_inventory", SMALL_ROWS)
    put(lake, "secure_configuration", SMALL_ROWS + 1)
    put(lake, "software_vulnerability_changes", 1)
    found = {name for name, turn in turns(table_refreshes(), lake).items() if turn.large}
    assert by_the_page - found == {"software_inventory"}
    assert DATASETS["software_vulnerability_changes"].days is Days.EVENT


def test_small_tables_do_not_wait_for_large_ones_of_which_one_is_fetched_at_a_time():
    released, under_way = threading.Event(), threading.Event()
    large: list[str] = []

    def work(name: str) -> list[str]:
        if name.startswith("large"):
            large.append(name)
            under_way.set()
            released.wait()
        under_way.wait()
        return list(large)

    of_each = {"large 1": LARGE, "large 2": LARGE, "large 3": LARGE} | {f"small {n}": ALONE for n in range(20)}
    with SideBySide(of_each, work) as made:
        assert [made.take(f"small {n}") for n in range(20)] == [["large 1"]] * 20
        released.set()
        assert made.take("large 3") == ["large 1", "large 2", "large 3"]


def test_a_table_that_waits_holds_up_what_comes_after_it_alone():
    released = threading.Event()

    def work(name: str) -> str:
        if name == "slow":
            released.wait()
        ended.append(name)
        return name

    ended: list[str] = []
    of_each = {"slow": ALONE, "behind it": Turn(after=frozenset({"slow"})), "beside it": ALONE}
    with SideBySide(of_each, work) as made:
        assert made.take("beside it") == "beside it"
        released.set()
        assert (made.take("behind it"), made.take("slow")) == ("behind it", "slow")
    assert ended == ["beside it", "slow", "behind it"]


def test_what_is_taken_is_there_once_and_an_error_is_raised_where_it_is_taken():
    def work(name: str) -> int:
        return {"one": 1}[name]

    with SideBySide({"other": ALONE, "one": Turn(after=frozenset({"other"}))}, work) as made:
        with pytest.raises(KeyError, match="other"):
            made.take("other")
        assert (made.take("one"), made.take("one"), made.take("unknown")) == (1, None, None)


def test_what_is_waited_for_can_still_be_taken_and_its_error_is_raised_there_alone():
    def work(name: str) -> str:
        if name == "broken":
            raise KeyError(name)
        return name

    with SideBySide({"broken": ALONE, "whole": ALONE}, work) as made:
        for name in ("broken", "whole", "whole", "unknown"):
            made.wait(name)
        assert made.take("whole") == "whole"
        made.wait("whole")
        with pytest.raises(KeyError):
            made.take("broken")


def test_after_the_end_no_further_work_is_begun():
    begun: list[str] = []
    under_way, released = threading.Event(), threading.Event()

    def work(name: str) -> None:
        begun.append(name)
        under_way.set()
        released.wait()

    made = SideBySide({"first": LARGE, "second": LARGE}, work)
    under_way.wait()
    closing = threading.Thread(target=made.close)
    closing.start()
    with pytest.raises(CancelledError):
        made.take("second")
    made.wait("second")
    released.set()
    closing.join()
    assert begun == ["first"]


def test_the_end_does_not_wait_for_what_hangs_when_it_is_told_not_to():
    under_way, released = threading.Event(), threading.Event()

    def work(_: str) -> str:
        under_way.set()
        released.wait()
        return "late"

    made = SideBySide({"hangs": LARGE, "behind it": LARGE}, work)
    under_way.wait()
    made.close(patience=0.01)
    with pytest.raises(CancelledError):
        made.take("behind it")
    released.set()
    assert made.take("hangs") == "late"
