"""A snapshot has a row once. One that comes twice may stand where another one was."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from defender_assets.api import DefenderClient
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

from ..api.wire import Wire, page
from ..refreshing import refresh_dataset

CHANGES = DATASETS["software_vulnerability_changes"]


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
