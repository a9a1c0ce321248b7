"""Objects that come as JSON in a text: decoded member by member, and nothing of them is lost."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from .datasets import decoder, extras, lines_of, page_of

BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])
NOTHING = {"os_mode": None, "level": None, "refresh_time": None, "rings": None, "scan": None, "owner": None}


def gathered(sent: Any, *, tolerant_only: bool = False) -> tuple[Any, Any, dict[str, int]]:
    """The column of a row with this value, what is in the row's ``extra``, and the unreadable values."""
    of = decoder(tolerant_only=tolerant_only)
    table = of.page(page_of([{"id": "1", "gathered": sent}])).table
    assert of.counts.unknown_members == ()
    return table["gathered"].to_pylist()[0], extras(table)[0], dict(of.counts.unreadable)


@BOTH_PATHS
def test_members_are_read_in_any_spelling_and_the_others_are_in_its_extra(tolerant_only: bool):
    sent = {"OsMode": "0", "LEVEL": "7", "RefreshedAt": "2025-10-06 10:43:58", "Rings": "Broad", "NewKey": [1, None]}
    column, kept, unreadable = gathered(json.dumps(sent), tolerant_only=tolerant_only)
    moment = datetime(2025, 10, 6, 10, 43, 58, tzinfo=UTC)
    assert column == NOTHING | {
        "os_mode": "0", "level": 7, "refresh_time": moment, "rings": ["Broad"], "extra": '{"NewKey":[1,null]}',
    }  # fmt: skip
    assert (kept, unreadable) == (None, {})


@BOTH_PATHS
def test_a_real_object_is_read_like_the_text_of_one(tolerant_only: bool):
    sent = {"osMode": "1", "scan": {"score": 3}, "more": {"a": 10.10}}
    written = {"osMode": "1", "scan": json.dumps({"score": 3}), "more": {"a": 10.10}}
    assert gathered(sent, tolerant_only=tolerant_only) == gathered(json.dumps(written), tolerant_only=tolerant_only)


@BOTH_PATHS
def test_what_does_not_fit_its_member_is_counted_and_kept_in_its_extra(tolerant_only: bool):
    sent = {"level": "high", "scan": '{"score":"none"}', "osMode": None}
    column, kept, unreadable = gathered(json.dumps(sent), tolerant_only=tolerant_only)
    assert column == NOTHING | {"scan": {"score": None, "extra": '{"score":"none"}'}, "extra": '{"level":"high"}'}
    assert (kept, unreadable) == (None, {"gathered.level": 1, "gathered.scan.score": 1})


@BOTH_PATHS
@pytest.mark.parametrize("nothing", [None, "", " \t", "null", " null "])
def test_no_value_in_any_spelling(nothing: Any, tolerant_only: bool):
    assert gathered(nothing, tolerant_only=tolerant_only) == (None, None, {})


@BOTH_PATHS
@pytest.mark.parametrize(
    "sent",
    [
        "not JSON", '{"osMode":"0"', '[{"osMode":"0"}]', '"a text"', "7", 7, True, [{"osMode": "0"}],
        "[" * 100_000, '{"a":' * 5_000, '{"a":1} {"b":2}', json.dumps({"long": "x" * 1_100_000}),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_what_is_no_object_stays_as_it_was_sent(sent: Any, tolerant_only: bool):
    assert gathered(sent, tolerant_only=tolerant_only) == (None, {"gathered": sent}, {"gathered": 1})


@BOTH_PATHS
@pytest.mark.parametrize(
    ("sent", "extra"),
    [
        ('{"n": 0.1000000000000000055511151231257827}', '{"n":0.1000000000000000055511151231257827}'),
        ('{"n": 123456789012345678901234567890}', '{"n":123456789012345678901234567890}'),
        ('{"n": 1, "n": 2}', '{"n":[1,2]}'),
        ('{"n": "a\\u0000b\\ud800"}', '{"n":"a\\u0000b\ufffd"}'),
        ('{"osMode": 10.10}', None),
    ],
)
def test_no_digit_and_no_repeated_member_is_lost(sent: str, extra: str | None, tolerant_only: bool):
    column, kept, _ = gathered(sent, tolerant_only=tolerant_only)
    assert (column["extra"], kept) == (extra, None)
    assert column["os_mode"] == ("10.10" if extra is None else None)


def test_rows_with_different_texts_take_the_fast_path():
    of = decoder()
    rows = [{"Id": str(n), "Gathered": json.dumps({"OsMode": str(n % 7), f"Key{n % 3}": n})} for n in range(500)]
    table = of.lines(lines_of(rows))
    assert [row["os_mode"] for row in table["gathered"].to_pylist()] == [str(n % 7) for n in range(500)]
    assert [json.loads(row["extra"]) for row in table["gathered"].to_pylist()] == [
        {f"Key{n % 3}": n} for n in range(500)
    ]
    assert of.counts.tolerant_rows == 0
