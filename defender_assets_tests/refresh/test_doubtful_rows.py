"""Rows that are doubted for what they are: one that comes twice may stand where another one was, and a text that is no
UTF-8 may be another key."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from defender_assets.api import DefenderClient
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

from ..api.wire import ReceivedRequest, Reply, Wire, page
from ..refreshing import refresh_dataset

CHANGES, MACHINES = DATASETS["software_vulnerability_changes"], DATASETS["machines"]


@pytest.fixture(autouse=True)
def roles(wire: Wire) -> None:
    wire.roles = ("Machine.Read.All", "Vulnerability.Read.All")


def row(name: str) -> dict[str, str]:
    return {"id": name, "status": "New", "eventTimestamp": f"{datetime.now(UTC):%Y-%m-%d}T00:00:00Z"}


@pytest.mark.parametrize("former", [False, True])
def test_given_a_row_twice_in_one_reading_then_the_list_is_read_again(
    former, client: DefenderClient, wire: Wire, tmp_path: Path
):
    """Given a former partition with fewer rows, so that the loss does not show by their number."""
    lake = Lake(str(tmp_path / "lake"))
    if former:
        wire.on(CHANGES.path, page([row("a"), row("b")]))
        assert refresh_dataset(CHANGES, client, lake).rows == 2
    whole = page([row(name) for name in "abcd"])
    wire.on(CHANGES.path, page([row(name) for name in "abcc"]), whole)
    assert refresh_dataset(CHANGES, client, lake).rows == 4


def test_given_a_row_twice_in_every_reading_then_it_is_published_once(
    client: DefenderClient, wire: Wire, tmp_path: Path
):
    wire.on(CHANGES.path, page([row(name) for name in "abb"]))
    refreshed = refresh_dataset(CHANGES, client, Lake(str(tmp_path / "lake")))
    assert refreshed.rows == 2
    (complete,) = [check for check in refreshed.outcomes[0].checks if check.name == "complete"]
    assert complete.numbers["readings"] == 2
    assert "rows that came more than once: 1" in complete.message


def garbled(reply: Reply) -> Reply:
    return Reply(200, reply.body.replace(b'"a"', b'"\xff"'), reply.headers)


@pytest.mark.parametrize("table", [CHANGES, MACHINES], ids=["cursor", "list"])
@pytest.mark.parametrize("every_time", [False, True])
def test_given_a_key_that_is_no_utf_8_then_the_list_is_read_again(
    table, every_time, client: DefenderClient, wire: Wire, tmp_path: Path
):
    def answer(request: ReceivedRequest) -> Reply:
        skip = 1 if "skip=1" in request.target else 2 if "skip=" in request.target or "eq" in request.target else 0
        whole = page([row(name) for name in "ab"[skip:]])
        return garbled(whole) if every_time or len(wire.requests_for(table.path)) == 1 else whole

    lake = Lake(str(tmp_path / "lake"))
    wire.on(table.path, answer)
    refreshed = refresh_dataset(table, client, lake)
    ids = set(lake.read(table.name, datetime.now(UTC).date())["id"].to_pylist())
    assert ids == {"\ufffd" if every_time else "a", "b"}
    assert any("no UTF-8: 1" in check.message for check in refreshed.outcomes[0].checks)
