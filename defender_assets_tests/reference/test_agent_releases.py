"""The catalogue of Defender releases: one that ships, and the ones that people keep."""

import json
import re
from datetime import UTC, datetime

import pytest

from defender_assets.catalog.reference import AGENT_RELEASES
from defender_assets.reference import FeedCollapsed, FeedMalformed, fetch_feed
from defender_assets.reference.source import Shipped

from .conftest import feed_of
from .feed_files import RELEASES


def catalogue(families: str, updated: str = "2026-03-01") -> bytes:
    return f"updated: {updated}\nfamilies: {families}\n".encode()


def test_given_a_catalogue_then_every_release_is_a_row_with_the_part_that_orders_it(read):
    fetched = read("agent_releases", RELEASES.encode())

    assert fetched.table.schema.equals(AGENT_RELEASES.schema)
    found = {(row["component"], row["release"]): row for row in fetched.table.to_pylist()}
    assert sorted(found) == [
        ("agent_linux", "2602"),
        ("agent_macos", "2601"),
        ("agent_windows", "8797"),
        ("av_engine", "26010"),
        ("av_platform", "26010"),
    ]
    assert found["agent_windows", "8797"]["released_at"] == datetime(2025, 5, 28, tzinfo=UTC)
    assert found["agent_linux", "2602"]["released_at"] is None
    assert found["av_engine", "26010"]["source"] == "https://example.com/engine"
    assert found["av_platform", "26010"]["source"].startswith("https://learn.microsoft.com/")
    assert (fetched.dated, fetched.version) == (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01")


def test_given_a_release_of_a_month_then_it_counts_from_the_end_of_that_month(read):
    families = "{av_engine: [{version: 1.1.28020.1, released: 2028-02}]}"

    row = read("agent_releases", catalogue(families), now=datetime(2028, 2, 10, tzinfo=UTC)).table.to_pylist()[0]

    assert row["released_at"] == datetime(2028, 2, 29, tzinfo=UTC)


def test_given_the_same_as_json_then_it_is_read_too(read):
    content = {
        "updated": "2026-03-01",
        "families": {"agent_windows": [{"release": "8797", "version": "10.8797.25857.1000", "released": "2025-05-28"}]},
    }

    row = read("agent_releases", json.dumps(content).encode()).table.to_pylist()[0]

    assert (row["release"], row["source"]) == ("8797", "file:feed")


def test_given_a_component_without_releases_then_it_is_simply_unknown(read):
    families = "{agent_windows: , av_engine: [{version: 1.1.26010.1}]}"

    assert read("agent_releases", catalogue(families)).table.column("component").to_pylist() == ["av_engine"]


@pytest.mark.parametrize(
    ("families", "words"),
    [
        ("{agent_window: [{version: 10.8797.1.1}]}", "'agent_window' is no component; there are agent_windows, "),
        ("{agent_windows: 8797}", "agent_windows is not a list"),
        ("{agent_windows: [8797]}", "agent_windows, entry 1: its version is missing"),
        ("{av_engine: [{version: 1.1}]}", "av_engine, entry 1: its version is missing, or is no text"),
        ("{agent_windows: [{version: 101.26012.0017}]}", "agent_windows '101.26012.0017': that is not the form"),
        ("{agent_macos: [{version: 30.126012.7.0}]}", "agent_macos '30.126012.7.0': that is not the form"),
        ("{agent_windows: [{version: 10.8797.1.1, release: 8796}]}", "its release is 8796, but the version says 8797"),
        ("{av_engine: [{version: 1.1.26010.1, released: 2026-13}]}", "released: '2026-13' is no day"),
        ("{av_engine: [{version: 1.1.26010.1, released: soon}]}", "released: 'soon' is no day"),
        ("{av_engine: [{version: 1.1.26010.1}, {version: 1.1.26010.1}]}", "av_engine 1.1.26010.1 is listed twice"),
        ("[]", "it has no families"),
        ("{av_engine: [{version: 1.1.26010.1, released: 2026-02-30}]}", "a value that YAML cannot read"),
        ("{av_engine: [{version: !!bool 1.1.26010.1}]}", "a value that YAML cannot read"),
        ("{av_engine: [{version: !!timestamp 1.1.26010.1}]}", "a value that YAML cannot read"),
        ("{av_engine: [", "it is not YAML (line 3)"),
    ],
)
def test_given_a_mistake_then_it_is_refused_and_the_entry_named(read, families, words):
    with pytest.raises(FeedMalformed) as refused:
        read("agent_releases", catalogue(families))

    assert words in str(refused.value)
    assert "DEFENDER_AGENT_RELEASES" in refused.value.remedy


@pytest.mark.parametrize("updated", ["", "never", "[2026]"])
def test_given_a_catalogue_without_a_date_then_it_is_refused(read, updated):
    with pytest.raises(FeedMalformed, match="updated"):
        read("agent_releases", catalogue("{av_engine: [{version: 1.1.26010.1}]}", updated))


def test_given_no_release_at_all_then_it_is_refused(read):
    with pytest.raises(FeedCollapsed, match="no entries"):
        read("agent_releases", catalogue("{agent_windows: []}"))


def test_given_a_web_page_then_it_is_refused(read):
    with pytest.raises(FeedMalformed, match="not a mapping"):
        read("agent_releases", b"<html><body>Sign in</body></html>")


def test_given_aliases_that_double_and_double_then_the_refusal_is_short(read):
    layers = "\n".join(f"l{k}: &l{k} [*l{k - 1}, *l{k - 1}]" for k in range(1, 60))
    content = f"l0: &l0 [x]\n{layers}\nupdated: *l59\nfamilies: {{av_engine: [{{version: 1.1.26010.1}}]}}\n"

    with pytest.raises(FeedMalformed) as refused:
        read("agent_releases", content.encode())

    assert "updated: a list is no day" in str(refused.value)


def test_the_catalogue_that_ships_is_dated_and_says_where_every_release_is_written():
    fetched = fetch_feed(feed_of("agent_releases"), Shipped("agent_releases.yaml"))

    assert fetched.source == "package:agent_releases.yaml"
    assert fetched.dated == datetime(2026, 4, 8, tzinfo=UTC)
    for row in fetched.table.to_pylist():
        assert row["source"].startswith("https://learn.microsoft.com/en-us/defender-endpoint/")
        assert row["released_at"] is not None
        assert row["release"] in row["version"]
        # Not later than the month in which the list was made.
        assert re.fullmatch(r"202[456]-\d\d", f"{row['released_at']:%Y-%m}")
