"""Walks along nextLink: every page once, the link found wherever it stands, nothing ended silently."""

import json
import threading
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.api import BrokenAnswer, ForeignHost, IncompleteWalk, ServiceFault, TooLarge, cursor, cursor_pages
from defender_assets.api.compression import decompressed_body
from defender_assets.api.page_end import page_end
from defender_assets.catalog import DATASETS

from .wire import Reply, packed, page, refusal, says

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
    pages = cursor_pages(client, DATASET, params=PARAMS)
    return [row["id"] for page in pages for row in orjson.loads(page.body)["value"]]


def test_every_page_comes_once_and_in_order(wire, client):
    chain(wire, 7)
    assert walked(client) == [f"{number}-{n}" for number in range(7) for n in range(2)]
    assert [request.target.partition("?")[2] for request in wire.requests_for(DATASET.path)][:2] == [
        "pageSize=2",
        "pagesize=2&$skiptoken=%3d=1",
    ]
    # The last of them twice.
    assert client.counted(DATASET.name).calls == 7 + 1


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


def test_links_that_lead_to_the_same_page_for_ever_are_no_end(wire, client):
    """Given a service that links on past its last row, always anew, then the walk does not go on for ever."""
    wire.on(DATASET.path, lambda request: page([{"id": "a"}], f"{wire.url}{DATASET.path}?x={len(wire.requests)}"))
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
    assert page_end(body).next_link == json.loads(body).get("@odata.nextLink")


def test_a_link_longer_than_the_tail_that_is_looked_at_is_found():
    link = LINK + "x" * 40_000
    assert page_end(json.dumps({"value": [], "@odata.nextLink": link}).encode()) == (link, False)


@pytest.mark.parametrize(
    ("content", "unclear"),
    [
        ({"value": []}, False),
        ({"value": [{"@odata.nextLink": None, "nextLink": LINK, "next": LINK}]}, False),
        ({"value": [{"a": [{"x": "]"}]}], "@odata.deltaLink": LINK}, False),
        ({"value": [], "@odata.nextLink": None}, True),
        ({"value": [], "@odata.nextLink": ""}, True),
        ({"@odata.nextLink": None, "value": [{"id": "a"}]}, True),
        ({"value": [{"id": "a"}], "@odata.nextlink": None, "x": {}}, True),
        ({"value": [{"id": "a"}], "nextLink": ""}, True),
        ({"value": [{"id": "a"}], "@odata.next": None}, True),
    ],
)
@pytest.mark.parametrize("rows", [0, 2_000])
def test_an_end_without_an_address_in_the_links_place_is_unclear(content, unclear, rows):
    content = {**content, "value": [*content["value"], *({"id": str(n), "x": "y" * 20} for n in range(rows))]}
    assert page_end(json.dumps(content).encode()) == (None, unclear)


@pytest.mark.parametrize(
    "name", ["nextLink", "odata.nextLink", "@odata.nextlink", "@Odata.NextLink", "@odata.next_link", "@odata.next"]
)
def test_a_link_under_another_name_is_no_end(wire, client, clock, name):
    """Given a service that spells the link otherwise, then its page is asked for again and not taken for the last."""
    link = f"{wire.url}{DATASET.path}?$skiptoken=1"
    wire.on(DATASET.path, says({"value": [{"id": "a"}], name: link}))
    with pytest.raises(BrokenAnswer, match="link to the next page"):
        walked(client)
    assert len(wire.requests_for(DATASET.path)) == 3
    wire.on(DATASET.path, says({"value": [{"id": "a"}], name: link}), page([{"id": "a"}], link), page([{"id": "b"}]))
    assert walked(client) == ["a", "b"]


def test_a_body_of_many_megabytes_is_not_parsed_for_its_end():
    row = b'{"id":"' + b"\\\\" * 2_000_000 + b'","nextLink":"' + b"[{" * 1_000_000 + b'"}'
    assert page_end(b'{"value":[' + row + b'],"@odata.nextLink":null}') == (None, True)
    assert page_end(b'{"value":' + b"[" * 2_000_000 + b'"nextLink"' + b"]" * 2_000_000 + b"}") == (None, False)


def by_link(wire, *answers):
    """A walk of pages 0, 1, 2, …: for each the replies to its requests, one after the other; the last one stays."""
    left = [list(replies) for replies in answers]

    def reply(request):
        number = int(request.target.rpartition("=")[2]) if "skiptoken" in request.target else 0
        return left[number].pop(0) if len(left[number]) > 1 else left[number][0]

    wire.on(DATASET.path, reply)


def rows_then(wire, number, *ids):
    """A page of these rows, with a link to that page; None: it is the last."""
    link = None if number is None else f"{wire.url}{DATASET.path}?$skiptoken={number}"
    return page([{"id": name} for name in ids], link)


def test_an_empty_page_that_has_rows_the_second_time_has_rows(wire, client):
    by_link(
        wire,
        [rows_then(wire, None), rows_then(wire, 1, "a")],
        [rows_then(wire, 2), rows_then(wire, 2, "b")],
        [rows_then(wire, None), rows_then(wire, 3, "c")],
        [rows_then(wire, None, "d")],
    )
    assert walked(client) == ["a", "b", "c", "d"]


def test_empty_pages_that_stay_empty_are_no_circle(wire, client):
    """Given parts of the snapshot without rows, each a page with a link of its own, then the walk goes on."""
    empty = [[rows_then(wire, number + 1)] for number in range(5)]
    by_link(wire, *empty, [rows_then(wire, None, "a")])
    assert walked(client) == ["a"]
    assert client.counted(DATASET.name).calls == 5 * 2 + 2


def test_an_empty_list_is_asked_for_twice(wire, client):
    by_link(wire, [rows_then(wire, None)])
    assert walked(client) == []
    assert client.counted(DATASET.name).calls == 2


def test_a_link_that_an_empty_page_had_only_once_is_followed(wire, client):
    by_link(wire, [rows_then(wire, 1), rows_then(wire, None)], [rows_then(wire, None, "a")])
    assert walked(client) == ["a"]


def test_a_list_in_one_page_is_asked_for_once(wire, client):
    by_link(wire, [rows_then(wire, None, "a")])
    assert walked(client) == ["a"]
    assert client.counted(DATASET.name).calls == 1


def test_a_last_page_that_has_a_link_the_second_time_was_cut(wire, client):
    by_link(
        wire,
        [rows_then(wire, 1, "a")],
        [rows_then(wire, None, "b"), rows_then(wire, 2, "b", "c")],
        [rows_then(wire, None, "d")],
    )
    assert walked(client) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("second", [["b"], ["b", "x"], []])
def test_a_last_page_with_other_rows_the_second_time_proves_nothing(wire, client, second):
    by_link(wire, [rows_then(wire, 1, "a")], [rows_then(wire, None, "b", "c"), rows_then(wire, None, *second)])
    with pytest.raises(IncompleteWalk, match="other rows the second time") as raised:
        walked(client)
    assert raised.value.retryable


@pytest.fixture
def unpacked(monkeypatch):
    """The bodies that the client unpacks, as they are unpacked."""
    bodies = []

    def unpack(*given, **bounds):
        bodies.append(decompressed_body(*given, **bounds))
        return bodies[-1]

    monkeypatch.setattr("defender_assets.api.client.decompressed_body", unpack)
    return bodies


@pytest.mark.parametrize("how", ["plain", "gzip", "zlib", "raw"])
def test_pages_whose_bytes_come_again_are_unpacked_once(wire, client, unpacked, how):
    first, last = (rows if how == "plain" else packed(rows, how) for rows in _two_pages(wire))
    by_link(wire, [first], [last])
    assert _walked_twice(client) == ["a", "b"]
    assert len(unpacked) == 2
    assert client.counted(DATASET.name).calls == 4


def test_pages_that_are_packed_otherwise_the_second_time_are_compared_by_their_rows(wire, client, unpacked):
    first, last = _two_pages(wire)
    by_link(wire, [packed(first, "gzip"), first], [last, packed(last, "raw")])
    assert _walked_twice(client) == ["a", "b"]
    assert len(unpacked) == 4


@pytest.mark.parametrize("rows", ["c", "a longer one, and so more bytes than the first had"])
@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_a_page_with_other_rows_the_second_time_proves_nothing(wire, client, rows, how):
    answers = [rows_then(wire, 1, "a"), rows_then(wire, 1, rows)]
    by_link(wire, [each if how == "plain" else packed(each, how) for each in answers], [rows_then(wire, None, "b")])
    with pytest.raises(IncompleteWalk, match="other rows the second time"):
        _walked_twice(client)


def test_a_page_too_large_the_second_time_is_refused_before_all_of_it_came(wire, client, monkeypatch):
    first, last = _two_pages(wire)
    monkeypatch.setattr("defender_assets.api.client.LARGEST_BODY", 100_000)
    by_link(wire, [first, packed(rows_then(wire, 1, "a" * 200_000), "gzip")], [last])
    with pytest.raises(TooLarge, match="answered with more than"):
        _walked_twice(client)


def _two_pages(wire):
    return rows_then(wire, 1, "a"), rows_then(wire, None, "b")


def _walked_twice(client):
    """The rows of a walk that asks for each page twice."""
    pages = cursor_pages(client, DATASET, params=PARAMS, each_twice=True)
    return [row["id"] for page in pages for row in orjson.loads(page.body)["value"]]


def test_an_unclear_end_is_told_with_its_page(wire, client):
    unclear = says({"value": [{"id": "b"}], "@odata.nextLink": None})
    by_link(wire, [rows_then(wire, 1, "a")], [rows_then(wire, None, "b"), unclear])
    ends = [page.unclear_end for page in cursor_pages(client, DATASET, params=PARAMS)]
    assert ends == [False, True]
    wire.on(DATASET.path, unclear)
    assert [page.unclear_end for page in cursor_pages(client, DATASET, params=PARAMS)] == [True]


@pytest.mark.parametrize("rows", [[], [1]])
def test_a_list_that_does_not_end_is_given_up(wire, client, monkeypatch, rows):
    monkeypatch.setattr(cursor, "MOST_PAGES", 5)
    monkeypatch.setattr(cursor, "MOST_EMPTY_PAGES", 5)
    wire.on(
        DATASET.path,
        lambda request: page(
            [len(wire.requests) * row for row in rows], f"{wire.url}{DATASET.path}?x={len(wire.requests)}"
        ),
    )
    with pytest.raises(IncompleteWalk, match="does not end") as raised:
        list(cursor_pages(client, DATASET, params=PARAMS))
    assert not raised.value.retryable
    assert len(wire.requests_for(DATASET.path)) <= 10


@pytest.mark.parametrize(
    "link",
    [
        "/api/machines/SoftwareVulnerabilitiesByMachine?$skiptoken=1",
        "{url}/api/machines?$skiptoken=1",
        "{url}{path}?$skiptoken=1&sincetime=2026-11-20T00:00:00Z",
    ],
)
def test_a_link_that_does_not_lead_on_in_the_list_is_not_followed(wire, client, link):
    link = link.format(url=wire.url, path=DATASET.path)
    wire.on(DATASET.path, page([{"id": "a"}], link), page([{"id": "b"}]))
    with pytest.raises(IncompleteWalk, match="not followed"):
        list(cursor_pages(client, DATASET, params={**PARAMS, "sinceTime": "2026-11-24T00:00:00Z"}))
    assert len(wire.requests_for(DATASET.path)) == 1
