"""The settings of a scope: what they choose, and the words by which partitions are compared."""

from itertools import combinations

import pytest

from defender_assets.scope import FleetScope, fleet_scope
from defender_assets.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (FleetScope(), ""),
        (FleetScope(tags=("VIP", "Kiosk")), "devices tagged Kiosk or VIP"),
        (FleetScope(tags=("Kiosk or VIP",)), 'devices tagged "Kiosk or VIP"'),
        (FleetScope(tags=("VIP", "Kiosk", "VIP")), "devices tagged Kiosk or VIP"),
        (FleetScope(device_groups=('24" Screens', "Prod-Süd")), 'devices of the group "24"" Screens" or Prod-Süd'),
    ],
)
def test_a_scope_in_words(scope, words):
    assert str(scope) == words


def test_different_scopes_have_different_words():
    names = ["a", "b", "or", "a or b", '"a" or "b"', '"a', 'a"', "a; devices of the group b", "a, b"]
    tags = [chosen for count in (1, 2, 3) for chosen in combinations(names, count)]
    scopes = [FleetScope(tags=chosen, device_groups=group) for chosen in tags for group in ((), ("b",))]
    assert len({str(scope) for scope in scopes}) == len(scopes)


@pytest.mark.parametrize(("variable", "value"), [("TAGS", "Kiosk or VIP"), ("TAGS", ' "Kiosk or VIP" ')])
def test_a_tag_that_reads_like_two_is_one(variable, value, monkeypatch):
    monkeypatch.setenv(f"DEFENDER_SCOPE_{variable}", value)
    assert fleet_scope(Settings.load()).tags == ("Kiosk or VIP",)
    monkeypatch.setenv(f"DEFENDER_SCOPE_{variable}", "VIP,Kiosk")
    assert str(fleet_scope(Settings.load())) != str(FleetScope(tags=("Kiosk or VIP",)))


def test_names_are_separated_by_commas_and_may_have_quotes_inside(monkeypatch):
    monkeypatch.setenv("DEFENDER_SCOPE_TAGS", 'PCI, "Berlin, Mitte" ,24" Screens,"24"" Screens",,PCI')
    assert fleet_scope(Settings.load()).tags == ("PCI", "Berlin, Mitte", '24" Screens')


def test_an_open_quote_is_named_as_what_is_wrong(monkeypatch):
    monkeypatch.setenv("DEFENDER_SCOPE_TAGS", 'Berlin,"VIP')
    with pytest.raises(SettingsError, match="DEFENDER_SCOPE_TAGS cannot be understood: close the double quotes"):
        Settings.load()


@pytest.mark.parametrize("level", ["HIGH", "High", " high "])
def test_a_severity_is_taken_in_any_case(level, monkeypatch):
    monkeypatch.setenv("DEFENDER_SCOPE_SEVERITY", level)
    assert fleet_scope(Settings.load()).severity == "high"
