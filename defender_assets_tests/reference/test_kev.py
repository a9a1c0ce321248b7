"""CISA's catalogue of known exploited vulnerabilities."""

import gzip
import io
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.catalog.reference import KEV
from defender_assets.reference import FeedCollapsed, FeedMalformed
from defender_assets.reference import kev as kev_format

from .conftest import feed_of
from .feed_files import kev, kev_entry

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_given_a_catalogue_then_every_entry_is_a_row_in_the_columns_of_the_catalog(read):
    fetched = read("kev", kev([kev_entry("CVE-2026-1002"), kev_entry("CVE-2026-1001")]), now=NOW)

    assert fetched.table.schema.equals(KEV.schema)
    assert fetched.table.column("cve_id").to_pylist() == ["CVE-2026-1001", "CVE-2026-1002"]
    row = fetched.table.to_pylist()[0]
    assert row["vendor_project"] == "Contoso"
    assert row["date_added"] == datetime(2026, 2, 3, tzinfo=UTC)
    assert row["due_date"] == datetime(2026, 2, 24, tzinfo=UTC)
    assert row["cwes"] == ["CWE-22", "CWE-436"]
    assert row["observed_at"] == NOW


def test_given_a_catalogue_then_it_is_dated_by_its_own_release(read):
    fetched = read("kev", kev([kev_entry()]))

    assert fetched.dated == datetime(2026, 3, 1, 17, 4, 19, 979600, tzinfo=UTC)
    assert (fetched.version, fetched.rows, fetched.entries) == ("2026.03.01", 1, 1)


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: b"\xef\xbb\xbf" + content], ids=["gzip", "with a BOM"])
def test_given_a_copy_that_was_packed_or_marked_then_it_is_read_all_the_same(read, pack):
    assert read("kev", pack(kev([kev_entry()]))).rows == 1


def test_given_members_that_nobody_knows_then_they_are_passed_over(read):
    assert read("kev", kev([kev_entry(severity="High")], publisher="CISA")).rows == 1


def test_given_an_entry_of_before_the_newer_members_then_those_are_empty(read):
    entry = kev_entry(knownRansomwareCampaignUse=None, notes=None, cwes=None)

    row = read("kev", kev([entry])).table.to_pylist()[0]

    assert (row["known_ransomware_campaign_use"], row["notes"], row["cwes"]) == (None, None, [])


def test_given_markup_in_a_name_then_it_stays_text(read):
    name = "<script>alert(1)</script>"

    row = read("kev", kev([kev_entry(vulnerabilityName=name)])).table.to_pylist()[0]

    assert row["vulnerability_name"] == name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dueDate": None}, "CVE-2026-1001: dueDate is missing"),
        ({"dateAdded": None}, "CVE-2026-1001: dateAdded is missing"),
        ({"dueDate": "2026-02-30"}, "CVE-2026-1001: dueDate: '2026-02-30' is no day of the calendar"),
        ({"dueDate": "24/02/2026"}, "CVE-2026-1001: dueDate: '24/02/2026' is no day"),
        ({"dueDate": 20260224}, "CVE-2026-1001: dueDate: 20260224 is no day"),
        ({"product": None}, "CVE-2026-1001: product is missing"),
        ({"product": ["Gateway"]}, "CVE-2026-1001: product is a list and not a text"),
        ({"cwes": "CWE-22"}, "CVE-2026-1001: cwes is 'CWE-22' and not a list"),
        ({"cveID": "CVE-26-1"}, "entry 2 has no CVE id"),
        ({"cveID": None}, "entry 2 has no CVE id"),
        ({"cveID": "CVE-2026-1001\n"}, "entry 2 has no CVE id"),
        ({"cveID": "CVE-2026-2000"}, "CVE-2026-2000 is listed twice"),
    ],
)
def test_given_an_entry_that_breaks_the_schema_then_the_catalogue_is_refused_and_the_entry_named(read, change, words):
    entries = [kev_entry("CVE-2026-2000"), kev_entry(**{"cveID": "CVE-2026-1001"} | change)]

    with pytest.raises(FeedMalformed) as refused:
        read("kev", kev(entries))

    assert words in str(refused.value)
    assert "DEFENDER_KEV" in refused.value.remedy
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html><body>Access denied</body></html>", "web page"),
        (kev([kev_entry()])[:-20], "not JSON, or ends too early"),
        (gzip.compress(kev([kev_entry()]))[:-20], "damaged or ends too early"),
        (b"[]", "not the JSON object"),
        (kev([kev_entry()], vulnerabilities=None), "no list of vulnerabilities"),
        (kev([kev_entry()], count=2), "announces 2 entries and has 1"),
        (kev([kev_entry()], dateReleased=None), "when it was released"),
        (kev([kev_entry()], dateReleased="yesterday"), "'yesterday' is no time"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_given_anything_but_the_catalogue_then_it_is_refused_with_what_it_is(read, content, words):
    with pytest.raises(FeedMalformed, match=words):
        read("kev", content)


def test_given_a_catalogue_without_entries_then_it_is_refused(read):
    with pytest.raises(FeedCollapsed, match="no entries"):
        read("kev", kev([]))


def test_given_a_file_that_is_packed_to_explode_then_it_is_not_unpacked_beyond_the_limit(read, monkeypatch):
    monkeypatch.setattr(kev_format, "_LARGEST", 2 * 2**20)
    bomb = gzip.compress(b" " * (64 * 2**20), compresslevel=1)

    tracemalloc.start()
    try:
        with pytest.raises(FeedMalformed, match="unpacks to more than 2 MiB"):
            read("kev", bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 16 * 2**20


@given(day=st.dates())
def test_any_day_of_the_calendar_is_read_as_its_midnight_in_utc(day):
    parsed = feed_of("kev").read(io.BytesIO(kev([kev_entry(dueDate=day.isoformat())])), None)

    assert parsed.rows.column("due_date").to_pylist() == [datetime(day.year, day.month, day.day, tzinfo=UTC)]
