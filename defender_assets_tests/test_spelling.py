"""What a misspelled name probably meant."""

import pytest

from defender_assets.catalog import TABLES
from defender_assets.spelling import did_you_mean, near_names


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("machnes", ["machines"]),
        ("MACHINES", ["machines"]),
        ("software inventory", ["software_inventory"]),
        ("SoftwareInventory", ["software_inventory"]),
        ("patch_finding", ["patch_findings"]),
        ("wombat", []),
        ("", []),
    ],
)
def test_a_table_is_found_however_it_is_written(asked, meant):
    assert near_names(asked, TABLES) == meant


def test_the_nearest_is_named_first_and_what_is_much_less_alike_not_at_all():
    names = ["daily_refresh", "daily_report", "weekly_refresh", "alerts"]
    assert near_names("dayly_refresh", names) == ["daily_refresh"]
    assert near_names("pcl", ["PCI", "pci"]) == ["pci"]
    assert near_names("aa", ["ab", "ac", "ad", "ae"]) == []
    assert near_names("aaaa", ["aaad", "aaab", "aaae", "aaac"]) == ["aaab", "aaac", "aaad"]


def test_the_question_stands_where_a_sentence_has_room_for_it():
    assert did_you_mean("machnes", TABLES, before="; ") == "; did you mean machines?"
    assert did_you_mean("aaaa", ["aaab", "aaac"]) == "did you mean aaab or aaac?"
    assert did_you_mean("wombat", TABLES, before="; ") == ""


def test_an_endless_name_is_compared_in_no_time():
    """Given what somebody pasted by mistake, then its first hundred characters are compared."""
    assert near_names("machines" + "x" * 5_000_000, TABLES) == []
