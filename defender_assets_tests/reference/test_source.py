"""What the settings of the feeds mean."""

from pathlib import Path

import pytest

from defender_assets.reference import FEEDS
from defender_assets.reference.source import Address, LocalFile, Off, Shipped, source_of
from defender_assets.settings import SettingsError

KEV = FEEDS["kev"]


@pytest.mark.parametrize("name", ["kev", "epss", "ssvc"])
def test_given_no_setting_then_a_feed_comes_from_its_public_address(name):
    for nothing in (None, "", "  ", "public"):
        source = source_of(FEEDS[name], nothing)
        assert isinstance(source, Address)
        assert str(source.url) == FEEDS[name].address
        assert source.url.scheme == "https"


def test_given_no_setting_then_the_releases_are_those_that_ship():
    for nothing in (None, "", "public"):
        assert source_of(FEEDS["agent_releases"], nothing) == Shipped("agent_releases.yaml")


def test_each_feed_has_a_variable_of_its_own():
    assert {feed.name: feed.variable for feed in FEEDS.values()} == {
        "kev": "DEFENDER_KEV",
        "epss": "DEFENDER_EPSS",
        "ssvc": "DEFENDER_SSVC",
        "agent_releases": "DEFENDER_AGENT_RELEASES",
    }


@pytest.mark.parametrize("word", ["off", "OFF", " Off "])
def test_given_off_then_it_is_off(word):
    assert source_of(KEV, word) == Off()


def test_given_an_address_then_its_query_is_used_and_never_shown():
    source = source_of(KEV, "https://mirror.example.com/feeds/kev.json?sig=c2VjcmV0#top")

    assert isinstance(source, Address)
    assert source.url.query == b"sig=c2VjcmV0"
    assert source.shown == "https://mirror.example.com/feeds/kev.json"


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("/srv/feeds/kev.json", Path("/srv/feeds/kev.json")),
        ("feeds/kev 2026.json", Path("feeds/kev 2026.json")),
        ("file:///srv/feeds/kev%202026.json", Path("/srv/feeds/kev 2026.json")),
        ("~/kev.json", Path.home() / "kev.json"),
    ],
)
def test_given_a_path_then_it_is_a_file_and_shown_by_its_name_alone(setting, path):
    source = source_of(KEV, setting)

    assert source == LocalFile(path)
    assert source.shown == f"file:{path.name}"


@pytest.mark.parametrize(
    "setting",
    [
        "http://mirror.example.com/kev.json",
        "ftp://mirror.example.com/kev.json",
        "https://someone:hunter2@mirror.example.com/kev.json",
        "https://hunter2@mirror.example.com/kev.json",
        "https:///hunter2.json",
        "https://mirror.example.com:hunter2/kev.json",
        "s3://hunter2/kev.json",
    ],
)
def test_given_an_address_that_cannot_be_followed_then_the_variable_is_named_and_not_its_value(setting):
    with pytest.raises(SettingsError) as refused:
        source_of(KEV, setting)

    assert [problem.variable for problem in refused.value.problems] == ["DEFENDER_KEV"]
    assert "hunter2" not in str(refused.value)
    assert "example.com" not in str(refused.value)
