"""In which way a list is read again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from defender_assets.api import TooLarge
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh.dataset.completeness import Completeness, Doubtful
from defender_assets.refresh.dataset.ways import Way, next_way

MACHINES, INVENTORY = DATASETS["machines"], DATASETS["software_inventory"]
TODAY = datetime.now(UTC).date()


def reading(completeness: Completeness, way: str, rows: int) -> None:
    completeness.begin([TODAY]).way = way
    completeness.judge({TODAY: rows})


def test_given_a_filter_that_leaves_out_rows_then_the_list_itself_is_believed_when_it_says_the_same_twice(
    tmp_path: Path,
):
    """``ne`` may pass over rows without a value."""
    completeness = Completeness(MACHINES, Lake(str(tmp_path)))
    reading(completeness, "the list", 40)
    with pytest.raises(Doubtful, match="another reading had 40 rows") as doubt:
        reading(completeness, "its halves", 35)
    assert next_way(MACHINES, Way(10, halves=True), doubt.value, completeness) == Way(10)
    reading(completeness, "the list", 40)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(tmp_path: Path):
    completeness = Completeness(INVENTORY, Lake(str(tmp_path)))
    too_large = TooLarge("software_inventory: too large", dataset="software_inventory")
    assert next_way(INVENTORY, Way(50_000), too_large, completeness) == Way(6_250)
    assert next_way(INVENTORY, Way(50_000, files=True), too_large, completeness) == Way(50_000)


def test_export_files_that_are_too_large_are_not_read_again_where_there_are_no_pages(tmp_path: Path):
    """Their list may be requested 20 times an hour, and the next reading would be the same."""
    too_large = TooLarge("information_gathering: too large", dataset="information_gathering")
    lake = Lake(str(tmp_path))
    assert not Completeness(DATASETS["information_gathering"], lake).may_read_again(too_large)
    assert Completeness(INVENTORY, lake).may_read_again(too_large)


def test_files_without_pages_are_confirmed_by_the_files_alone(tmp_path: Path):
    gathered = DATASETS["information_gathering"]
    completeness = Completeness(gathered, Lake(str(tmp_path)))
    completeness.begin([TODAY]).way = "export files"
    completeness.reading.may_lack_rows.append("the list of export files is empty")
    with pytest.raises(Doubtful) as doubt:
        completeness.judge({TODAY: 0})
    assert next_way(gathered, Way(1, files=True), doubt.value, completeness) == Way(1, files=True)
    completeness.begin([TODAY]).way = "export files"
    completeness.reading.may_lack_rows.append("the list of export files is empty")
    assert "confirmed by another reading" in completeness.judge({TODAY: 0}).message
