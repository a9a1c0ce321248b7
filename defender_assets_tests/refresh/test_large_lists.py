"""The walk over a list whose pages are large: asked for ahead of decoding, and the second time read for their keys.

Here: what is found in the rows of either walk, and which pages are asked for. Not here: that every row comes once, of
large pages too (``test_walk.py``).
"""

import threading
from dataclasses import replace

import pytest

from defender_assets.api import ForeignHost
from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder, UndecodableResponse
from defender_assets.refresh.dataset import pages_ahead
from defender_assets.refresh.dataset.completeness import DatasetReading
from defender_assets.refresh.dataset.odata_pages import odata_walk

from .service import NOW, ListService

MACHINES = DATASETS["machines"]


@pytest.fixture(autouse=True, scope="module")
def every_page_is_large():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages_ahead, "LARGE", 1)
        yield


def devices(number: int) -> list[str]:
    return [f"d{n}" for n in range(number)]


def walk(service: ListService, top: int = 10, decoder: Decoder | None = None) -> list[str]:
    decoder = decoder or Decoder(MACHINES, observed_at=NOW)
    tables = odata_walk(service, MACHINES, replace(MACHINES.fetch, top=top), decoder, reading=DatasetReading())
    return [device for table in tables for device in table["id"].to_pylist()]


def test_pages_that_only_seem_to_be_full_are_not_walked_ahead_of_for_ever():
    # given half as many rows in each page as were asked for, each with an object in it that begins as a row does
    service = ListService(ids=devices(50), cap=5)
    service.spoil = lambda _, body: {"value": [row | {"vmMetadata": {"id": "z"}} for row in body["value"]]}
    # then two pages at most come for nothing: twelve are the first walk, eleven the second
    assert walk(service) == service.ids
    assert service.calls <= 12 + 11 + 2


def spoiling(service: ListService, calls: range, **members: object) -> ListService:
    """The same service, whose rows have these members too in the answers to these calls."""

    def spoil(call: int, body: dict) -> dict:
        return {"value": [row | members for row in body["value"]]} if call in calls else body

    service.spoil = spoil
    return service


def test_the_rows_of_the_first_walk_come_with_what_was_found_in_them():
    # given 25 devices, read by three pages twice, and members that only the first walk, or only the second one saw
    first, second = Decoder(MACHINES, observed_at=NOW), Decoder(MACHINES, observed_at=NOW)
    assert walk(spoiling(ListService(ids=devices(25)), range(1, 4), newMember=1), decoder=first) == devices(25)
    assert walk(spoiling(ListService(ids=devices(25)), range(4, 7), newMember=1), decoder=second) == devices(25)
    # then what is told is true of the rows that came: each of them counted once
    assert (first.counts.rows, first.counts.unknown_members) == (25, ("newMember",))
    assert (second.counts.rows, second.counts.unknown_members) == (25, ())


@pytest.mark.parametrize(
    "member", [{"error": {"code": "x"}}, {"error": [{"code": "x"}]}, {"Value": []}, {"@odata.nextlink": "https://x"}]
)
@pytest.mark.parametrize("call", [2, 5, 6])
def test_given_a_page_with_another_member_around_its_rows_then_it_is_refused_in_either_walk(call, member):
    service = ListService(ids=devices(25))
    service.spoil = lambda number, body: body | member if number == call else body
    with pytest.raises((UndecodableResponse, ForeignHost)):
        walk(service)


def test_given_a_row_twice_in_the_second_walk_then_both_are_looked_at():
    # given a page that brings a row twice from then on, with other values the second time
    service = ListService(ids=devices(25))

    def spoil(call: int, body: dict) -> dict:
        rows = body["value"]
        is_there = call > 3 and {"id": "d3"} in rows
        return {"value": [*rows, {"id": "d3", "healthStatus": "Inactive"}]} if is_there else body

    service.spoil = spoil
    # then the rows of the first walk, which had it once, do not count
    assert walk(service).count("d3") == 2


def test_given_a_list_that_shrinks_until_the_last_walk_finds_it_in_one_response_then_that_one_counts():
    # given a row on two pages of the first walk, so that the second and the fourth walk are read whole
    service, of_walks = ListService(ids=[]), iter([25, 24, 23, 22, 5])
    service.spoil = lambda call, body: {"value": [{"id": "d9"}, *body["value"][1:]]} if call == 2 else body
    answered = service.get

    def get(path, *, params, **more):
        if "$skip" not in params:
            service.ids = devices(next(of_walks))
        return answered(path, params=params, **more)

    service.get = get
    assert walk(service) == devices(5)


@pytest.mark.parametrize("calls", [range(2, 3), range(5, 6)])
def test_given_bytes_that_are_no_utf8_in_one_walk_then_the_rows_are_those_of_the_other(calls):
    service = spoiling(ListService(ids=devices(25)), range(1, 100), computerDnsName="host?")
    answered, decoder = service.get, Decoder(MACHINES, observed_at=NOW)

    def get(*words, **more):
        answer = answered(*words, **more)
        if service.calls in calls:
            answer.body = answer.body.replace(b"?", b"\xff")
        return answer

    service.get = get
    tables = odata_walk(service, MACHINES, replace(MACHINES.fetch, top=10), decoder)
    assert [name for table in tables for name in table["computer_dns_name"].to_pylist()] == ["host?"] * 25
    assert (decoder.counts.garbled, service.calls) == (0, 6)


def test_the_next_page_is_asked_for_while_one_is_decoded(monkeypatch):
    service, asked_further = ListService(ids=devices(25)), threading.Event()
    service.after_each_page = lambda service: asked_further.set() if service.calls == 2 else None
    decoded = Decoder.page

    def page(self: Decoder, body: bytes):
        assert asked_further.wait(10)
        return decoded(self, body)

    monkeypatch.setattr(Decoder, "page", page)
    assert walk(service) == service.ids


def test_of_the_second_walk_no_row_is_decoded(monkeypatch):
    service, calls = ListService(ids=devices(25)), []
    decoded = Decoder.page
    monkeypatch.setattr(Decoder, "page", lambda self, body: calls.append(1) or decoded(self, body))
    assert walk(service) == service.ids
    assert (len(calls), service.calls) == (3, 6)


def test_after_an_error_nothing_goes_on():
    service = ListService(ids=devices(100))
    service.spoil = lambda call, body: {"value": [{"id": None}]} if call == 3 else body
    with pytest.raises(UndecodableResponse):
        walk(service)
    for thread in threading.enumerate():
        if thread.name.startswith(("decode", "pages of")):
            thread.join(10)
            assert not thread.is_alive()
