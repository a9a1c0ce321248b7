"""The keys alone of a page: what they are, and when only the whole page tells them."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder, rows_at_a_glance

MACHINES = DATASETS["machines"]
NOW = datetime(2026, 11, 27, tzinfo=UTC)
ROW = {"id": "d1", "computerDnsName": 'a ] } " b', "ipAddresses": [{"ipAddress": "10.0.0.1"}], "machineTags": ["x"]}
ROWS = [ROW | {"id": f"d{number}"} for number in range(3)]
CONTEXT = {"@odata.context": "https://api.example.com/api/$metadata#Machines"}


def body_of(*members: tuple[str, object]) -> bytes:
    return ("{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}").encode()


def decoder() -> Decoder:
    """One that has decoded a page of the walk."""
    made = Decoder(MACHINES, observed_at=NOW)
    made.page(body_of(("value", ROWS)))
    return made


@settings(max_examples=50)
@given(
    names=st.lists(st.text(min_size=1).filter(lambda name: not name.isspace()), min_size=1, max_size=20),
    others=st.dictionaries(
        st.text(), st.one_of(st.text(), st.lists(st.dictionaries(st.text(), st.text()))), max_size=3
    ),
    link=st.none() | st.text(),
    blanks=st.sampled_from([None, 1]),
)
def test_they_are_those_that_the_page_has_whatever_else_is_in_its_rows(names, others, link, blanks):
    page = CONTEXT | {"value": [{**others, "id": name} for name in names]}
    if link is not None:
        page["@odata.nextLink"] = link
    body = json.dumps(page, indent=blanks).encode()
    keys, whole = decoder().page_keys(body), decoder().page(body)
    if keys is not None:
        assert keys.table["id"].to_pylist() == whole.table["id"].to_pylist()
        assert keys.next_link == whole.next_link


@pytest.mark.parametrize("members", [[("value", ROWS)], [*CONTEXT.items(), ("value", ROWS), ("@odata.nextLink", "l")]])
def test_of_the_pages_that_the_service_sends_they_are_read(members):
    keys = decoder().page_keys(body_of(*members))
    assert keys.table["id"].to_pylist() == ["d0", "d1", "d2"]


def test_nothing_is_counted():
    made = decoder()
    before = made.counts
    made.page_keys(body_of(("value", [*ROWS, {"id": "d9", "newMember": 1}])))
    assert made.counts == before


NOT_ALONE = {
    "an error beside the rows": body_of(("value", ROWS), ("error", {"code": "x"})),
    "an error that ends as the rows would": body_of(("value", ROWS), ("error", [{"code": "x"}])),
    "rows before an error of the same form": body_of(("value", ROWS), ("error", [ROW])),
    "two lists of rows": body_of(("value", ROWS), ("value", ROWS)),
    "a list of rows in another spelling": body_of(("value", ROWS), ("Value", ROWS)),
    "a link in another spelling": body_of(("value", ROWS), ("@odata.nextlink", "https://x")),
    "a link before the rows": body_of(("@odata.nextLink", "https://x"), ("value", ROWS)),
    "a number of rows": body_of(("@odata.count", 5), ("value", ROWS)),
    "a text that ends as the rows would": body_of(("value", ROWS), ("x", "}]"), ("@odata.nextLink", "https://x")),
    "two documents": body_of(("value", ROWS)) + body_of(("value", ROWS)),
    "no rows": body_of(("value", [])),
    "a row without a key": body_of(("value", [*ROWS, {"computerDnsName": "x"}])),
    "a row with a blank key": body_of(("value", [*ROWS, ROW | {"id": " "}])),
    "a row whose key is a number": body_of(("value", [*ROWS, ROW | {"id": 5}])),
    "a row that is none": body_of(("value", [*ROWS, None])),
    "a key in another spelling": body_of(("value", [*ROWS, {"ID": "d4"}])),
    "a key in two spellings": body_of(("value", [*ROWS, ROW | {"ID": "d4"}])),
    "a key in two spellings, of which one is no text": body_of(("value", [*ROWS, ROW | {"Id": {"id": "d4"}}])),
    "a key twice": body_of(("value", ROWS)).replace(b'{"id": "d1"', b'{"id": "d1", "id": "d4"'),
    "rows in a list of their own": body_of(("value", [{"value": ROWS}])),
    "bytes that are no UTF-8": body_of(("value", ROWS)).replace(b"10.0.0.1", b"10.0.0.\xff"),
    "a link that is no UTF-8": body_of(("value", ROWS), ("@odata.nextLink", "?")).replace(b"?", b"\xff"),
    "a page that was cut": body_of(("value", ROWS))[:-2],
    "nothing": b"",
    "a page that ends with a row": body_of(("value", ROWS))[:-1] + b',"x":[{}]}',
}


@pytest.mark.parametrize("body", NOT_ALONE.values(), ids=NOT_ALONE)
def test_where_more_would_have_to_be_looked_at_the_page_has_to_be_read(body):
    assert decoder().page_keys(body) is None


def test_before_a_page_was_read_they_are_not_known():
    assert Decoder(MACHINES, observed_at=NOW).page_keys(body_of(("value", ROWS))) is None


@settings(max_examples=30)
@given(st.lists(st.sampled_from(ROWS), max_size=20), st.sampled_from([None, 1]))
def test_how_many_rows_of_one_form_a_page_has_is_seen_at_a_glance(rows, blanks):
    assert rows_at_a_glance(json.dumps(CONTEXT | {"value": rows}, indent=blanks).encode()) == len(rows)


def test_rows_are_seen_in_a_page_of_many_pieces():
    rows = [ROW | {"computerDnsName": "x" * number} for number in range(2_500)]
    body = json.dumps({"value": rows}).encode()
    assert len(body) > 3 << 20
    assert rows_at_a_glance(body) == 2_500


def test_rows_that_begin_with_much_white_space_are_not_counted():
    # which would take seconds: each octet of their beginning is compared
    assert rows_at_a_glance(b'{"value":[' + b",".join([b"{" + b" " * 1_000 + b'"id":"a"}'] * 3) + b"]}") == 0
