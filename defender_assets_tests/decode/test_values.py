"""Values: conversions, missing values, and values kept as sent; by both paths."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.decode import UndecodableResponse
from defender_assets.decode.json_text import may_lose_digits

from .datasets import decoder, extras, page_of

BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])


def decoded(member: str, value: Any, *, tolerant_only: bool = False) -> tuple[Any, Any, dict[str, int]]:
    """The column's value, the row's extra and the unreadable counts for one member of one row."""
    reading = decoder(tolerant_only=tolerant_only)
    raw = value if isinstance(value, bytes) else None
    body = page_of([{"id": "a", member: 0 if raw else value}])
    if raw:
        body = body.replace(f'"{member}": 0'.encode(), f'"{member}": '.encode() + raw)
    table = reading.page(body).table
    names = table.column_names[:-2]
    given = {name: table[name][0].as_py() for name in names if name != "id" and table[name][0].as_py() is not None}
    assert len(given) <= 1
    return next(iter(given.values()), None), extras(table)[0], dict(reading.counts.unreadable)


@BOTH_PATHS
@pytest.mark.parametrize(
    ("member", "sent", "value"),
    [
        ("osPlatform", "x\u0000", "x\u0000"),
        ("osPlatform", " a\u00a0b ", " a\u00a0b "),
        ("osPlatform", "None", "None"),
        ("osPlatform", "-", "-"),
        ("osPlatform", "null", "null"),
        ("osPlatform", "Unassigned", "Unassigned"),
        ("osPlatform", "\u200b", "\u200b"),
        ("osPlatform", "2025-10-06T10:43:58Z", "2025-10-06T10:43:58Z"),
        ("osPlatform", 7, "7"),
        ("osPlatform", b"10.10", "10.10"),
        ("osPlatform", b"1E2", "1E2"),
        ("osPlatform", b"123456789012345678901234567890", "123456789012345678901234567890"),
        ("osPlatform", True, "true"),
        ("rbacGroupId", 7, 7),
        ("rbacGroupId", b"7.0", 7),
        ("rbacGroupId", b"7e2", 700),
        ("rbacGroupId", "7", 7),
        ("rbacGroupId", "-7.0", -7),
        ("rbacGroupId", -(2**63), -(2**63)),
        ("rbacGroupId", 2**63 - 1, 2**63 - 1),
        ("rbacGroupId", str(2**63 - 1), 2**63 - 1),
        ("rbacGroupId", b"9007199254740993.0", 2**53 + 1),
        ("cvssScore", 7, 7.0),
        ("cvssScore", 5.5, 5.5),
        ("cvssScore", "5.5", 5.5),
        ("cvssScore", "7", 7.0),
        ("isOnboarded", True, True),
        ("isOnboarded", "True", True),
        ("isOnboarded", "false", False),
        ("lastSeenTimestamp", "2025-10-06 10:43:58.1234567", datetime(2025, 10, 6, 10, 43, 58, 123456, UTC)),
        ("machineTags", ["", "b", None, " ", "a"], ["b", "a"]),
        ("machineTags", [""], []),
        ("machineTags", [], []),
        ("machineTags", [7, True], ["7", "true"]),
        ("machineTags", "a", ["a"]),
        ("ports", [1, None, "2"], [1, None, 2]),
        ("moments", ["0001-01-01T00:00:00Z", "2025-10-06"], [None, datetime(2025, 10, 6, tzinfo=UTC)]),
        ("evidence", [], []),
        ("evidence", [None], [None]),
    ],
)
def test_given_what_fits_or_coerces_it_is_in_its_column_alone(member: str, sent: Any, value: Any, tolerant_only: bool):
    assert decoded(member, sent, tolerant_only=tolerant_only) == (value, None, {})


@BOTH_PATHS
@pytest.mark.parametrize("nothing", [None, "", " ", "\t\u00a0\u3000"])
@pytest.mark.parametrize(
    "member",
    [
        "osPlatform",
        "rbacGroupId",
        "cvssScore",
        "isOnboarded",
        "lastSeenTimestamp",
        "machineTags",
        "vmMetadata",
        "evidence",
    ],
)
def test_given_no_value_in_any_spelling_the_column_is_null_and_nothing_is_kept(
    member: str, nothing: Any, tolerant_only: bool
):
    assert decoded(member, nothing, tolerant_only=tolerant_only) == (None, None, {})


@BOTH_PATHS
@pytest.mark.parametrize(
    ("member", "path", "sent"),
    [
        ("osPlatform", "os_platform", {"a": 1}),
        ("osPlatform", "os_platform", ["a"]),
        ("rbacGroupId", "rbac_group_id", 7.5),
        ("rbacGroupId", "rbac_group_id", "Unassigned"),
        ("rbacGroupId", "rbac_group_id", "007"),
        ("rbacGroupId", "rbac_group_id", " 7"),
        ("rbacGroupId", "rbac_group_id", True),
        ("rbacGroupId", "rbac_group_id", 2**63),
        ("rbacGroupId", "rbac_group_id", 2**64),
        ("rbacGroupId", "rbac_group_id", -(2**63) - 1),
        ("rbacGroupId", "rbac_group_id", 10**40),
        ("rbacGroupId", "rbac_group_id", "1e999999999"),
        ("rbacGroupId", "rbac_group_id", "1e-99999999999999999999"),
        ("cvssScore", "cvss_score", "N/A"),
        ("cvssScore", "cvss_score", "NaN"),
        ("cvssScore", "cvss_score", "1e999"),
        ("cvssScore", "cvss_score", False),
        ("cvssScore", "cvss_score", 10**400),
        ("isOnboarded", "is_onboarded", "Unknown"),
        ("isOnboarded", "is_onboarded", 1),
        ("lastSeenTimestamp", "last_seen_timestamp", "N/A"),
        ("lastSeenTimestamp", "last_seen_timestamp", 1759747438),
        ("machineTags", "machine_tags", 7),
        ("machineTags", "machine_tags", {"0": "a"}),
        ("ports", "ports", 443),
        ("vmMetadata", "vm_metadata", "a"),
        ("evidence", "evidence", {"fileName": "a"}),
    ],
)
def test_given_what_does_not_fit_the_column_is_null_and_it_is_kept_as_sent(
    member: str, path: str, sent: Any, tolerant_only: bool
):
    assert decoded(member, sent, tolerant_only=tolerant_only) == (None, {member: sent}, {path: 1})


@BOTH_PATHS
@pytest.mark.parametrize(
    ("literal", "kept"), [(b"NaN", '"NaN"'), (b"-Infinity", '"-Infinity"'), (b"1e999", "1e999"), (b"-1E400", "-1E400")]
)
def test_given_a_number_no_double_holds_it_is_kept_as_sent(literal: bytes, kept: str, tolerant_only: bool):
    table = decoder(tolerant_only=tolerant_only).page(b'{"value":[{"id":"a","cvssScore":' + literal + b"}]}").table
    assert table["cvss_score"].to_pylist() == [None]
    assert table["extra"].to_pylist() == ['{"cvssScore":' + kept + "}"]


@BOTH_PATHS
def test_given_a_misfit_inside_an_object_the_rest_is_filled_and_the_whole_member_kept(tolerant_only: bool):
    sent = [{"fileName": "a", "processId": "none"}, {"fileName": "b", "processId": 4, "hashes": ["x", {"y": 1}, ""]}]
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.page(page_of([{"id": "a", "Evidence": sent}, {"id": "b", "Evidence": [{"fileName": "c"}]}])).table
    first, second = table["evidence"].to_pylist()
    assert [(item["file_name"], item["process_id"]) for item in first] == [("a", None), ("b", 4)]
    assert first[1]["hashes"] == ["x", None]
    assert second[0]["file_name"] == "c"
    assert extras(table) == [{"Evidence": sent}, None]
    assert reading.counts.unreadable == {"evidence.process_id": 1, "evidence.hashes": 1}


@BOTH_PATHS
def test_given_nulls_and_empty_objects_in_a_list_they_stay_apart(tolerant_only: bool):
    table = decoder(tolerant_only=tolerant_only).page(page_of([{"id": "a", "evidence": [None, {}, None]}])).table
    empty = {"file_name": None, "process_id": None, "process_creation_time": None, "hashes": None, "parts": None}
    assert table["evidence"].to_pylist() == [[None, empty, None]]
    assert extras(table) == [None]


@BOTH_PATHS
def test_given_nested_times_they_are_read_like_any_other(tolerant_only: bool):
    sent = {"CreateTime": "2025-10-06T10:43:58.1234567Z"}
    evidence = [{"processCreationTime": "0001-01-01T00:00:00Z"}, {"processCreationTime": "2025-10-06"}]
    table = (
        decoder(tolerant_only=tolerant_only)
        .page(page_of([{"id": "a", "vmMetadata": sent, "evidence": evidence}]))
        .table
    )
    assert table["vm_metadata"][0].as_py()["created_time"] == datetime(2025, 10, 6, 10, 43, 58, 123456, UTC)
    times = [item["process_creation_time"] for item in table["evidence"][0].as_py()]
    assert times == [None, datetime(2025, 10, 6, tzinfo=UTC)]
    assert extras(table) == [None]


@BOTH_PATHS
@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b'{"value":[{"id":"a\\ud800b"}]}', "a\ufffdb"),
        (b'{"value":[{"id":"a\\ud83d\\ude00b"}]}', "a\U0001f600b"),
        (b'{"value":[{"id":"a\xff\xfeb"}]}', "a\ufffd\ufffdb"),
        (b'{"value":[{"id":"a\nb"}]}', "a\nb"),
        (b'{"value":[{"id":"a\\u0000"}]}', "a\u0000"),
        ('{"value":[{"id":"Zürich 東京"}]}'.encode(), "Zürich 東京"),
    ],
)
def test_given_a_broken_encoding_the_row_is_not_lost(document: bytes, text: str, tolerant_only: bool):
    assert decoder(tolerant_only=tolerant_only).page(document).table["id"].to_pylist() == [text]


@BOTH_PATHS
@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"id": "{}"}, "id"),
        ({"osPlatform": "{}"}, "os_platform"),
        ({"machineTags": ["a", "{}"]}, "machine_tags"),
        ({"vmMetadata": {"owner": {"userName": "{}"}}}, "vm_metadata.owner.user_name"),
        ({"evidence": [None, {"hashes": ["{}"]}]}, "evidence.hashes"),
        ({"lastSeen": "{}"}, "extra"),
        ({"rbacGroupId": "{}"}, "extra"),
        ({"evidence": "{}"}, "extra"),
        ({"newMember": "{}"}, "extra"),
        ({"newMember": {"a": ["{}"]}}, "extra"),
        ({"new": [["é"] * 5, "{}"]}, "extra"),
    ],
)
def test_given_a_text_beyond_all_measure_the_page_is_refused_and_the_column_named(
    row: dict[str, Any], column: str, tolerant_only: bool
):
    body = page_of([{"id": "a"}, {"id": "b", **row}])
    with pytest.raises(UndecodableResponse) as raised:
        decoder(tolerant_only=tolerant_only).page(body.replace(b"{}", b"x" * (16 * 2**20 + 1)))
    assert raised.value.problem == f"a value of {column} is longer than 16 MiB"


@BOTH_PATHS
def test_given_long_texts_within_measure_they_are_read(tolerant_only: bool):
    texts = ["x" * (12 * 2**20)] * 2
    table = decoder(tolerant_only=tolerant_only).page(page_of([{"id": "a", "machineTags": texts}])).table
    assert table["machine_tags"].to_pylist() == [texts]


@BOTH_PATHS
@pytest.mark.parametrize(
    ("member", "literal", "path"),
    [
        ("rbacGroupId", "1.00000000000000001", "rbac_group_id"),
        ("rbacGroupId", "70000000.000000001", "rbac_group_id"),
        ("rbacGroupId", "1e-400", "rbac_group_id"),
        ("ports", "[1.00000000000000001]", "ports"),
        ("newMember", "0.1000000000000000055", None),
        ("newMember", "-123456789.123456789123", None),
        ("newMember", "1e-400", None),
        ("newMember", "1E-99999999999999999999", None),
        ("newMember", '[{"a":[1.5,0.1000000000000000055]}]', None),
    ],
)
def test_given_more_digits_than_a_double_holds_none_is_lost(
    member: str, literal: str, path: str | None, tolerant_only: bool
):
    reading = decoder(tolerant_only=tolerant_only)
    reading.page(page_of([{"id": "a", "newMember": 1.5}]))  # a member whose type was learned before
    table = reading.page(f'{{"value": [{{"id": "a", "{member}": {literal}}}]}}'.encode()).table
    assert table["extra"].to_pylist() == [f'{{"{member}":{literal}}}']
    assert reading.counts.unreadable == ({path: 1} if path else {})


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(['{"q":%s}', '{"q" : %s }', "[1,%s]", "[ %s]", '{"a":"x","q":\n\t%s,"r":1}']),
)
def test_given_any_number_that_a_double_rounds_it_is_noticed(literal: str, around: str):
    number = json.loads(literal)
    if isinstance(number, float) and Decimal(repr(number)) != Decimal(literal):
        assert may_lose_digits((around % literal).encode())


def test_given_unknown_numbers_that_a_double_holds_they_are_read_fast():
    reading = decoder()
    assert extras(reading.page(page_of([{"id": "a", "q": 9.75, "r": [0.1, 123456.789]}])).table) == [
        {"q": 9.75, "r": [0.1, 123456.789]}
    ]
    assert reading.counts.tolerant_rows == 0


@BOTH_PATHS
@pytest.mark.parametrize(
    ("row", "columns", "extra", "unreadable"),
    [
        (b'"id": "a", "id": "b"', {"id": "b"}, {"id": ["a", "b"]}, {"id": 1}),
        (b'"id": "b", "id": "b"', {"id": "b"}, {"id": ["b", "b"]}, {"id": 1}),
        (
            b'"id": "b", "osPlatform": "x", "osPlatform": null',
            {"id": "b"},
            {"osPlatform": ["x", None]},
            {"os_platform": 1},
        ),
        (
            b'"id": "b", "osPlatform": null, "osPlatform": "x"',
            {"id": "b", "os_platform": "x"},
            {"osPlatform": [None, "x"]},
            {"os_platform": 1},
        ),
        (
            b'"id": "b", "newMember": 1, "newMember": {"c": 1, "c": [2]}',
            {"id": "b"},
            {"newMember": [1, {"c": [1, [2]]}]},
            {},
        ),
        (b'"id": "b", "@odata.type": "x", "@odata.type": "y"', {"id": "b"}, None, {}),
        (
            b'"id": "b", "osPlatform": "\\": x", "osVersion": ":y", "q" : "z"',
            {"id": "b", "os_platform": '": x'},
            {"osVersion": ":y", "q": "z"},
            {},
        ),
    ],
)
def test_given_a_member_twice_the_last_counts_and_all_are_kept(
    row: bytes, columns: dict[str, Any], extra: Any, unreadable: dict[str, int], tolerant_only: bool
):
    for as_file in (False, True):
        reading = decoder(tolerant_only=tolerant_only)
        body = b"{" + row + b"}"
        table = reading.lines(body) if as_file else reading.page(b'{"value": [' + body + b"]}").table
        found = table.drop_columns(["observed_at", "extra"]).to_pylist()[0]
        assert {name: value for name, value in found.items() if value is not None} == columns
        assert extras(table) == [extra]
        assert reading.counts.unreadable == unreadable


@BOTH_PATHS
def test_given_a_member_twice_in_a_nested_object_the_whole_member_is_kept(tolerant_only: bool):
    body = b'{"value": [{"id": "a", "evidence": [{"fileName": "a", "fileName": "b", "processId": 4}]}]}'
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.page(body).table
    assert table["evidence"][0][0]["file_name"].as_py() == "b"
    assert extras(table) == [{"evidence": [{"fileName": ["a", "b"], "processId": 4}]}]
    assert reading.counts.unreadable == {"evidence.file_name": 1}


@BOTH_PATHS
def test_given_names_that_only_a_broken_encoding_told_apart_both_values_are_kept(tolerant_only: bool):
    body = b'{"value": [{"id": "a", "q\\ud800": 1, "q\\ud801": {"r\\udfff": 2}}]}'
    assert extras(decoder(tolerant_only=tolerant_only).page(body).table) == [{"q\ufffd": [1, {"r\ufffd": 2}]}]
