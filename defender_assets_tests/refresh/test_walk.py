"""The walk over an OData list: every row once, whatever the list does while it is read."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.api import ForeignHost, IncompleteWalk, NotFound
from defender_assets.catalog import DATASETS, ODataPages
from defender_assets.decode import Decoder
from defender_assets.refresh.dataset import list_walk, odata_pages, pages_ahead
from defender_assets.refresh.dataset.completeness import DatasetReading
from defender_assets.refresh.dataset.list_walk import overlap
from defender_assets.refresh.dataset.odata_pages import odata_walk

from .service import NOW, ListService

MACHINES = DATASETS["machines"]


LIST = "https://api.example.com/api/machines"


@pytest.fixture(autouse=True, scope="module", params=[pages_ahead.LARGE, 1], ids=["small_pages", "large_pages"])
def size_of_a_large_page(request):
    """Large pages are asked for ahead of decoding, and read for their keys alone the second time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages_ahead, "LARGE", request.param)
        yield


def walk(
    service: ListService, top: int = 10, fetch: ODataPages = MACHINES.fetch, reading: DatasetReading | None = None
) -> list[str]:
    decoder = Decoder(MACHINES, observed_at=NOW)
    tables = odata_walk(service, MACHINES, replace(fetch, top=top), decoder, reading=reading)
    return [device for table in tables for device in table["id"].to_pylist()]


def devices(number: int) -> list[str]:
    return [f"d{n}" for n in range(number)]


@given(rows=st.integers(0, 60), top=st.integers(1, 25), cap=st.integers(1, 25))
def test_given_any_list_and_any_cap_on_the_page_then_every_row_comes_once(rows, top, cap):
    service = ListService(ids=devices(rows), cap=cap)
    assert sorted(walk(service, top)) == sorted(service.ids)


@given(rows=st.integers(1, 100), top=st.integers(5, 40))
def test_a_list_in_several_pages_costs_at_most_twice_the_fewest_calls_and_one_page_two(rows, top):
    service = ListService(ids=devices(rows))
    walk(service, top)
    assert service.calls == (2 if rows < top else 2 * (rows // top + 1))


@given(
    rows=st.integers(1, 60),
    changes=st.lists(st.tuples(st.integers(0, 59), st.booleans()), max_size=3),
)
def test_given_rows_that_come_and_go_in_mid_walk_then_no_row_that_stayed_is_missed(rows, changes):
    """... and after one or two changes the rows are those of one moment; or the walk is refused.

    Of changes that make up for each other in every walk, at the very boundaries of the pages, nothing can be seen."""
    many = len(changes) > 2
    service = ListService(ids=devices(rows))

    def change(service: ListService) -> None:
        if changes:
            at, removed = changes.pop(0)
            if removed and at < len(service.ids):
                service.ids.pop(at)
            elif not removed:
                service.ids.insert(0, f"new{at}-{len(changes)}")

    service.after_each_page = change
    history = [set(service.ids)]
    service.order = lambda ids: history.append(set(ids)) or list(ids)
    try:
        seen = walk(service, top=7)
    except IncompleteWalk:
        return
    assert len(seen) == len(set(seen))
    assert set.intersection(*history) <= set(seen) <= set.union(*history)
    assert many or set(seen) in history


@given(seed=st.integers(0, 10_000), rows=st.integers(2, 60), top=st.integers(2, 20))
def test_given_another_order_with_every_request_then_every_row_comes_or_none(seed, rows, top):
    chance = random.Random(seed)
    service = ListService(ids=devices(rows), order=lambda ids: chance.sample(ids, len(ids)))
    with suppress(IncompleteWalk):
        assert sorted(walk(service, top)) == sorted(service.ids)


@given(
    rows=st.integers(2, 60),
    bad=st.integers(1, 8),
    how=st.sampled_from(
        ["rotated", "reversed", "empty", "cut", "one missing", "one too many", "one twice", "first again"]
    ),
)
def test_given_a_request_that_goes_wrong_then_every_row_comes_all_the_same(rows, bad, how):
    service = ListService(ids=devices(rows))

    def order(ids: list[str]) -> list[str]:
        if service.calls != bad:
            return list(ids)
        match how:
            case "rotated":
                return ids[3:] + ids[:3]
            case "reversed":
                return ids[::-1]
            case "one missing":
                return ids[:1] + ids[2:]
            case "one too many":
                return ["phantom", *ids]
            case "one twice":
                return [ids[1], *ids[1:]]
            case _:
                return list(ids)

    def spoil(call: int, body: dict) -> dict:
        if call == bad and how in ("empty", "cut", "first again"):
            rows = body["value"]
            return {"value": {"empty": [], "cut": rows[: len(rows) // 2], "first again": [*rows[:1], *rows]}[how]}
        return body

    service.order, service.spoil = order, spoil
    assert sorted(set(walk(service, top=10))) == sorted(service.ids)


def test_given_an_exactly_full_page_without_a_link_then_the_walk_looks_further():
    assert len(walk(ListService(ids=devices(20), cap=10))) == 20


def test_given_a_service_that_links_to_the_next_page_then_every_row_comes():
    service = ListService(ids=devices(25), cap=10, links=LIST)
    assert walk(service) == service.ids


@pytest.mark.parametrize(
    ("link", "error"),
    [
        ("https://api.attacker.example/api/machines", ForeignHost),
        ("https://api.example.com:8443/api/machines", ForeignHost),
        ("https://api.example.com/api/software", IncompleteWalk),
        ("/api/machines", IncompleteWalk),
    ],
)
def test_given_a_link_that_leads_astray_then_the_answer_is_not_believed(link, error):
    with pytest.raises(error):
        walk(ListService(ids=devices(25), cap=10, links=link))


@pytest.mark.parametrize("skip", [0, 7, 15])
def test_given_a_service_that_does_not_skip_as_far_as_it_is_told_then_the_list_is_refused(skip):
    with pytest.raises(IncompleteWalk):
        walk(ListService(ids=devices(40), largest_skip=skip))


def test_given_a_service_that_does_not_skip_then_even_one_page_is_not_proven():
    with pytest.raises(IncompleteWalk):
        walk(ListService(ids=devices(8), largest_skip=0))


def test_given_a_page_with_fewer_rows_than_it_says_then_the_list_is_walked_again():
    service = ListService(ids=devices(25), count=len)
    service.spoil = lambda call, body: {**body, "value": body["value"][:-4]} if call == 2 else body
    assert sorted(walk(service)) == sorted(service.ids)


@pytest.mark.parametrize(("rows", "cap", "top"), [(8, 1, 5), (23, 3, 10)])
def test_given_pages_that_repeat_a_row_in_place_of_another_then_what_an_earlier_walk_saw_is_not_left_out(
    rows, cap, top
):
    # given a service that sends fewer rows than it is asked for, and the last one of each page twice
    service = ListService(ids=devices(rows), cap=cap)
    service.spoil = lambda _, body: {"value": body["value"] + body["value"][-1:]}
    # then what each walk with the same boundaries saw is not the list, as the first walk had other rows
    with pytest.raises(IncompleteWalk, match="differed from each other"):
        walk(service, top)


def test_given_two_rows_of_one_key_then_both_come_so_that_a_check_can_refuse_them():
    service = ListService(ids=[*devices(5), "d3"])
    assert walk(service).count("d3") == 2


@pytest.mark.parametrize(("hidden", "calls"), [(0, 6), (3, 9)])
def test_a_round_number_of_rows_is_confirmed_by_the_two_halves_of_the_list(hidden, calls, monkeypatch):
    """... at no higher price than a second walk; rows beyond a limit show in the halves."""
    monkeypatch.setattr(odata_pages, "ROUND", 20)
    service, everything = ListService(ids=devices(20)), devices(20 + hidden)
    active = set(everything[::4])
    filters = {None: everything[:20]}
    filters["healthStatus eq 'Active'"] = [device for device in everything if device in active]
    filters["healthStatus ne 'Active'"] = [device for device in everything if device not in active]
    service.order = lambda _: filters[service.asked[-1].get("$filter")]
    reading = DatasetReading()
    assert walk(service, reading=reading) == service.ids
    assert service.calls == calls
    assert bool(reading.looks_cut) == bool(hidden)


def test_what_was_seen_in_one_half_of_a_list_is_known_after_several_walks_over_the_other():
    # given two halves in several pages each, of which the first has a member that nobody declared
    halves = {"healthStatus eq 'Active'": devices(25), "healthStatus ne 'Active'": [f"e{n}" for n in range(25)]}
    service = ListService(ids=devices(25))
    service.order = lambda _: halves[service.asked[-1]["$filter"]]

    def spoil(_: int, body: dict) -> dict:
        is_first = "eq" in service.asked[-1]["$filter"]
        return {"value": [row | ({"newMember": 1} if is_first else {}) for row in body["value"]]}

    service.spoil = spoil
    decoder = Decoder(MACHINES, observed_at=NOW)
    fetch = replace(MACHINES.fetch, top=10)
    tables = odata_pages.odata_halves(service, MACHINES, fetch, decoder, halves=fetch.halves, reading=DatasetReading())
    # when both are read, each of them twice
    assert sum(table.num_rows for table in tables) == 50
    assert service.calls == 12
    # then each row is counted once, and the member is known
    assert (decoder.counts.rows, decoder.counts.unknown_members) == (50, ("newMember",))


def test_given_rows_without_end_then_the_walk_ends_all_the_same(monkeypatch):
    monkeypatch.setattr(list_walk, "MOST_LIST_PAGES", 20)
    service = ListService(ids=devices(5))
    service.order = lambda _: [f"r{service.calls}-{n}" for n in range(10_000)]
    with pytest.raises(IncompleteWalk, match="did not end within 20 pages"):
        walk(service)


def test_given_a_404_that_says_no_recent_machines_twice_then_the_list_is_empty():
    service = ListService(ids=[], refuse=NotFound("nothing", dataset="machines", code="NotFound"))
    assert walk(service) == []
    assert service.calls == 2


def test_given_a_404_that_is_not_said_twice_then_the_rows_come():
    service = ListService(ids=devices(5))
    service.after_each_page = lambda service: setattr(service, "refuse", None)
    answers = iter([NotFound("nothing", dataset="machines", code="NotFound")])
    asked = service.get

    def get(path, **request):
        if (error := next(answers, None)) is not None:
            raise error
        return asked(path, **request)

    service.get = get
    assert walk(service) == service.ids


def test_given_a_list_for_which_404_does_not_mean_none_then_it_is_an_error():
    service = ListService(ids=[], refuse=NotFound("nothing", dataset="machines", code="NotFound"))
    with pytest.raises(NotFound):
        walk(service, fetch=ODataPages())


def test_given_a_404_without_a_body_then_it_is_no_empty_list():
    service = ListService(ids=[], refuse=NotFound("no such route", dataset="machines", code=None))
    with pytest.raises(NotFound):
        walk(service)


def test_an_empty_list_is_asked_for_twice():
    service = ListService(ids=[])
    assert walk(service) == []
    assert service.calls == 2


def test_the_overlap_is_small_and_never_the_whole_page():
    assert [overlap(rows) for rows in (0, 1, 2, 50, 10_000)] == [0, 0, 1, 2, 100]
