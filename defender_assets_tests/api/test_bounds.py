"""Nothing that arrives is larger than there is room for: bodies, errors, lines, lists, and the words of messages."""

import gzip
import io
import json

import pytest

from defender_assets.api import BrokenAnswer, DefenderError, LoginError, NotFound, ServiceFault, TooLarge, client
from defender_assets.api import login as login_room
from defender_assets.api.compression import Overlong, decompressed_body, gunzipped_lines
from defender_assets.api.error_mapping import read_error_body
from defender_assets.api.reused_memory import ReusedMemory
from defender_assets.catalog import DATASETS

from .wire import TOKEN, Reply, packed, page, refusal, says

MACHINES = DATASETS["machines"]
PATH = "/api/machines"
MIB = 1 << 20


def ask(opened):
    return opened.get(PATH, dataset=MACHINES, quota=MACHINES.quota)


@pytest.mark.parametrize("how", ["plain", "gzip", "zlib", "raw"])
def test_a_page_of_the_largest_size_is_taken_and_one_byte_more_is_too_large(wire, opened, connection, monkeypatch, how):
    whole = page([{"id": "a" * 5_000}])
    answer = whole if how == "plain" else packed(whole, how)
    wire.on(PATH, answer)
    monkeypatch.setattr(client, "LARGEST_BODY", len(whole.body))
    assert ask(opened(connection)).body == whole.body
    monkeypatch.setattr(client, "LARGEST_BODY", len(whole.body) - 1)
    with pytest.raises(TooLarge, match="answered with more than") as raised:
        ask(opened(connection))
    assert not raised.value.retryable
    assert raised.value.dataset == "machines"
    assert len(wire.requests_for(PATH)) == 2


@pytest.mark.parametrize("rows", [b'{"id":"a"},', b'{"id":"a","machineTags":["",""]},', b'{"id":"a","z":[[],[]]},'])
@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_a_page_of_more_rows_than_memory_has_room_for_is_too_large(wire, opened, connection, how, rows):
    """Given a page that is small as packed, and unpacked within its bound, but has millions of values, then it is
    refused before they become objects."""
    whole = Reply(200, b'{"value":[' + rows * 600_000 + b"{}]}", says({}).headers)
    wire.on(PATH, whole if how == "plain" else packed(whole, "gzip"))
    with pytest.raises(TooLarge, match=r"values|objects"):
        ask(opened(connection))


class Endless:
    """Chunks that never end. ``taken`` counts the bytes that were wanted of them."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk, self.taken = chunk, 0

    def __iter__(self):
        while True:
            self.taken += len(self.chunk)
            yield self.chunk


NOTHING = gzip.compress(b"")
BOMB = gzip.compress(bytes(64 * MIB))


@pytest.mark.parametrize(
    "chunk",
    [b"x" * 65_536, NOTHING, gzip.compress(b"x" * 1_000), BOMB],
    ids=["text", "members of nothing", "small members", "bombs"],
)
def test_a_body_without_an_end_is_left_where_the_bound_is(chunk):
    """Given data that never ends, packed or not, also such as unpacks to nothing, then little of it is received."""
    endless = Endless(chunk)
    encoding = "" if chunk[:1] == b"x" else "gzip"
    if chunk == NOTHING:
        with pytest.raises(Overlong):
            decompressed_body(endless, encoding, at_most=MIB)
    else:
        assert len(decompressed_body(endless, encoding, at_most=MIB)) == MIB + 1
    assert endless.taken <= 2 * MIB + len(chunk)


@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_an_error_with_an_endless_body_is_still_the_error(wire, opened, connection, how):
    body = says({"error": {"code": "InternalServerError", "message": "x" * MIB}}, 503)
    wire.on(PATH, body if how == "plain" else packed(body, "gzip"))
    with pytest.raises(ServiceFault, match="answered 503"):
        ask(opened(connection, attempts=1))


@pytest.mark.parametrize("opening", [b"[", b'{"error":', b'{"error":{"code":'])
@pytest.mark.parametrize("depth", [1_000, 20_000, 60_000])
def test_an_error_nested_deep_is_survived(wire, opened, connection, opening, depth):
    closing = (opening.count(b"[") * b"]" or opening.count(b"{") * b"}") * depth
    body = opening * depth + b"1" + closing
    read_error_body(body)
    wire.on(PATH, Reply(400, body))
    with pytest.raises(DefenderError):
        ask(opened(connection))


@pytest.mark.parametrize(
    "error",
    [
        {"code": "x" * 50_000, "message": "y" * 10_000},
        {"code": "Forbidden", "message": "API required roles: " + "R" * 20_000 + ", application roles: ."},
        {"code": "Forbidden", "message": "API required roles:" + " " * 60_000 + "x"},
        {"code": "Forbidden", "message": "API required roles: " + "a,b" * 15_000 + ", application roles: " + ".a" * 99},
        {"code": {"a": ["x" * 50_000]}, "message": ["x"]},
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_no_message_is_longer_than_a_person_reads(wire, opened, connection, status, error):
    wire.on(PATH, says({"error": error}, status))
    with pytest.raises(DefenderError) as raised:
        ask(opened(connection, attempts=1))
    assert len(str(raised.value)) < 600


def test_the_words_of_a_long_error_are_still_read(wire, opened, connection):
    wire.on(PATH, refusal(404, "NotFound", "Machine was not found. " + "And so on. " * 4_000))
    with pytest.raises(NotFound, match="Machine was not found"):
        ask(opened(connection))


@pytest.mark.parametrize(
    "answer",
    [
        says({"access_token": "x" * (login_room.LARGEST_ANSWER + 1), "expires_in": 3599}),
        packed(Reply(200, bytes(64 * MIB)), "gzip"),
        Reply(400, b'{"error":' * 20_000 + b"1" + b"}" * 20_000),
        Reply(200, b'{"access_token":' * 20_000 + b"1" + b"}" * 20_000),
        says({"error": "x" * 100_000, "error_description": {"a": "x" * 100_000}}, 400),
        says({"error": "x", "error_codes": 5, "error_description": "AADSTS" + "9" * 10_000}, 400),
    ],
    ids=["a token of a megabyte", "a bomb", "nested error", "nested token", "long error", "odd codes"],
)
def test_a_login_that_answers_too_much_is_told(wire, opened, connection, answer):
    wire.on(TOKEN, answer)
    with pytest.raises(LoginError) as raised:
        opened(connection).login.token()
    assert len(str(raised.value)) < 600


def lines_of(content: bytes, at_most: int = 32 * MIB) -> list[bytes]:
    return [bytes(block) for block in gunzipped_lines(io.BytesIO(gzip.compress(content, 1)), ReusedMemory(at_most))]


def test_a_line_of_an_export_file_has_a_longest():
    longest = b"x" * (64 * MIB - 1) + b"\n"
    assert lines_of(b"a\n" + longest + b"b\n") == [b"a\n", longest, b"b\n"]
    with pytest.raises(Overlong, match="line is longer than 64 MiB"):
        lines_of(bytes(80 * MIB))


def test_a_file_has_a_largest(monkeypatch):
    monkeypatch.setattr("defender_assets.api.compression.LARGEST_FILE", 3 * MIB)
    with pytest.raises(Overlong, match="unpacks to more"):
        lines_of(b"a row\n" * MIB)


def test_a_line_in_many_pieces_comes_whole(monkeypatch):
    """Given lines of a thousand pieces each, with short ones between them, then each is a block of its own."""
    monkeypatch.setattr("defender_assets.api.compression._STEP", 1 << 12)
    long, short = b"x" * (4 * MIB) + b"\n", b"y\n"
    assert lines_of(short + long + short + long + short, 1_000) == [short, long, short, long, short]


@pytest.mark.parametrize(
    "body",
    [
        {"value": [{"id": "a"}], "error": {"code": "InternalServerError", "message": "timed out"}},
        {"value": [], "error": {}},
        {"value": [{"id": "a"}], "@odata.error": "InternalServerError"},
        {"Error": {"code": "InternalServerError"}, "value": [{"id": "a"}]},
    ],
)
def test_rows_beside_an_error_are_no_answer(wire, opened, connection, body):
    wire.on(PATH, says(body), page([{"id": "a"}, {"id": "b"}]))
    assert len(json.loads(ask(opened(connection)).body)["value"]) == 2
    wire.on(PATH, says(body))
    with pytest.raises(BrokenAnswer, match="with an error inside"):
        ask(opened(connection))


@pytest.mark.parametrize(
    "body",
    [
        {"value": [{"id": "a", "error": {"code": "x"}, "message": "y"}]},
        {"value": [{"id": "a"}], "error": None},
        {"value": [{"id": "a", "text": '"error": {}'}], "message": "all went well"},
    ],
)
def test_a_row_that_mentions_an_error_is_a_row(wire, opened, connection, body):
    wire.on(PATH, says(body))
    assert json.loads(ask(opened(connection)).body) == body
