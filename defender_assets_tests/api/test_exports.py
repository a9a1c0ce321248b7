"""Export files: all rows once, from parts that were proven whole, whatever the storage does."""

import base64
import gzip
import hashlib
import json
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.api import (
    CALLS,
    BrokenAnswer,
    Export,
    ForeignHost,
    IncompleteWalk,
    ServiceFault,
    StorageRefused,
    TooLarge,
    exports,
)
from defender_assets.api.compression import Damaged, gunzipped_lines
from defender_assets.api.export_list import FileList
from defender_assets.api.hosts import may_hold_parts
from defender_assets.api.reused_memory import ReusedMemory
from defender_assets.catalog import DATASETS

from .conftest import connection_to
from .wire import Reply, says

DATASET = DATASETS["software_vulnerabilities"]
FILES = DATASET.fetch.files
MADE = "2026-03-02T06:01:00.1234567Z"
EXPIRED = Reply(
    403,
    b'<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Server failed</Message>'
    b"<AuthenticationErrorDetail>Signature not valid in the specified key time frame</AuthenticationErrorDetail>"
    b"</Error>",
    {"Content-Type": "application/xml"},
)
PENDING = Reply(200, b"", {"x-ms-copy-status": "pending", "x-ms-copy-progress": "0/100"})


def part(number: int, rows: int = 3) -> bytes:
    return b"".join(json.dumps({"Id": f"{number}-{row}"}).encode() + b"\n" for row in range(rows))


def blob(number: int, container: str = "temp-1") -> str:
    return f"/{container}/2026-03-02/0601/VaExport/json/_RbacGroupId={number}/part-{number:05}.c000.json.gz"


def delivered(content: bytes) -> Reply:
    return Reply(200, gzip.compress(content), {"Content-Type": "application/octet-stream"})


def listed(wire, *paths: str, made: str | None = MADE, sig: str = "canary-signature") -> Reply:
    return says({"exportFiles": [f"{wire.url}{path}?sv=2&sig={sig}" for path in paths], "generatedTime": made})


@pytest.fixture
def three(wire):
    """An export of three parts that the storage delivers."""
    wire.on(FILES.path, listed(wire, *(blob(n) for n in range(3))))
    for number in range(3):
        wire.on(blob(number), delivered(part(number)))
    return wire


def read(client):
    return rows_in(Export(client, DATASET, FILES))


def rows_in(blocks):
    blocks = [bytes(block) for block in blocks]
    assert all(block.endswith(b"\n") for block in blocks)
    return [json.loads(line)["Id"] for block in blocks for line in block.splitlines()]


ALL = [f"{number}-{row}" for number in range(3) for row in range(3)]


def test_every_row_of_every_part_comes_once_and_in_order(three, client):
    export = Export(client, DATASET, FILES)
    assert export.parts == 3
    assert export.generated_time == MADE
    assert read(client) == ALL


def test_the_storage_gets_no_bearer_and_the_signature_as_it_is(three, client):
    read(client)
    request = three.requests_for(blob(0))[0]
    assert request.bearer is None
    assert request.target.endswith("?sv=2&sig=canary-signature")
    assert request.headers["accept-encoding"] == "identity"


def test_every_request_to_the_storage_is_told_to_those_who_measure(three, client):
    """Given parts whose size is asked for as well, then each of these requests is told, as each of the parts is."""
    told = []
    CALLS.add(told.append)
    try:
        read(client)
    finally:
        CALLS.remove(told.append)
    sent = [request for number in range(3) for request in three.requests_for(blob(number))]
    of_storage = [call for call in told if call.service == "storage"]
    assert len(of_storage) == len(sent) == 6
    assert sorted(call.status for call in of_storage) == [200] * 3 + [206] * 3
    assert {call.dataset for call in of_storage} == {DATASET.name}


def test_many_parts_are_read_four_at_a_time(wire, client):
    wire.on(FILES.path, listed(wire, *(blob(n) for n in range(12))))
    now, most, lock = 0, 0, threading.Lock()

    def slow(number):
        def reply(_):
            nonlocal now, most
            with lock:
                now, most = now + 1, max(most, now + 1)
            time.sleep(0.05)
            with lock:
                now -= 1
            return delivered(part(number))

        return reply

    for number in range(12):
        wire.on(blob(number), slow(number))
    assert len(read(client)) == 36
    assert most == 4


def test_no_files_are_no_rows(wire, client):
    wire.on(FILES.path, says({"ExportFiles": [], "GeneratedTime": "2026-03-02T06:01:00Z"}))
    export = Export(client, DATASET, FILES)
    assert list(export) == []
    assert export.parts == 0
    assert export.generated_time == "2026-03-02T06:01:00Z"


@pytest.mark.parametrize("content", [{}, {"exportFiles": None}, {"exportFiles": [5]}, {"value": []}, []])
def test_an_answer_without_a_list_is_no_empty_export(wire, client, content):
    wire.on(FILES.path, says(content))
    with pytest.raises(BrokenAnswer):
        Export(client, DATASET, FILES)


def test_a_part_of_zero_bytes_has_no_rows(three, client):
    three.on(blob(1), Reply(200))
    export = Export(client, DATASET, FILES)
    assert rows_in(export) == [row for row in ALL if not row.startswith("1-")]
    assert (export.empty_parts, export.parts_read_again) == (1, 2)
    assert len(three.downloads_of(blob(1))) == 3


@pytest.mark.parametrize("empty", [1, 2])
def test_a_part_of_zero_bytes_that_has_some_later_has_rows(three, client, empty):
    """Given a part that is empty at first, then it is asked for again when the others are read, and its rows come."""
    three.on(blob(1), *[Reply(200)] * empty, delivered(part(1)))
    three.on_size(blob(1), Reply(400))
    export = Export(client, DATASET, FILES)
    assert rows_in(export) == [row for row in ALL if row[0] != "1"] + [row for row in ALL if row[0] == "1"]
    assert (export.empty_parts, export.parts_read_again) == (0, empty)
    downloads = [
        request.path for request in three.requests if "part-" in request.path and request.headers.get("range") is None
    ]
    assert downloads[3:] == [blob(1)] * empty


def test_the_only_part_is_asked_for_again_after_a_while(wire, client, clock):
    wire.on(FILES.path, listed(wire, blob(0)))
    wire.on(blob(0), Reply(200), delivered(part(0)))
    wire.on_size(blob(0), Reply(400))
    assert len(read(client)) == 3
    assert 0 < sum(clock.slept) < 10


def test_a_part_that_unpacks_to_nothing_is_whole(three, client):
    three.on(blob(1), delivered(b""))
    export = Export(client, DATASET, FILES)
    assert rows_in(export) == [row for row in ALL if row[0] != "1"]
    assert (export.empty_parts, export.parts_read_again) == (0, 0)


TWO_MEMBERS = gzip.compress(part(1, 2)) + gzip.compress(part(1, 3)[len(part(1, 2)) :])
CUT_BETWEEN = TWO_MEMBERS[: len(gzip.compress(part(1, 2)))]


@pytest.mark.parametrize("cut", [CUT_BETWEEN, b"", delivered(b"").body], ids=["between members", "to nothing", "other"])
@pytest.mark.parametrize("how", ["206", "200", "416 at first"])
def test_a_part_that_is_shorter_than_the_storage_says_is_read_again(three, client, cut, how):
    """Given a part that looks whole by itself, then the size that the storage tells shows that it is not."""
    three.on(blob(1), Reply(200, cut), Reply(200, TWO_MEMBERS))
    size = len(TWO_MEMBERS)
    told = {
        "206": Reply(206, b"x", {"Content-Range": f"bytes 0-0/{size}"}),
        "200": Reply(200, TWO_MEMBERS),
        "416 at first": Reply(416, b"", {"Content-Range": f"bytes */{size}"}),
    }
    three.on_size(blob(1), told[how])
    export = Export(client, DATASET, FILES)
    assert rows_in(export) == ALL
    assert export.parts_read_again == 1
    assert all(request.bearer is None for request in three.requests_for(blob(1)))


def test_a_part_that_stays_shorter_than_the_storage_says_fails_the_walk(three, client):
    three.on_size(blob(1), Reply(206, b"x", {"Content-Range": "bytes 0-0/1000000"}))
    with pytest.raises(BrokenAnswer, match="of 1,000,000 bytes") as raised:
        read(client)
    assert raised.value.retryable
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "silent",
    [
        Reply(206, b"x"),
        Reply(206, b"x", {"Content-Range": "bytes 0-0/*"}),
        Reply(206, b"x", {"Content-Range": "bytes 0-0/x"}),
        Reply(416),
        Reply(200, gzip.compress(b"x"), {"Content-Encoding": "gzip"}),
        Reply(403),
        Reply(500, b"x" * 1_000_000),
    ],
)
def test_a_storage_that_tells_no_size_proves_nothing(three, client, silent):
    for number in range(3):
        three.on_size(blob(number), silent)
    assert read(client) == ALL


def test_a_part_with_another_checksum_than_told_is_read_again(three, client):
    """Given a part that is another part, whole by itself, then the storage's own checksum shows it."""
    right = delivered(part(1))
    told = {"Content-MD5": base64.b64encode(hashlib.md5(right.body).digest()).decode()}
    three.on(blob(1), Reply(200, delivered(part(7)).body, told), Reply(200, right.body, told))
    three.on(blob(2), Reply(200, delivered(part(2)).body, {"Content-MD5": "no checksum"}))
    assert read(client) == ALL
    assert len(three.downloads_of(blob(1))) == 2


def test_parts_that_a_list_lacked_are_read_from_the_next(wire, client):
    first, second = listed(wire, blob(0)), listed(wire, *(blob(number, "temp-2") for number in range(3)))
    wire.on(FILES.path, first, second)
    for number, container in ((0, "temp-1"), (0, "temp-2"), (1, "temp-2"), (2, "temp-2")):
        wire.on(blob(number, container), delivered(part(number)))
    export = Export(client, DATASET, FILES)
    assert rows_in(export) + rows_in(export.missed_parts()) == ALL
    assert export.parts == 3
    assert wire.requests_for(blob(0, "temp-2")) == []


def test_a_list_that_lacked_nothing_has_no_missed_parts(three, client):
    export = Export(client, DATASET, FILES)
    assert rows_in(export) == ALL
    three.on(FILES.path, listed(three, blob(2), blob(0)))
    assert list(export.missed_parts()) == []
    assert export.parts == 3


@pytest.mark.parametrize("change", ["time", "names"])
def test_missed_parts_of_another_snapshot_start_the_walk_over(wire, client, change):
    # Parts of one name, which only their containers tell apart, and containers are new in each list.
    names = ["/{0}-1/part.json.gz", "/{0}-2/part.json.gz", "/{0}-3/part.json.gz"]
    wire.on(FILES.path, listed(wire, *(name.format("temp") for name in names[:2])))
    export = Export(client, DATASET, FILES)
    if change == "time":
        wire.on(FILES.path, listed(wire, *(name.format("temp") for name in names), made="2026-03-02T12:01:00Z"))
    else:
        wire.on(FILES.path, listed(wire, *(name.format("next") for name in names)))
    with pytest.raises(IncompleteWalk):
        export.missed_parts()


@pytest.mark.parametrize(
    "broken",
    [
        {"exportFiles": ["{0}"], "error": {"code": "InternalServerError"}},
        {"exportFiles": ["{0}", 5]},
        {"exportFiles": ["{0}", "{0}"]},
        {"exportFiles": ["{0}", "{0}&x=1"]},
        {"generatedTime": MADE},
    ],
)
def test_a_list_that_cannot_be_right_is_asked_for_again(three, client, broken):
    address = f"{three.url}{blob(0)}?sig=canary"
    wrong = says(json.loads(json.dumps(broken).replace("{0}", address)))
    right = listed(three, *(blob(number) for number in range(3)))
    three.on(FILES.path, wrong, right)
    assert read(client) == ALL
    three.on(FILES.path, wrong)
    with pytest.raises(BrokenAnswer) as raised:
        read(client)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("body", [b"[" + b"{}," * 2_000_000 + b"{}]", b'"' + b'x","' * 100_001 + b'"'])
def test_a_list_of_too_many_files_is_not_taken(wire, client, body):
    inner = body if body[:1] == b"[" else b"[" + body + b"]"
    wire.on(FILES.path, Reply(200, b'{"exportFiles":' + inner + b"}"))
    with pytest.raises(TooLarge, match=r"more than (100,000 export files|500,000 objects and lists)"):
        Export(client, DATASET, FILES)


@pytest.mark.parametrize("member", [b" " * (65 << 20), b"{" + b"x" * (65 << 20)])
def test_a_line_of_a_part_that_is_too_long_is_told(three, client, member):
    three.on(blob(1), Reply(200, gzip.compress(member, 1)))
    with pytest.raises(TooLarge, match="line is longer than 64 MiB"):
        read(client)


def test_a_part_that_is_still_being_copied_is_waited_for(three, client, clock):
    three.on(blob(1), PENDING, PENDING, Reply(404), delivered(part(1)))
    assert read(client) == ALL
    assert len(clock.slept) == 3


def test_a_part_that_never_comes_is_told(three, client, clock):
    three.on(blob(1), PENDING)
    with pytest.raises(BrokenAnswer, match="does not have a part"):
        read(client)
    assert 300 < sum(clock.slept) <= 600


@pytest.mark.parametrize(
    "broken",
    [
        Reply(200, gzip.compress(part(1, 5_000))[:-4]),
        Reply(200, gzip.compress(part(1, 5_000))[:2_000]),
        Reply(200, gzip.compress(part(1))[:-8] + b"\0\0\0\0" + gzip.compress(part(1))[-4:]),
        Reply(200, b"<html>not a part</html>"),
        Reply(200, gzip.compress(part(1))[:10], promised=500),
        Reply(500),
        Reply(503, b"<Error><Code>ServerBusy</Code></Error>"),
    ],
    ids=["no trailer", "cut off", "wrong checksum", "a web page", "connection lost", "500", "503"],
)
def test_a_half_read_part_is_discarded_and_read_again(three, client, broken):
    three.on(blob(1), broken, delivered(part(1)))
    assert read(client) == ALL
    assert len(three.downloads_of(blob(0))) == 1
    assert len(three.downloads_of(blob(1))) == 2


def test_a_part_that_stays_damaged_fails_the_walk(three, client):
    three.on(blob(2), Reply(200, gzip.compress(part(2))[:-4]))
    with pytest.raises(BrokenAnswer, match="damaged"):
        read(client)


def test_a_part_whose_storage_stays_broken_fails_the_walk(three, client):
    three.on(blob(2), Reply(500, b"<Error><Code>InternalError</Code></Error>"))
    with pytest.raises(ServiceFault, match="InternalError") as raised:
        read(client)
    assert "canary" not in str(raised.value)


def test_expired_addresses_are_replaced_and_the_reading_goes_on(wire, client):
    """Given addresses that expire after the first part, then a new list is asked for once and no part read twice."""
    new = [f"{wire.url}{blob(n, 'temp-2')}?sig=new" for n in range(3)]
    wire.on(FILES.path, listed(wire, *(blob(n) for n in range(3))), says({"exportFiles": new, "generatedTime": MADE}))
    wire.on(blob(0), delivered(part(0)))
    for number in (1, 2):
        wire.on(blob(number), EXPIRED)
    for number in range(3):
        wire.on(blob(number, "temp-2"), delivered(part(number)))
    assert read(client) == ALL
    assert len(wire.requests_for(FILES.path)) == 2
    assert wire.requests_for(blob(0, "temp-2")) == []


@pytest.mark.parametrize("change", ["time", "parts"])
def test_a_renewed_snapshot_starts_the_walk_over(wire, client, change):
    first = listed(wire, blob(0), blob(1))
    second = listed(wire, blob(0), blob(1), made="2026-03-02T12:01:00Z") if change == "time" else listed(wire, blob(0))
    wire.on(FILES.path, first, second)
    wire.on(blob(0), delivered(part(0)))
    wire.on(blob(1), EXPIRED)
    with pytest.raises(IncompleteWalk) as raised:
        read(client)
    assert raised.value.retryable


def test_a_storage_that_refuses_every_list_is_told(three, client):
    three.on(blob(1), EXPIRED)
    with pytest.raises(StorageRefused, match="clock"):
        read(client)
    assert len(three.requests_for(FILES.path)) == 1 + 3


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/part-0.json.gz?sig=canary", "http://localhost/part?sig=canary", "file:///etc/passwd"],
)
def test_nothing_is_fetched_from_a_foreign_storage(wire, client, address):
    wire.on(FILES.path, says({"exportFiles": [address], "generatedTime": MADE}))
    with pytest.raises(ForeignHost) as raised:
        read(client)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("api", "address", "allowed"),
    [
        ("https://api.security.microsoft.com", "https://tvmexport1.blob.core.windows.net/x", True),
        ("https://eu.api.security.microsoft.com", "https://tvmexport1.blob.core.windows.net/x", True),
        ("https://api.security.microsoft.com", "https://api.security.microsoft.com/x", False),
        ("https://api.security.microsoft.com", "https://localhost/x", False),
        ("https://api.security.microsoft.com", "https://x.blob.core.windows.net.evil.example/x", False),
        ("https://api.security.microsoft.com", "https://x.blob.core.usgovcloudapi.net/x", False),
        ("https://api.security.microsoft.com", "https://tvmexport1.blob.core.windows.net:443/x", True),
        ("https://api.security.microsoft.com", "https://tvmexport1.blob.core.windows.net:8443/x", False),
        ("https://tenant.example", "https://tenant.example:9/x", True),
        ("https://tenant.example", "https://localhost/x", False),
        ("https://127.0.0.1:8443", "https://localhost:8444/x", True),
        ("https://localhost:8443", "https://blob.localhost:1/x", True),
        ("https://localhost:8443", "https://10.0.0.1/x", False),
        ("https://localhost:8443", "http://localhost/x", False),
    ],
)
def test_where_parts_may_lie(wire, api, address, allowed):
    assert may_hold_parts(address, connection_to(wire, api_url=api)) is allowed


def test_large_parts_are_cut_at_line_ends(wire, client, monkeypatch):
    monkeypatch.setattr(exports, "BLOCK", 1_000)
    wire.on(FILES.path, listed(wire, blob(0)))
    wire.on(blob(0), delivered(part(0, 2_000)))
    blocks = [bytes(block) for block in Export(client, DATASET, FILES)]
    assert b"".join(blocks) == part(0, 2_000)
    assert all(len(block) <= 1_000 and block.endswith(b"\n") for block in blocks)


@pytest.mark.parametrize("damaged_first", [False, True])
def test_a_part_too_large_to_be_held_is_proven_before_it_is_handed_out(wire, client, monkeypatch, damaged_first):
    monkeypatch.setattr(exports, "BLOCK", 1_000)
    monkeypatch.setattr(exports, "BUFFERED", 5_000)
    wire.on(FILES.path, listed(wire, blob(0)))
    whole = delivered(part(0, 2_000))
    damaged = Reply(200, whole.body[:-3])
    wire.on(blob(0), *([damaged] if damaged_first else []), whole)
    assert b"".join(Export(client, DATASET, FILES)) == part(0, 2_000)


def test_a_consumer_that_goes_away_ends_the_downloads(wire, client):
    wire.on(FILES.path, listed(wire, *(blob(n) for n in range(40))))
    for number in range(40):
        wire.on(blob(number), delivered(part(number)))
    blocks = iter(Export(client, DATASET, FILES))
    next(blocks)
    blocks.close()
    deadline = time.monotonic() + 5
    while any("parts of" in thread.name for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any("parts of" in thread.name or "download" in thread.name for thread in threading.enumerate())
    assert len([request for request in wire.requests if "part-" in request.path]) < 20


lines = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=40)


@settings(max_examples=60, deadline=None)
@given(lines=lines, at_most=st.integers(1, 100), ends=st.booleans(), members=st.integers(1, 3))
def test_blocks_are_the_file_cut_only_where_lines_end(lines, at_most, ends, members):
    import io

    content = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    step = len(content) // members + 1
    packed = b"".join(gzip.compress(content[at : at + step]) for at in range(0, max(len(content), 1), step))
    memory = ReusedMemory(at_most)
    for _ in gunzipped_lines(io.BytesIO(packed), memory):
        pass  # leaves memory that is used again
    # A block that somebody holds stays as it is while others are made.
    blocks = [bytes(block) for block in list(gunzipped_lines(io.BytesIO(packed), memory))]
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    longest = max(map(len, lines), default=0) + 1
    assert all(len(block) <= max(at_most, longest) for block in blocks)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(min_size=1, max_size=200), cut=st.integers(1, 20))
def test_a_file_without_its_end_is_never_taken_for_whole(content, cut):
    import io

    packed = gzip.compress(content)
    with pytest.raises(Damaged):
        list(gunzipped_lines(io.BytesIO(packed[: -min(cut, len(packed) - 1)]), ReusedMemory(1_000)))


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2026-03-02T06:01:00Z", datetime(2026, 3, 2, 6, 1, tzinfo=UTC)),
        ("2026-03-02 06:01:00", datetime(2026, 3, 2, 6, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_the_time_of_the_snapshot(text, read_as):
    assert FileList(text, {}).generated_at == read_as


def test_what_was_buffered_at_once_is_given_back_but_for_a_few_blocks():
    memory = ReusedMemory(1_000)
    blocks = [memory.block() for _ in range(100)]
    holds_parts = [block[:1] for block in blocks]
    del blocks
    assert not memory._free
    del holds_parts
    assert 0 < len(memory._free) <= 16
