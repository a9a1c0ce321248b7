"""Lines of export files: every one of them is a row, or the file is refused with its number."""

import json

import pytest

from defender_assets.decode import UndecodableResponse
from defender_assets.decode import decoder as decoder_module

from .datasets import THINGS, decoder, lines_of

LF = b"\n"
BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of some 64 bytes, so that a few lines make several."""
    monkeypatch.setattr(decoder_module, "BLOCK_BYTES", 64)


@BOTH_PATHS
@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \n", b"\xef\xbb\xbf"])
def test_given_an_empty_part_there_are_no_rows(body: bytes, tolerant_only: bool):
    table = decoder(tolerant_only=tolerant_only).lines(body)
    assert table.num_rows == 0
    assert table.schema.equals(THINGS.schema, check_metadata=True)


@BOTH_PATHS
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n", "\n \r\n"])
def test_given_any_line_ends_every_line_is_a_row(between: str, end: str, tolerant_only: bool):
    body = between.join(['{"Id":"a"}', '{"Id":"b"}', '{"Id":"c"}']) + end
    table = decoder(tolerant_only=tolerant_only).lines(body.encode())
    assert table["id"].to_pylist() == ["a", "b", "c"]


@pytest.mark.usefixtures("small_blocks")
@BOTH_PATHS
def test_given_a_part_of_many_blocks_the_rows_keep_their_order(tolerant_only: bool):
    body = lines_of({"Id": f"key-{number}", "OSPlatform": "x" * (number % 90)} for number in range(200))
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.lines(body)
    assert table["id"].to_pylist() == [f"key-{number}" for number in range(200)]
    assert reading.counts.rows == 200
    assert reading.counts.tolerant_rows == (200 if tolerant_only else 0)


@pytest.mark.usefixtures("small_blocks")
def test_given_one_drifting_line_only_its_block_takes_the_tolerant_path():
    rows = [{"Id": f"key-{number:03}", "RbacGroupId": number} for number in range(100)]
    rows[50]["RbacGroupId"] = "50"
    reading = decoder()
    table = reading.lines(lines_of(rows))
    assert table["rbac_group_id"].to_pylist() == list(range(100))
    assert 0 < reading.counts.tolerant_rows < 10


@pytest.mark.usefixtures("small_blocks")
@BOTH_PATHS
@pytest.mark.parametrize("lead", ["", "\n\n"])
@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("null", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ('"x"', "is not a JSON object"),
        ('{"Id":', "is no JSON: it breaks off"),
        ('{"Id":"a"} {"Id":"b"}', "is no JSON: extra data"),
        ("garbage", "is no JSON"),
    ],
)
def test_given_a_bad_line_it_is_named(bad: str, problem: str, lead: str, tolerant_only: bool):
    good = [json.dumps({"Id": f"key-{number}"}) for number in range(30)]
    body = lead + "\n".join([*good[:17], bad, *good[17:]])
    with pytest.raises(UndecodableResponse) as raised:
        decoder(tolerant_only=tolerant_only).lines(body.encode())
    assert f"things: an answer of the service cannot be decoded: line {18 + len(lead)} {problem}" in str(raised.value)


@pytest.mark.usefixtures("small_blocks")
@BOTH_PATHS
@pytest.mark.parametrize("blank", [b"\n" * 300, b" " * 300 + b"\n", b"\r\n" * 150, b"\n \t" * 100 + b"\n"])
def test_given_blocks_of_blank_lines_the_rows_and_the_numbers_of_lines_are_right(blank: bytes, tolerant_only: bool):
    body = blank + b'{"Id":"a"}' + blank + b'  {"Id":"b"}\n{"Id":"c"} ' + blank + b"\n" + blank
    reading = decoder(tolerant_only=tolerant_only)
    assert reading.lines(body)["id"].to_pylist() == ["a", "b", "c"]
    with pytest.raises(UndecodableResponse, match=f"line {1 + body.count(LF):,} is no JSON"):
        reading.lines(body + b'\t{"Id"')


def test_given_a_large_file_of_blanks_it_has_no_rows():
    assert decoder().lines(b" \n" * 8_000_000).num_rows == 0


def test_given_a_part_that_breaks_off_it_is_refused():
    body = lines_of({"Id": f"key-{number}"} for number in range(10))[:-8]
    with pytest.raises(UndecodableResponse, match="line 10 is no JSON: it breaks off"):
        decoder().lines(body)


def test_given_lines_that_are_all_null_the_process_survives():
    with pytest.raises(UndecodableResponse, match="line 1 is not a JSON object"):
        decoder().lines(b"null\nnull\n")


@BOTH_PATHS
def test_given_a_line_without_key_the_part_is_refused(tolerant_only: bool):
    with pytest.raises(UndecodableResponse, match="1 of 2 rows have no id"):
        decoder(tolerant_only=tolerant_only).lines(b'{"Id":"a"}\n{"OSPlatform":"x"}\n')
