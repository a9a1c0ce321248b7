"""What the settings of the feeds mean."""

from pathlib import Path

import pytest

from defender_assets.reference import FEEDS
from defender_assets.reference.source import Address, LocalFile, Off, Several, Shipped, source_of
from defender_assets.settings import SettingsError

from .conftest import feed_of

KEV = feed_of("kev")


@pytest.mark.parametrize("name", ["kev", "epss", "ssvc", "antivirus_versions", "macos", "release_notes"])
def test_given_no_setting_then_a_feed_comes_from_its_public_address(name):
    for nothing in (None, "", "  ", "public"):
        source = source_of(feed_of(name), nothing)
        assert isinstance(source, Address)
        assert [str(source.url)] == list(feed_of(name).addresses)
        assert source.url.scheme == "https"


def test_given_no_setting_then_the_releases_are_those_that_ship():
    for nothing in (None, "", "public"):
        assert source_of(feed_of("agent_releases"), nothing) == Shipped("agent_releases.yaml")


def test_each_feed_has_a_variable_of_its_own():
    assert {feed.name: feed.variable for feeds in FEEDS.values() for feed in feeds} == {
        "kev": "DEFENDER_KEV",
        "epss": "DEFENDER_EPSS",
        "ssvc": "DEFENDER_SSVC",
        "antivirus_versions": "DEFENDER_ANTIVIRUS_VERSIONS",
        "macos": "DEFENDER_MACOS_RELEASES",
        "linux": "DEFENDER_LINUX_RELEASES",
        "release_notes": "DEFENDER_RELEASE_NOTES",
        "file": "DEFENDER_AGENT_RELEASES",
    }


def test_given_no_setting_then_linux_releases_come_from_several_distributions():
    source = source_of(feed_of("linux"), None)

    assert isinstance(source, Several)
    assert [str(place.url) for place in source.places] == list(feed_of("linux").addresses)


def test_given_several_addresses_then_each_is_read_and_only_where_there_may_be_several():
    source = source_of(feed_of("linux"), "https://mirror.example.com/a/Packages.gz?sig=c2VjcmV0, /srv/Packages")

    assert isinstance(source, Several)
    assert [type(place) for place in source.places] == [Address, LocalFile]
    assert source.shown == "https://mirror.example.com/a/Packages.gz, file:Packages"
    assert source_of(feed_of("macos"), "/srv/a,b.xml") == LocalFile(Path("/srv/a,b.xml"))


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
