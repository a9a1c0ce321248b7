"""``DEFENDER_DATASETS``: what it chooses, and what it says of a list that it cannot follow."""

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.settings import Settings, SettingsError, chosen_datasets


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", set(DATASETS)),
        ("*", set(DATASETS)),
        ("machines, alerts", {"machines", "alerts"}),
        ("Machines,ALERTS,", {"machines", "alerts"}),
        ("machines,machine_users", {"machines", "machine_users"}),
        ("software_vul*,av_health", {"software_vulnerabilities", "software_vulnerability_changes", "av_health"}),
        ("!alerts,!av_*", set(DATASETS) - {"alerts", "av_health"}),
        ("!alerts,alerts,machines", {"machines"}),
        ("vulnerabilit*,!vulnerabilities,alerts", {"alerts"}),
        # machine_users asks about each of the machines, and goes with them
        ("!machines", set(DATASETS) - {"machines", "machine_users"}),
    ],
)
def test_names_patterns_and_what_is_left_out(text, chosen, monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", text)
    assert chosen_datasets(Settings.load()).names == chosen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("machines,alrts", "names 'alrts', which matches no dataset: did you mean alerts?"),
        ("!alrts", "did you mean alerts?"),
        ("software_inventroy", "did you mean software_inventory"),
        ("xyz*", "matches no dataset: there are machines, "),
        ("kev", "which is no dataset of the service but a public feed"),
        ("patch_compliance", "choose what it is made from: machines, software_vulnerabilities"),
        ("!*", "chooses no dataset"),
        (",", "names no dataset: name datasets or, after a !, what is left out"),
        ("!", "has a ! without a name: write what is left out after it (!alerts)"),
        ("machines, !", "has a ! without a name"),
        (
            "machine_users,alerts",
            "chooses machine_users, which asks about each device of machines: choose machines too",
        ),
        ("a\x1b[31mb", "names 'a\\x1b[31mb'"),
    ],
)
def test_a_list_that_cannot_be_followed_is_one_clear_sentence(text, words, monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", text)
    with pytest.raises(SettingsError) as raised:
        chosen_datasets(Settings.load())
    assert str(raised.value).startswith("DEFENDER_DATASETS ")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("!machines", "it cannot be fetched without machines, which DEFENDER_DATASETS does not choose."),
        ("alerts", "DEFENDER_DATASETS does not choose it."),
        ("!machines,!machine_users", "DEFENDER_DATASETS does not choose it."),
    ],
)
def test_what_asks_about_each_device_says_that_the_devices_are_not_chosen(text, why, monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", text)
    assert chosen_datasets(Settings.load()).why_left_out(DATASETS["machine_users"]) == why


def test_every_mistake_is_named_at_once(monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", "alrts,machinez")
    with pytest.raises(SettingsError) as raised:
        chosen_datasets(Settings.load())
    assert len(raised.value.problems) == 2
