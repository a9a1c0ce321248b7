"""Walks along nextLink: every page once, the link found wherever it stands, nothing ended silently."""

import json
import threading
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.api import BrokenAnswer, ForeignHost, IncompleteWalk, ServiceFault, cursor_pages, next_link
from defender_assets.catalog import DATASETS

from .wire import Reply, page, refusal, says

DATASET = DATASETS["software_vulnerabilities"]
PARAMS = {"pageSize": "2"}


def chain(wire, pages: int):
    """Pages whose links carry what the service's carry: a bare $, lower-cased names, an encoded token."""

    def reply(request):
        number = int(request.target.rpartition("=")[2]) if "skiptoken" in request.target else 0
        link = f"{wire.url}{DATASET.path}?pagesize=2&$skiptoken=%3d={number + 1}" if number + 1 < pages else None
        return page([{"id": f"{number}-{n}"} for n in range(2)], link)

    wire.on(DATASET.path, reply)


def walked(client):
    return [
        row["id"] for body, _ in cursor_pages(client, DATASET, params=PARAMS) for row in orjson.loads(body)["value"]
    ]


def test_every_page_comes_once_and_in_order(wire, client):
    chain(wire, 7)
    assert walked(client) == [f"{number}-{n}" for number in range(7) for n in range(2)]
    assert [request.target.partition("?")[2] for request in wire.requests_for(DATASET.path)][:2] == [
        "pageSize=2",
        "pagesize=2&$skiptoken=%3d=1",
    ]
    assert client.counted(DATASET.name).calls == 7


def test_the_next_page_is_fetched_while_this_one_is_used_but_not_more_than_two(wire, client):
    chain(wire, 10)
    pages = cursor_pages(client, DATASET, params=PARAMS)
    next(pages)
    deadline = time.monotonic() + 5
    while len(wire.requests_for(DATASET.path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(wire.requests_for(DATASET.path)) == 3
    pages.close()


def test_a_consumer_that_goes_away_ends_the_walk(wire, client):
    chain(wire, 1_000)
    pages = cursor_pages(client, DATASET, params=PARAMS)
    next(pages)
    pages.close()
    deadline = time.monotonic() + 5
    name = f"pages of {DATASET.name}"
    while any(thread.name == name for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(thread.name == name for thread in threading.enumerate())
    assert len(wire.requests_for(DATASET.path)) <= 4


def test_an_error_in_the_middle_reaches_the_consumer(wire, client):
    wire.on(DATASET.path, page([1], f"{wire.url}{DATASET.path}?x=1"), Reply(500))
    pages = cursor_pages(client, DATASET, params=PARAMS)
    assert next(pages).next_link is not None
    with pytest.raises(ServiceFault):
        next(pages)


def test_a_refusal_of_the_first_page_reaches_the_consumer(wire, client):
    wire.on(DATASET.path, refusal(403, "DisabledFeature", "off"))
    with pytest.raises(Exception, match="DisabledFeature"):
        walked(client)


def test_a_link_that_comes_twice_is_no_end(wire, client):
    wire.on(DATASET.path, page([{"id": "a"}], f"{wire.url}{DATASET.path}?$skiptoken=same"))
    with pytest.raises(IncompleteWalk, match="circles") as raised:
        walked(client)
    assert raised.value.retryable


@pytest.mark.parametrize("rows", [[], [{"id": "a"}]])
def test_links_that_lead_to_the_same_page_for_ever_are_no_end(wire, client, rows):
    """Given a service that links on past its last row, always anew, then the walk does not go on for ever."""
    wire.on(DATASET.path, lambda request: page(rows, f"{wire.url}{DATASET.path}?x={len(wire.requests)}"))
    with pytest.raises(IncompleteWalk, match="same page"):
        walked(client)
    assert len(wire.requests_for(DATASET.path)) < 6


def test_a_link_to_a_foreign_host_is_refused_before_it_is_followed(wire, client):
    wire.on(DATASET.path, page([{"id": "a"}], "https://evil.example/api?$skiptoken=canary"))
    with pytest.raises(ForeignHost) as raised:
        walked(client)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        {"value": [], "@odata.nextLink": 5},
        {"value": [], "@odata.nextLink": {"a": 1}},
        [{"@odata.nextLink": "https://x"}],
    ],
)
def test_a_link_that_cannot_be_read_is_no_end(wire, client, body):
    wire.on(DATASET.path, says(body))
    with pytest.raises(BrokenAnswer):
        walked(client)


LINK = "https://api.security.microsoft.com/api/x?pagesize=2&$skiptoken=eyJ"
texts = st.text() | st.sampled_from(
    ['"@odata.nextLink":"https://evil.example"}', '"}],"@odata.nextLink":"https://evil.example"}', "]", "\\", '\\"']
)
rows = st.lists(
    st.dictionaries(texts | st.just("@odata.nextLink"), texts | st.lists(texts) | st.none(), max_size=3), max_size=4
)


@settings(deadline=None)
@given(
    rows=rows,
    before=st.dictionaries(texts, texts, max_size=2),
    after=st.dictionaries(texts, texts | st.lists(texts), max_size=2),
    link=st.none() | st.just(LINK) | st.text(min_size=1),
    where=st.sampled_from(["last", "first", "middle"]),
    indent=st.sampled_from([None, 2]),
)
def test_the_link_is_found_wherever_it_stands_and_never_in_a_row(rows, before, after, link, where, indent):
    for members in (before, after):
        members.pop("@odata.nextLink", None)
        members.pop("value", None)
    linked = {} if link is None else {"@odata.nextLink": link}
    content = {
        "last": {**before, "value": rows, **after, **linked},
        "first": {**linked, **before, "value": rows, **after},
        "middle": {**before, "value": rows, **linked, **after},
    }[where]
    body = json.dumps(content, indent=indent).encode()
    assert next_link(body) == json.loads(body).get("@odata.nextLink")


def test_a_link_longer_than_the_tail_that_is_looked_at_is_found():
    link = LINK + "x" * 40_000
    assert next_link(json.dumps({"value": [], "@odata.nextLink": link}).encode()) == link


@pytest.mark.parametrize("link", [None, ""])
def test_a_link_to_nowhere_is_none(link):
    assert next_link(json.dumps({"value": [], "@odata.nextLink": link}).encode()) is None
