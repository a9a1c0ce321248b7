"""``DEFENDER_RETENTION``: what may be written, what it means for each table, what is refused."""

import pytest

from defender_assets.refresh import table_refreshes
from defender_assets.refresh.inputs import LAG
from defender_assets.settings import Keep, SettingsError, retention
from defender_assets.settings.retention import FEWEST_DAYS

TABLES = table_refreshes()
ALL = Keep()


def test_no_inputs_of_a_table_are_ever_older_than_what_every_rule_keeps():
    assert LAG.days + 1 == FEWEST_DAYS


@pytest.mark.parametrize("text", [None, "", " ; ;\n"])
def test_without_a_rule_nothing_is_removed(text):
    assert retention(text, TABLES) is None


def test_one_rule_is_for_all_tables_but_events_and_the_trend():
    rules = retention("30 days, 26 weeks, 24 months", TABLES)
    assert rules.of("machines") == rules.of("compliance_report") == Keep(30, 26, 24)
    assert str(rules.of("machines")) == "30 days, 26 weeks, 24 months"
    assert rules.of("alerts") == rules.of("software_vulnerability_changes") == rules.of("fleet_summary") == ALL
    assert str(ALL) == "all"


def test_tables_have_rules_of_their_own_by_pattern_and_those_named_in_full_take_precedence():
    text = "15d; software*: 20 D, 1 w\nsoftware_versions, alerts: 1 month, 400 days; Fleet_Summary: 90 days; epss: all"
    rules = retention(text, TABLES)
    assert rules.of("machines") == Keep(15)
    assert rules.of("software") == rules.of("software_inventory") == Keep(20, 1)
    assert rules.of("software_versions") == rules.of("alerts") == Keep(400, 0, 1)
    assert rules.of("fleet_summary") == Keep(90)
    assert rules.of("epss") == ALL
    # a pattern is not enough for what cannot be had again
    assert rules.of("software_vulnerability_changes") == ALL
    assert retention("*: 20 days", TABLES).of("alerts") == ALL
    # of two patterns the last
    assert retention("software*: 20 days; *: 30 days", TABLES).of("software") == Keep(30)


def test_rules_of_some_tables_leave_the_others_whole():
    rules = retention("patch_findings: 20 days", TABLES)
    assert (rules.of("patch_findings"), rules.of("machines")) == (Keep(20), ALL)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("14 days", "fewer than 15 days.*14 days older"),
        ("10 weeks", "fewer than 15 days"),
        ("0 days", "fewer than 15 days"),
        ("-30 days", "cannot be understood"),
        ("30", "cannot be understood"),
        ("30 days 26 weeks", "cannot be understood"),
        ("30 days, all", "cannot be understood"),
        ("thirty days", "cannot be understood"),
        ("٣٠ days", "cannot be understood"),
        ("30 days, 40 days", "says twice how many days"),
        ("30 days; 40 days", "two rules for all tables"),
        ("machines: 30 days; machines: 40 days", "two rules for machines"),
        ("machnes: 30 days", "no table: did you mean machines"),
        ("nothing_like_it_*: 30 days", "no table: defender-assets tables lists them"),
        (": 30 days", "names '', which is no table"),
        ("machines:", "cannot be understood"),
        ("machines, : 30 days", "names ''"),
        ("9999999 days", "cannot be understood"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(text, says):
    with pytest.raises(SettingsError, match=f"(?s)DEFENDER_RETENTION.*{says}"):
        retention(text, TABLES)


def test_everything_that_is_wrong_is_told_at_once_and_no_secret():
    with pytest.raises(SettingsError) as refused:
        retention("3 days; sofware: 30 days; client_secret=abcDEF~123.-_ghi", TABLES, named="--keep")
    assert str(refused.value).startswith("3 settings need attention")
    assert "--keep names 'sofware'" in str(refused.value)
    assert "abcDEF" not in str(refused.value)
