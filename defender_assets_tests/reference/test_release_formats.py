"""The formats of the live feeds of releases: what is read of each, and what is refused."""

import gzip
import plistlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.catalog.reference import AGENT_RELEASES
from defender_assets.reference import FeedCollapsed, FeedError, FeedMalformed
from defender_assets.reference.releases.versions import release_of

from .release_files import NOTES, PLIST_HEAD, antivirus, manifest, notes, packages

NOW = datetime(2026, 4, 9, 6, tzinfo=UTC)
HTML = b"<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>"
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE versions [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<versions><engine>&b;</engine></versions>"
)


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def told(table) -> dict[tuple[str, str], datetime | None]:
    return {(row["component"], row["version"]): row["released_at"] for row in table.to_pylist()}


@pytest.fixture
def read_now(read):
    return lambda name, content: read(name, content, now=NOW)


# What is read


def test_given_the_xml_of_antivirus_versions_then_its_three_components_are_listed_as_of_its_date(read_now):
    fetched = read_now("antivirus_versions", antivirus())

    assert fetched.table.schema.equals(AGENT_RELEASES.schema)
    assert told(fetched.table) == {
        ("av_engine", "1.1.26030.3008"): None,
        ("av_platform", "4.18.26030.3011"): None,
        ("av_intelligence", "1.449.16.0"): day(2026, 4, 8),
    }
    assert {row["component"]: row["release"] for row in fetched.table.to_pylist()} == {
        "av_engine": "26030",
        "av_platform": "26030",
        "av_intelligence": "44900016",
    }
    assert set(fetched.table["feed"].to_pylist()) == {"antivirus_versions"}
    assert set(fetched.table["listed_at"].to_pylist()) == {datetime(2026, 4, 8, 6, tzinfo=UTC)}
    assert set(fetched.table["source"].to_pylist()) == {"file:feed"}


@pytest.mark.parametrize(
    ("date", "listed_at"),
    [
        ("2026-04-08T06:00:00.1234567Z", datetime(2026, 4, 8, 6, 0, 0, 123456, tzinfo=UTC)),
        ("4/8/2026 6:00:00 AM", datetime(2026, 4, 8, 6, tzinfo=UTC)),
        ("yesterday", NOW),
        # A clock that is ahead: what is listed was listed by now.
        ("2026-04-09T20:00:00Z", NOW),
    ],
)
def test_given_a_date_in_another_spelling_then_it_is_read_or_the_fetch_counts(read_now, date, listed_at):
    table = read_now("antivirus_versions", antivirus(date=date)).table

    assert set(table["listed_at"].to_pylist()) == {listed_at}


def test_given_xml_with_more_elements_and_one_component_less_then_the_others_are_listed(read_now):
    content = b"<versions><new><engine>9</engine></new><engine>1.1.26030.3008</engine><platform/></versions>"

    assert told(read_now("antivirus_versions", content).table) == {("av_engine", "1.1.26030.3008"): None}


def test_given_the_manifest_for_macos_then_the_newest_release_is_listed_with_its_date(read_now):
    table = read_now("macos", manifest("101.26022.0018", "101.26022.0020", "101.26022.0018")).table

    assert told(table) == {("agent_macos", "101.26022.0020"): day(2026, 4, 2)}
    assert table["listed_at"].to_pylist() == [NOW]


@pytest.mark.parametrize(
    ("date", "released"),
    [("<string>2026-04-02</string>", day(2026, 4, 2)), ("<string>soon</string>", None), ("<integer>4</integer>", None)],
)
def test_given_a_manifest_with_another_kind_of_date_then_the_release_counts_all_the_same(read_now, date, released):
    table = read_now("macos", manifest("101.26022.0020", date=date)).table

    assert told(table) == {("agent_macos", "101.26022.0020"): released}


def test_given_a_package_index_then_every_release_is_listed_without_suffixes_rings_and_numbers_of_old(read_now):
    versions = ["101.98.64", "101.26012.0007-1", "101.26021.0002", "101.26032.0001-insiderfast", "101.26012.0007"]

    table = read_now("linux", packages(versions)).table

    assert [row["version"] for row in table.to_pylist()] == ["101.26012.0007", "101.26021.0002"]
    assert table["release"].to_pylist() == ["2601", "2602"]


def test_given_a_plain_package_index_with_other_line_ends_then_it_is_read_too(read_now):
    content = gzip.decompress(packages(["101.26021.0002"])).replace(b"\n", b"\r\n")

    assert told(read_now("linux", content).table) == {("agent_linux", "101.26021.0002"): None}


def test_given_the_release_notes_then_every_component_is_listed_with_the_end_of_its_month(read_now):
    fetched = read_now("release_notes", NOTES.encode())

    assert told(fetched.table) == {
        # April is not over: what is listed is out.
        ("agent_macos", "101.26022.0020"): day(2026, 4, 9),
        ("av_platform", "4.18.26030.3011"): day(2026, 3, 31),
        ("av_engine", "1.1.26030.3008"): day(2026, 3, 31),
        ("agent_linux", "101.26021.0002"): day(2026, 3, 31),
        ("agent_windows", "10.8797.25857.1000"): day(2025, 5, 31),
        ("agent_windows", "10.8760.27617.1006"): day(2024, 7, 31),
    }
    assert set(fetched.table["listed_at"].to_pylist()) == {day(2026, 4, 8)}


def test_given_release_notes_with_other_columns_then_they_are_read_all_the_same(read_now):
    page = "| OS | Month | Channel | Build |\n|---|---|---|---|\n| Linux | Mar 2026 | Current | 101.26021.0002 |\n"

    assert told(read_now("release_notes", page.encode()).table) == {("agent_linux", "101.26021.0002"): day(2026, 3, 31)}


def test_given_release_notes_whose_date_was_forgotten_then_their_newest_month_dates_them(read_now):
    page = notes("|Linux |101.26021.0002 |March 2026 |", dated="11/03/2025")

    assert read_now("release_notes", page).table["listed_at"].to_pylist() == [day(2026, 3, 1)]


def test_given_a_line_of_the_notes_that_cannot_be_read_then_the_others_are_listed_and_it_is_named(read_now):
    page = notes("|Linux |101.26021.0002 |March 2026 |", "|macOS |to come |April 2026 |")

    fetched = read_now("release_notes", page)

    assert (fetched.rows, fetched.unreadable) == (1, 1)
    assert fetched.examples == ("macos of April 2026: it has no version",)


# What is refused


@pytest.mark.parametrize(
    ("feed", "content", "words"),
    [
        ("antivirus_versions", HTML, "it is a web page and not XML"),
        ("macos", HTML, "it is a web page and not a property list"),
        ("linux", HTML, "it is a web page and not a package index"),
        ("release_notes", HTML, "it is a web page and not Markdown"),
        ("antivirus_versions", b"", "it is not XML, or ends too early"),
        ("antivirus_versions", b'{"engine": "1.1.26030.3008"}', "it is not XML"),
        ("antivirus_versions", antivirus()[:-20], "it is not XML, or ends too early"),
        ("antivirus_versions", b"<error>gone</error>", "its root element is 'error' and not versions"),
        ("antivirus_versions", LAUGHS, "it declares a document type or entities"),
        ("antivirus_versions", b'<!DOCTYPE v SYSTEM "file:///etc/passwd"><v/>', "it declares a document type"),
        ("antivirus_versions", b"<versions>" + b"<a>" * 1000, "nested too deep"),
        ("antivirus_versions", b"<versions><engine>1</engine><engine>2</engine></versions>", "it has engine twice"),
        ("antivirus_versions", b'<?xml version="1.0" encoding="no-such"?><versions/>', "it is not XML"),
        (
            "antivirus_versions",
            antivirus(engine="4.18.26030.3011"),
            "av_engine '4.18.26030.3011': that is not the form",
        ),
        ("antivirus_versions", antivirus(platform="latest"), "av_platform 'latest': that is not the form"),
        ("macos", manifest()[:-20], "it is not a property list"),
        ("macos", b"bplist00" + b"\x00" * 40, "it is not a property list"),
        ("macos", plistlib.dumps({"Update Version": "101.26022.0020"}), "not the array of updates"),
        ("macos", plistlib.dumps([{"Update Version": 101}]), "an Update Version is no text"),
        ("macos", manifest("16.113.26100421"), "agent_macos '16.113.26100421': that is not the form"),
        (
            "macos",
            (PLIST_HEAD.replace(">\n", ">", 1).replace('.dtd">', '.dtd" [<!ENTITY a "ha">]>') + "<plist/>").encode(),
            "it is not a property list, declares entities",
        ),
        ("linux", b"Not Found", "it is not a package index"),
        ("linux", packages(["latest"]), "entries cannot be read, such as mdatp 'latest': that is no version"),
        ("release_notes", b"\xff\xfe\x00", "it is not UTF-8 text"),
        ("release_notes", notes("|Linux |101.26021.0002 |Smarch 2026 |"), "linux 'Smarch 2026': that is no month"),
    ],
)
def test_given_anything_else_then_it_is_refused_in_a_sentence_that_names_the_setting(read_now, feed, content, words):
    with pytest.raises(FeedMalformed) as refused:
        read_now(feed, content)

    assert words in refused.value.what
    assert "DEFENDER_" in refused.value.remedy


@pytest.mark.parametrize(
    ("feed", "content"),
    [
        ("antivirus_versions", b"<versions/>"),
        ("macos", manifest()),
        ("linux", packages(["101.26021.0002"], package="mdatp-dbg")),
        ("release_notes", b"# Moved\n\nSee the new page.\n"),
    ],
)
def test_given_a_feed_without_a_release_then_it_is_refused(read_now, feed, content):
    with pytest.raises(FeedCollapsed, match="the feed has no entries"):
        read_now(feed, content)


@pytest.mark.parametrize("feed", ["antivirus_versions", "macos", "linux", "release_notes"])
def test_given_a_gzip_that_unpacks_to_very_much_then_it_is_refused(read_now, feed):
    with pytest.raises(FeedMalformed, match="unpacks to more than"):
        read_now(feed, gzip.compress(b" " * (140 * 2**20), 9))


@pytest.mark.parametrize(
    ("feed", "content", "words"),
    [
        (
            "antivirus_versions",
            antivirus(engine="1.1.31030.1"),
            "av_engine 1.1.31030.1 is of a month that has not",
        ),
        ("antivirus_versions", antivirus(platform="4.18.2607.1"), "av_platform 4.18.2607.1 is of a month that has not"),
        ("antivirus_versions", antivirus(intelligence="1.900.1.0"), "av_intelligence 1.900.1.0 is far ahead"),
        ("macos", manifest("101.31022.0020"), "agent_macos 101.31022.0020 is of a month that has not come"),
        ("linux", packages(["101.26072.0001"]), "agent_linux 101.26072.0001 is of a month that has not come"),
        (
            "release_notes",
            notes("|Windows |10.9999.25857.1000 |April 2026 |"),
            "agent_windows 10.9999.25857.1000 is far ahead",
        ),
        ("antivirus_versions", antivirus(date="2026-03-20"), "it is an old copy, of 2026-03-20"),
        (
            "antivirus_versions",
            antivirus(engine="1.1.25080.1"),
            "it is an old copy: av_engine 1.1.25080.1 is",
        ),
        ("macos", manifest("101.25062.0020"), "it is an old copy: agent_macos 101.25062.0020"),
        ("linux", packages(["101.25062.0002"]), "it is an old copy: agent_linux 101.25062.0002"),
        (
            "release_notes",
            notes("|Linux |101.25092.0002 |September 2025 |", dated="10/01/2025"),
            "it is an old copy, of 2025-10-01",
        ),
        ("antivirus_versions", antivirus(date="2027-01-01"), "it is dated 2027-01-01, a day that has not come"),
        (
            "agent_releases",
            b"updated: 2026-04-08\nfamilies: {agent_linux: [{version: 101.62022.0001}]}",
            "agent_linux 101.62022.0001 is of a month that has not come",
        ),
        (
            "agent_releases",
            b"updated: 2062-04-08\nfamilies: {agent_linux: [{version: 101.26022.0001}]}",
            "it is dated 2062-04-08, a day that has not come",
        ),
    ],
)
def test_given_a_copy_that_cannot_be_of_today_then_it_is_not_believed(read_now, feed, content, words):
    with pytest.raises(FeedError) as refused:
        read_now(feed, content)

    assert words in refused.value.what


@pytest.mark.parametrize(
    ("today", "last", "first_refused"),
    [("2026-10-21", "2612", "2701"), ("2026-11-20", "2701", "2702"), ("2026-12-31", "2702", "2703")],
)
def test_given_the_turn_of_a_year_then_months_are_counted_across_it(read, today, last, first_refused):
    """A feed can tell a release of one or two months ahead: the number is that of the code branch."""
    now, date = datetime.fromisoformat(f"{today}T06:00:00Z"), f"<string>{today}</string>"

    assert read("macos", manifest(f"101.{last}2.0001", date=date), now=now).rows == 1
    with pytest.raises(FeedMalformed, match="a month that has not come"):
        read("macos", manifest(f"101.{first_refused}2.0001", date=date), now=now)


# The number that orders releases


@given(
    st.lists(st.tuples(st.integers(0, 99_999), st.integers(0, 99_999), st.integers(0, 9)), min_size=2, max_size=6).map(
        lambda numbers: [f"1.{series}.{build}.{rest}" for series, build, rest in numbers]
    )
)
def test_releases_of_intelligence_are_ordered_as_their_versions_are(versions):
    def numbers(version: str) -> tuple[int, ...]:
        return tuple(int(number) for number in version.split(".")[:3])

    ordered = sorted(versions, key=lambda version: int(release_of("av_intelligence", version)))

    assert [numbers(version) for version in ordered] == sorted(map(numbers, versions))
