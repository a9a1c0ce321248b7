"""CISA's SSVC decisions, from archives of the Vulnrichment repository."""

import io
import json
import struct
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defender_assets.catalog.reference import SSVC
from defender_assets.reference import FeedCollapsed, FeedMalformed, unpack

from .feed_files import COMMIT, COMMITTED_AT, cve_record, record_files, record_path, tar_gz, zipped

ARCHIVES = pytest.mark.parametrize("archive", [tar_gz, zipped])


def many(count: int) -> list[dict]:
    return [cve_record(f"CVE-2026-{10_000 + number}") for number in range(count)]


@ARCHIVES
def test_given_an_archive_then_every_decision_is_a_row(read, archive):
    records = [cve_record("CVE-2026-1002", exploitation="none"), cve_record("CVE-2002-0367", automatable="no")]

    fetched = read("ssvc", archive(record_files(*records)))

    assert fetched.table.schema.equals(SSVC.schema)
    first, second = fetched.table.to_pylist()
    assert (first["cve_id"], first["exploitation"], first["automatable"]) == ("CVE-2002-0367", "poc", "no")
    assert first["technical_impact"] == "total"
    assert first["decided_at"] == datetime(2026, 2, 7, 14, 33, 43, 942338, tzinfo=UTC)
    assert first["version"] == "2.0.3"
    assert (second["cve_id"], second["exploitation"]) == ("CVE-2026-1002", "none")


@ARCHIVES
def test_given_an_archive_of_git_then_it_is_dated_by_its_commit(read, archive):
    fetched = read("ssvc", archive(record_files(cve_record("CVE-2026-1001"))))

    assert (fetched.dated, fetched.version) == (COMMITTED_AT, COMMIT)


@ARCHIVES
def test_given_an_archive_that_somebody_made_then_it_has_no_date_of_its_own(read, archive):
    fetched = read("ssvc", archive(record_files(cve_record("CVE-2026-1001")), commit=None))

    assert (fetched.dated, fetched.version) == (None, None)


@ARCHIVES
def test_given_the_cves_of_an_organisation_then_only_their_records_are_read(read, archive):
    """What is not asked for may be anything: it is not even parsed."""
    files = record_files(cve_record("CVE-2026-1001"), cve_record("CVE-2026-1002"))
    files[record_path("CVE-2026-1003")] = b"{"

    fetched = read("ssvc", archive(files), cves={"cve-2026-1002", "CVE-2020-0001"})

    assert fetched.table.column("cve_id").to_pylist() == ["CVE-2026-1002"]
    assert fetched.entries == 3


@ARCHIVES
def test_given_an_organisation_with_none_of_the_cves_then_there_are_no_rows_and_no_error(read, archive):
    fetched = read("ssvc", archive(record_files(cve_record("CVE-2026-1001"))), cves=set())

    assert (fetched.rows, fetched.entries) == (0, 1)


@pytest.mark.parametrize(
    "record",
    [
        cve_record("CVE-2026-1001", metrics=[]),
        cve_record("CVE-2026-1001", metrics=[{"other": {"type": "kev", "content": {"dateAdded": "2026-01-01"}}}]),
        cve_record("CVE-2026-1001", provider="CVE"),
        {"cveMetadata": {"cveId": "CVE-2026-1001", "state": "REJECTED"}, "containers": {"cna": {}}},
    ],
    ids=["no metrics", "other metrics", "another publisher", "rejected"],
)
def test_given_a_record_without_a_decision_of_cisa_then_it_is_no_row_and_no_fault(read, record):
    fetched = read("ssvc", tar_gz(record_files(record, cve_record("CVE-2026-1002"))))

    assert (fetched.table.column("cve_id").to_pylist(), fetched.unreadable) == (["CVE-2026-1002"], 0)


def test_given_the_capitals_of_older_records_then_the_words_are_the_same(read):
    record = cve_record("CVE-2026-1001", exploitation="PoC", automatable="Yes", technical_impact="Total")

    row = read("ssvc", tar_gz(record_files(record))).table.to_pylist()[0]

    assert (row["exploitation"], row["automatable"], row["technical_impact"]) == ("poc", "yes", "total")


def test_given_a_decision_without_one_of_its_points_then_that_is_null(read):
    record = cve_record("CVE-2026-1001", automatable=None)

    row = read("ssvc", tar_gz(record_files(record))).table.to_pylist()[0]

    assert (row["automatable"], row["technical_impact"]) == (None, "total")


def test_given_two_decisions_then_the_later_one_holds(read):
    earlier, later = (
        cve_record("CVE-2026-1001", exploitation=word, timestamp=time)["containers"]["adp"][1]["metrics"][1]
        for word, time in (("none", "2026-01-01T00:00:00Z"), ("active", "2026-02-01T00:00:00Z"))
    )

    for metrics in ([earlier, later], [later, earlier]):
        row = read("ssvc", tar_gz(record_files(cve_record("CVE-2026-1001", metrics=metrics)))).table.to_pylist()[0]
        assert row["exploitation"] == "active"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (json.dumps(cve_record("CVE-2026-1001", exploitation="maybe")), "Exploitation is 'maybe' and not one of none"),
        (json.dumps(cve_record("CVE-2026-1001", automatable=True)), "Automatable is True"),
        (json.dumps(cve_record("CVE-2026-1001", timestamp="later")), "'later' is no time"),
        (json.dumps(cve_record("CVE-2026-7777")), "its record is that of 'CVE-2026-7777'"),
        ("<html></html>", "not JSON"),
        ("[]", "its record is that of None"),
        ("", "not JSON"),
    ],
)
def test_given_one_record_that_cannot_be_read_then_it_is_left_out_counted_and_named(read, bad, words):
    files = record_files(*many(3)) | {record_path("CVE-2026-1001"): bad.encode()}

    fetched = read("ssvc", tar_gz(files))

    assert (fetched.rows, fetched.unreadable) == (3, 1)
    assert fetched.examples[0].startswith("CVE-2026-1001: ")
    assert words in fetched.examples[0]


def test_given_more_than_one_in_a_hundred_unreadable_then_the_archive_is_refused(read):
    bad = {record_path(f"CVE-2025-100{number}"): b"{" for number in range(4)}

    assert read("ssvc", tar_gz(record_files(*many(396)) | bad)).unreadable == 4
    with pytest.raises(FeedMalformed, match=r"4 of 300 entries cannot be read, such as CVE-2025-1000: it is not JSON"):
        read("ssvc", tar_gz(record_files(*many(296)) | bad))


def test_given_nothing_that_can_be_read_then_the_archive_is_refused(read):
    with pytest.raises(FeedMalformed, match="1 of 1 entries"):
        read("ssvc", tar_gz({record_path("CVE-2026-1001"): b"{"}))


@ARCHIVES
def test_given_a_record_that_is_packed_to_explode_then_it_is_left_out(read, archive, monkeypatch):
    monkeypatch.setattr(unpack, "LARGEST_MEMBER", 2**20)
    bomb = {record_path("CVE-2026-1001"): b" " * (2**20 + 1)}

    fetched = read("ssvc", archive(record_files(*many(2)) | bomb))

    assert fetched.rows == 2
    assert fetched.examples == ("CVE-2026-1001: it unpacks to more than 1 MiB",)


@ARCHIVES
def test_given_an_archive_that_explodes_as_a_whole_then_reading_ends_at_the_limit(read, archive, monkeypatch):
    monkeypatch.setattr(unpack, "LARGEST_ARCHIVE", 2**18)
    filler = {record_path(f"CVE-2025-{1000 + number}"): b" " * 2**16 for number in range(8)}

    with pytest.raises(FeedMalformed, match="the archive unpacks to more than"):
        read("ssvc", archive(filler))


def test_given_a_zip_that_declares_less_than_it_unpacks_to_then_no_more_is_unpacked(read):
    """The classic trick: a small size in the directory, a large content behind it."""
    content = zipped(record_files(*many(2)) | {record_path("CVE-2026-1001"): b" " * 200_000})
    lied = content.replace(struct.pack("<L", 200_000), struct.pack("<L", 10))

    fetched = read("ssvc", lied)

    assert fetched.examples == ("CVE-2026-1001: it does not unpack",)


def test_given_a_zip_with_an_endless_directory_then_it_is_refused_before_it_is_read(read, monkeypatch):
    monkeypatch.setattr(unpack, "LARGEST_DIRECTORY", 1_000)

    with pytest.raises(FeedMalformed, match=r"too many members; give the tar\.gz instead"):
        read("ssvc", zipped(record_files(*many(40))))


def test_given_an_encrypted_member_then_it_is_left_out(read):
    content = bytearray(zipped(record_files(*many(2), cve_record("CVE-2026-1001"))))
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 8] |= 1

    assert read("ssvc", bytes(content)).examples == ("CVE-2026-1001: it is encrypted",)


def test_given_a_cve_that_is_in_it_twice_then_it_is_refused(read):
    record = json.dumps(cve_record("CVE-2026-1001")).encode()

    with pytest.raises(FeedMalformed, match="CVE-2026-1001 is in it twice"):
        read("ssvc", tar_gz({"a/CVE-2026-1001.json": record, "b/CVE-2026-1001.json": record}))


def test_given_paths_that_lead_elsewhere_then_nothing_is_written_anywhere(read, tmp_path):
    """Members are read, never extracted; their names are looked at for the CVE only."""
    record = json.dumps(cve_record("CVE-2026-1001")).encode()

    fetched = read("ssvc", tar_gz({f"../../{tmp_path}/CVE-2026-1001.json": record, "/etc/passwd": b"x"}))

    assert fetched.rows == 1
    assert [path.name for path in tmp_path.iterdir()] == ["feed"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tar_gz(record_files(*many(30)))[:-200], "archive is damaged or ends too early"),
        (zipped(record_files(*many(30)))[:-200], "zip is damaged or ends too early"),
        (b"PK\x05\x06", "zip is damaged"),
        (b"<html>Not found</html>", "neither a zip nor a tar.gz"),
        (b"", "neither a zip nor a tar.gz"),
    ],
    ids=["cut tar", "cut zip", "hollow zip", "html", "empty"],
)
def test_given_anything_but_an_archive_then_it_is_refused_with_what_it_is(read, content, words):
    with pytest.raises(FeedMalformed, match=words):
        read("ssvc", content)


@ARCHIVES
def test_given_an_archive_of_something_else_then_it_is_refused(read, archive):
    with pytest.raises(FeedCollapsed, match="no entries"):
        read("ssvc", archive({"project-main/README.md": b"# Something else\n"}))


def test_given_a_zip64_archive_then_its_directory_is_measured_by_its_own_record(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number:06}", b"")
    assert b"PK\x06\x06" in packed.getvalue()

    assert unpack._directory_size(packed) == 3 * (46 + 6)


@ARCHIVES
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_damage_leads_to_rows_or_to_a_refusal_and_to_nothing_else(read, archive, data):
    content = bytearray(archive(record_files(*many(3))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]

    try:
        fetched = read("ssvc", bytes(content))
    except (FeedMalformed, FeedCollapsed):
        return
    assert fetched.rows <= 3
