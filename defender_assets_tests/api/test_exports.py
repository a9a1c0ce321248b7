"""Export files: all rows once, from parts that were proven whole, whatever the storage does."""

import gzip
import json
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.api import (
    BrokenAnswer,
    Export,
    ForeignHost,
    IncompleteWalk,
    ServiceFault,
    StorageRefused,
    exports,
)
from defender_assets.api.compression import Damaged, gunzipped_lines
from defender_assets.api.exports import FileList
from defender_assets.api.hosts import may_hold_parts
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
    blocks = list(Export(client, DATASET, FILES))
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
    assert read(client) == [row for row in ALL if not row.startswith("1-")]


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
    assert len(three.requests_for(blob(0))) == 1
    assert len(three.requests_for(blob(1))) == 2


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
    blocks = list(Export(client, DATASET, FILES))
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
    blocks = list(gunzipped_lines(io.BytesIO(packed), at_most))
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
        list(gunzipped_lines(io.BytesIO(packed[: -min(cut, len(packed) - 1)]), 1_000))


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
