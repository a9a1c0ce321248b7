"""The walk over an OData list: every row once, whatever the list does while it is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.api import IncompleteWalk, NotFound
from defender_assets.catalog import DATASETS, ODataPages
from defender_assets.decode import Decoder
from defender_assets.refresh.dataset.odata_pages import odata_walk, overlap

from .service import NOW, ListService

MACHINES = DATASETS["machines"]


def walk(service: ListService, top: int = 10) -> list[str]:
    decoder = Decoder(MACHINES, observed_at=NOW)
    tables = odata_walk(service, MACHINES, ODataPages(top=top), decoder)
    return [device for table in tables for device in table["id"].to_pylist()]


@given(rows=st.integers(0, 60), top=st.integers(1, 25), cap=st.integers(1, 25))
def test_given_any_list_and_any_cap_on_the_page_then_every_row_comes_once(rows, top, cap):
    service = ListService(ids=[f"d{n}" for n in range(rows)], cap=cap)
    assert walk(service, top) == service.ids


@given(
    rows=st.integers(1, 60),
    changes=st.lists(st.tuples(st.integers(0, 59), st.booleans()), max_size=4),
)
def test_given_rows_that_come_and_go_in_mid_walk_then_no_row_that_stayed_is_missed(rows, changes):
    """... or the walk says that it may have missed some, and is begun again."""
    service = ListService(ids=[f"d{n}" for n in range(rows)], cap=10_000)
    stayed = set(service.ids)

    def change(service: ListService) -> None:
        if changes:
            at, removed = changes.pop(0)
            if removed and at < len(service.ids):
                stayed.discard(service.ids.pop(at))
            elif not removed:
                service.ids.insert(0, f"new{at}-{len(changes)}")

    service.after_each_page = change
    try:
        seen = walk(service, top=7)
    except IncompleteWalk:
        return
    assert stayed <= set(seen)
    assert len(seen) == len(set(seen))


def test_given_an_exactly_full_page_without_a_link_then_the_walk_looks_further():
    service = ListService(ids=[f"d{n}" for n in range(20)], cap=10)
    assert len(walk(service, top=10)) == 20


def test_given_a_service_that_links_to_the_next_page_then_the_link_is_followed():
    service = ListService(ids=[f"d{n}" for n in range(25)], cap=10, links=True)
    assert walk(service, top=10) == service.ids


def test_given_a_link_that_leads_in_circles_then_the_walk_fails_instead_of_going_on_for_ever():
    service = ListService(ids=[f"d{n}" for n in range(25)], cap=10, links=True, circle=True)
    with pytest.raises(IncompleteWalk, match="circles"):
        walk(service, top=10)


def test_given_a_404_that_says_no_recent_machines_then_the_list_is_empty():
    service = ListService(ids=[], refuse=NotFound("nothing", dataset="machines", code="NotFound"))
    assert walk(service) == []


def test_given_a_404_without_a_body_then_it_is_no_empty_list():
    service = ListService(ids=[], refuse=NotFound("no such route", dataset="machines", code=None))
    with pytest.raises(NotFound):
        walk(service)


def test_the_overlap_is_small_and_never_the_whole_page():
    assert [overlap(rows) for rows in (0, 1, 2, 50, 10_000)] == [0, 0, 1, 2, 100]


def test_given_a_list_of_one_page_then_it_costs_two_calls():
    service = ListService(ids=[f"d{n}" for n in range(500)], cap=10_000)
    walk(service, top=10_000)
    assert service.calls == 2
    assert json.loads(service.last_body)["value"]
