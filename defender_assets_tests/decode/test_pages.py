"""Pages: the envelope, the link, and responses that are no page."""

import json
from datetime import datetime

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.catalog.column import text
from defender_assets.decode import Decoder, UndecodableResponse

from .datasets import OBSERVED_AT, THINGS, dataset, decoder, extras, page_of

BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])


@BOTH_PATHS
def test_given_a_page_rows_and_link_come_out_in_the_datasets_schema(tolerant_only: bool):
    link = "https://api.example.com/things?$skip=8000&pagesize=1"
    body = page_of([{"id": "a", "rbacGroupId": 7}, {"id": "b"}], **{"@odata.nextLink": link})
    page = decoder(tolerant_only=tolerant_only).page(body)
    assert page.next_link == link
    assert page.table.schema.equals(THINGS.schema, check_metadata=True)
    assert page.table["id"].to_pylist() == ["a", "b"]
    assert page.table["rbac_group_id"].to_pylist() == [7, None]
    assert page.table["observed_at"].to_pylist() == [OBSERVED_AT, OBSERVED_AT]
    assert page.table["extra"].null_count == 2


@BOTH_PATHS
@pytest.mark.parametrize("link", [{}, {"@odata.nextLink": None}, {"@odata.nextLink": ""}])
def test_given_no_link_the_page_says_so(link: dict, tolerant_only: bool):
    assert decoder(tolerant_only=tolerant_only).page(page_of([{"id": "a"}], **link)).next_link is None


@BOTH_PATHS
@pytest.mark.parametrize(
    ("sent", "count"),
    [
        (b'"@odata.count": 1000,', 1000),
        (b'"@OData.Count": 0,', 0),
        (b"", None),
        (b'"@odata.count": null,', None),
        (b'"@odata.count": 2.5,', None),
        (b'"@odata.count": -1,', None),
        (b'"@odata.count": true,', None),
        (b'"@odata.count": "many",', None),
        (b'"@odata.count": 18446744073709551615,', None),
        (b'"@odata.count": 1, "@odata.Count": 2,', None),
    ],
)
def test_given_a_count_of_rows_the_page_has_it_if_it_is_a_whole_number(
    sent: bytes, count: int | None, tolerant_only: bool
):
    body = b"{" + sent + b'"value": [{"id": "a"}]}'
    assert decoder(tolerant_only=tolerant_only).page(body).count == count


@BOTH_PATHS
@pytest.mark.parametrize("error", [b"{}", b'"x y"', b'{"code": 7}', b"[]", b"false"])
@pytest.mark.parametrize("name", [b"error", b"Error", b"odata.error", b"@odata.error"])
def test_given_an_error_of_any_kind_beside_rows_it_is_no_answer(error: bytes, name: bytes, tolerant_only: bool):
    with pytest.raises(UndecodableResponse, match="an array named value and an error, although its status"):
        decoder(tolerant_only=tolerant_only).page(b'{"value": [{"id": "a"}], "' + name + b'": ' + error + b"}")


@BOTH_PATHS
def test_given_an_error_that_is_null_the_rows_are_an_answer(tolerant_only: bool):
    body = b'{"error": null, "value": [{"id": "a", "error": {"code": "x"}}]}'
    assert decoder(tolerant_only=tolerant_only).page(body).table.num_rows == 1


@BOTH_PATHS
def test_given_no_rows_the_table_is_empty_and_in_schema(tolerant_only: bool):
    page = decoder(tolerant_only=tolerant_only).page(page_of([]))
    assert page.table.num_rows == 0
    assert page.table.schema.equals(THINGS.schema, check_metadata=True)


@pytest.mark.parametrize("name", ["@odata.nextlink", "@OData.NextLink"])
def test_given_a_link_in_another_spelling_it_is_not_lost(name: str):
    assert decoder().page(page_of([{"id": "a"}], **{name: "https://next.example.com"})).next_link


def test_given_an_envelope_in_another_spelling_its_rows_are_found():
    assert decoder().page(b'{"Value": [{"Id": "a"}]}').table["id"].to_pylist() == ["a"]


@pytest.mark.parametrize("wrap", [lambda b: b"\xef\xbb\xbf" + b, lambda b: b"\r\n " + b + b"\n", lambda b: b])
def test_given_a_byte_order_mark_white_space_or_pretty_printing_the_rows_are_read_fast(wrap):
    body = json.dumps({"value": [{"id": "a"}, {"id": "b"}]}, indent=4).encode()
    reading = decoder()
    assert reading.page(wrap(body)).table["id"].to_pylist() == ["a", "b"]
    assert reading.counts.tolerant_rows == 0


@BOTH_PATHS
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"null", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"{}", "no array named value"),
        (b'{"value": null}', "no array named value"),
        (
            b'{"value": [{"id": "a"}], "error": {"code": "TooManyRequests", "message": "m"}}',
            "the error TooManyRequests",
        ),
        (b'{"error": "invalid_client", "value": []}', "the error invalid_client"),
        (b'{"value": [{"id": "a"}]}{"error": {"code": "TooManyRequests"}}', "extra data"),
        (b'{"value": {"id": "a"}}', "no array named value"),
        (b'{"error": {"code": "TooManyRequests", "message": "m"}}', "the error TooManyRequests"),
        (b'{"error": "invalid_client", "error_description": "d"}', "the error invalid_client"),
        (b'{"value": [null]}', "row 1 of 1 is not an object"),
        (b'{"value": [{"id": "a"}, null]}', "row 2 of 2 is not an object"),
        (b'{"value": [{"id": "a"}, "b"]}', "row 2 of 2 is not an object"),
        (b'{"value": [{"id": "a"}], "@odata.nextLink": 7}', "the pages that follow are unknown"),
        (
            b'{"value": [{"id": "a"}], "@odata.nextLink": "x", "@odata.nextlink": "y"}',
            "the pages that follow are unknown",
        ),
        (b'{"value": [{"id": "a"}], "Value": [{"id": "b"}]}', "no array named value"),
        (b'{"value": [{"id": "a"}], "value": [{"id": "b"}]}', "has the member value more than once"),
        (b'{"value": [], "value": [{"id": "b"}]}', "has the member value more than once"),
        (
            b'{"@odata.nextLink": "https://x", "value": [{"id": "a"}], "@odata.nextLink": null}',
            "has the member @odata.nextLink more than once",
        ),
        (b'{"error": {}, "value": [{"id": "a"}], "error": null}', "has the member error more than once"),
        (b"<!DOCTYPE html><html></html>", "HTML or XML"),
        (b"Service Unavailable", "no JSON"),
        (b'{"value": [{"id": "a"}]', "breaks off"),
        (b'{"value": [{"id": "a"}, {"id": "b', "breaks off"),
        (b'{"value": [{"id": "a"}]}{"value": [{"id": "b"}]}', "extra data"),
        (b'{"value": [{"id": "a"},]}', "no JSON"),
        (b'{"value": [{"rbacGroupId": 1}, {"id": "b"}]}', "1 of 2 rows have no id"),
        (b'{"value": [{"id": null}]}', "1 of 1 rows have no id"),
        (b'{"value": [{"id": " "}]}', "1 of 1 rows have no id"),
        (b'{"value": [{"id": {"a": 1}}]}', "1 of 1 rows have no id"),
        (b'{"value": [{"id": "a", "q": ' + b"[" * 1_500 + b"]" * 1_500 + b"}]}", "nested deeper than 128 levels"),
    ],
)
def test_given_a_response_that_is_no_page_the_error_says_what_is_wrong(body: bytes, problem: str, tolerant_only: bool):
    reading = decoder(tolerant_only=tolerant_only)
    with pytest.raises(UndecodableResponse, match="things: ") as raised:
        reading.page(body)
    assert problem in str(raised.value)
    assert reading.counts.rows == 0


def test_given_a_broken_response_the_error_holds_no_value_of_a_row():
    body = b'{"value": [{"id": "secret-host", "machineTags": ["tag-of-theirs"], "osPlatform": "Windows11"'
    with pytest.raises(UndecodableResponse) as raised:
        decoder().page(body)
    message = str(raised.value)
    assert not any(word in message for word in ("secret-host", "tag-of-theirs", "Windows11"))
    assert raised.value.__cause__ is None
    assert raised.value.dataset == "things"


@BOTH_PATHS
def test_given_constants_they_fill_what_the_rows_lack(tolerant_only: bool):
    users = DATASETS["machine_users"]
    body = page_of([{"id": "contoso\\ann"}, {"id": "contoso\\bob", "machineId": "m-2"}, {"id": "c", "MachineId": None}])
    page = decoder(users, tolerant_only=tolerant_only).page(body, constants={"machineId": "m-1"})
    assert page.table["machine_id"].to_pylist() == ["m-1", "m-2", "m-1"]


@BOTH_PATHS
def test_given_a_null_among_the_rows_no_constant_makes_a_row_of_it(tolerant_only: bool):
    with pytest.raises(UndecodableResponse, match="row 2 of 2 is not an object"):
        decoder(DATASETS["machine_users"], tolerant_only=tolerant_only).page(
            page_of([{"id": "contoso\\ann"}, None]), constants={"machineId": "m-1"}
        )


@pytest.mark.parametrize("member", ["nobody", "rbacGroupId", "machineTags"])
def test_given_a_constant_for_what_is_no_text_column_it_is_wrong_use(member: str):
    with pytest.raises(ValueError, match=member):
        decoder().page(page_of([{"id": "a"}]), constants={member: "x"})


def test_given_a_key_of_several_columns_only_the_first_must_be_there():
    pairs = dataset(text("deviceId", "Device."), text("cveId", "CVE."), key=("device_id", "cve_id"))
    table = decoder(pairs).page(page_of([{"deviceId": "d"}])).table
    assert table["cve_id"].to_pylist() == [None]


def test_given_an_observed_at_without_zone_it_is_wrong_use():
    with pytest.raises(ValueError, match="observed_at"):
        Decoder(THINGS, observed_at=datetime(2025, 10, 6))


def test_given_lists_within_the_list_their_rows_are_the_rows():
    """As the documented example of the permissions of browser extensions has it."""
    reading = decoder()
    page = reading.page(page_of([{"value": [{"id": "a"}, {"id": "b"}]}, {"Value": []}]))
    assert page.table["id"].to_pylist() == ["a", "b"]
    assert reading.page(page_of([{"value": []}])).table.num_rows == 0
    with pytest.raises(UndecodableResponse, match="have no id"):
        reading.page(page_of([{"value": [{"id": "a"}]}, {"value": [{"id": "b"}], "other": 1}]))


def test_given_one_object_it_is_the_row_without_the_envelope():
    reading = decoder()
    body = b'{"@odata.context": "#Things/$entity", "id": "a", "cvssScore": 7, "new": [1]}'
    page = reading.one_object(body)
    assert (page.table["id"].to_pylist(), page.table["cvss_score"].to_pylist()) == (["a"], [7.0])
    assert extras(page.table) == [{"new": [1]}]
    for nothing in (b"{}", b'{"value": [{"id": "a"}]}', b'{"id": "a", "error": {"code": "Busy"}}', b"[]", b""):
        with pytest.raises(UndecodableResponse):
            reading.one_object(nothing)
