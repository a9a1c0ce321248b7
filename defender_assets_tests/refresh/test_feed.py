"""A feed's snapshots in the lake: fresh, kept, absent or off."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.reference import FEEDS, Provenance
from defender_assets.refresh import PartitionOutcome, Status
from defender_assets.settings import SettingsError

from ..lake.things import file_of
from ..reference.feed_files import RELEASES, cve_record, epss, kev, kev_entry, many_kev, record_files, tar_gz
from ..reference.feed_server import FeedServer, Reply
from .feeds import refreshed

VULNERABILITIES = DATASETS["vulnerabilities"]
MONDAY, TUESDAY, WEDNESDAY = (datetime(2026, 3, day, 6, tzinfo=UTC) for day in (2, 3, 4))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def is_fresh(outcome: PartitionOutcome) -> bool:
    (check,) = outcome.checks
    return check.passed


def known_cves(lake: Lake, now: datetime, cves: list[str]) -> None:
    """The CVEs that the organisation knows of, as a snapshot of the service's list."""
    columns = {"id": cves, "observed_at": [now] * len(cves)}
    rows = [pa.array(columns.get(field.name, [None] * len(cves)), field.type) for field in VULNERABILITIES.schema]
    with lake.writing(VULNERABILITIES, now.date(), {"observed_at": now.isoformat()}) as writer:
        writer.write(pa.Table.from_arrays(rows, schema=VULNERABILITIES.schema))
        writer.publish()


class Publisher:
    """Puts the feed where the setting points to, or takes it away, and refreshes."""

    def __init__(self, lake: Lake, path: Path) -> None:
        self.lake = lake
        self.path = path

    def refreshed(self, content: bytes | None, now: datetime, feed: str = "kev", **settings) -> PartitionOutcome:
        self.path.unlink(missing_ok=True)
        if content is not None:
            self.path.write_bytes(content)
        return refreshed(feed, self.lake, now, setting=str(self.path), **settings)


@pytest.fixture
def publisher(lake: Lake, tmp_path: Path) -> Publisher:
    return Publisher(lake, tmp_path / "feed")


def test_given_a_feed_then_the_day_has_its_rows_and_says_where_they_are_from(publisher, lake):
    outcome = publisher.refreshed(many_kev(3), MONDAY)

    assert (outcome.status, outcome.rows, is_fresh(outcome)) == (Status.PUBLISHED, 3, True)
    assert outcome.facts["age in days"] == 0.54
    assert outcome.facts["summary"] == "kev has 3 rows, less than a day old."
    assert lake.read("kev", MONDAY.date()).num_rows == 3
    metadata = lake.metadata("kev", MONDAY.date())
    assert metadata["dataset"] == "kev"
    assert metadata["source"] == "file:feed"
    assert metadata["dated"] == "2026-03-01T17:04:19.979600+00:00"
    assert metadata["fetched_at"] == metadata["observed_at"] == MONDAY.isoformat()
    assert (metadata["version"], metadata["entries"], metadata["stale"]) == ("2026.03.01", "3", "false")
    assert metadata["licence"] == "CC0 1.0"
    assert len(metadata["sha256"]) == 64


@pytest.mark.parametrize(
    ("feed", "content"),
    [
        ("epss", epss("CVE-2026-1001,0.1,0.2")),
        ("ssvc", tar_gz(record_files(cve_record("CVE-2026-1001")))),
        ("agent_releases", RELEASES.encode()),
    ],
)
def test_given_any_other_feed_then_it_is_stored_the_same_way(publisher, lake, feed, content):
    outcome = publisher.refreshed(content, MONDAY, feed)

    assert outcome.status is Status.PUBLISHED
    assert lake.read(feed, MONDAY.date()).schema.equals(FEEDS[feed][0].table.schema)
    assert lake.rows(feed, MONDAY.date()) == outcome.rows > 0


def test_given_a_fetch_that_fails_then_the_former_rows_become_the_day_and_say_how_old_they_are(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)

    outcome = publisher.refreshed(None, TUESDAY)

    assert (outcome.status, outcome.rows, is_fresh(outcome)) == (Status.KEPT, 3, True)
    assert outcome.facts["age in days"] == 1.54
    assert "DEFENDER_KEV names cannot be read" in outcome.facts["reason"]
    assert outcome.facts["summary"].endswith("its 3 former rows are kept, 1 day old.")
    assert lake.read("kev", TUESDAY.date()).equals(lake.read("kev", MONDAY.date()))
    metadata = lake.metadata("kev", TUESDAY.date())
    assert metadata["fetched_at"] == MONDAY.isoformat()
    assert metadata["observed_at"] == TUESDAY.isoformat()
    assert metadata["stale"] == "true"
    assert metadata["reason"] == outcome.facts["reason"]
    assert lake.metadata("kev", MONDAY.date())["stale"] == "false"


def test_given_failures_day_after_day_then_the_rows_age_from_when_they_were_really_fetched(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)
    for day in range(1, 21):
        outcome = publisher.refreshed(b"<html>", MONDAY + timedelta(days=day))

    assert (outcome.status, outcome.facts["age in days"], is_fresh(outcome)) == (Status.KEPT, 20.54, False)
    assert outcome.facts["fetched at"] == MONDAY
    assert len(lake.dates("kev")) == 21


def test_given_a_feed_that_comes_back_then_its_fresh_rows_are_taken(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)
    publisher.refreshed(None, TUESDAY)

    outcome = publisher.refreshed(many_kev(4), WEDNESDAY)

    assert (outcome.status, outcome.rows) == (Status.PUBLISHED, 4)
    assert lake.metadata("kev", WEDNESDAY.date())["stale"] == "false"


def test_given_a_second_refresh_of_the_day_that_fails_then_the_first_one_stays(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)

    outcome = publisher.refreshed(None, MONDAY + timedelta(hours=3))

    assert (outcome.status, outcome.rows, outcome.uri) == (Status.KEPT, 3, None)
    assert lake.metadata("kev", MONDAY.date())["stale"] == "false"


def test_given_a_fetch_that_fails_and_nothing_before_then_the_feed_is_absent_and_nothing_is_written(publisher, lake):
    outcome = publisher.refreshed(None, MONDAY)

    assert (outcome.status, outcome.rows, outcome.uri) == (Status.ABSENT, 0, None)
    assert "age in days" not in outcome.facts
    assert outcome.facts["summary"].startswith("kev is absent (the file that DEFENDER_KEV names cannot be read")
    assert "published at https://www.cisa.gov/" in outcome.facts["what to do"]
    assert lake.tables() == []


def test_given_a_later_snapshot_only_then_it_is_not_taken_for_an_earlier_day(publisher, lake):
    publisher.refreshed(many_kev(3), TUESDAY)

    assert publisher.refreshed(None, MONDAY).status is Status.ABSENT


def test_given_off_then_nothing_is_fetched_and_nothing_is_written(lake):
    outcome = refreshed("kev", lake, MONDAY, setting="off")

    assert (outcome.status, outcome.rows, outcome.ok, is_fresh(outcome)) == (Status.OFF, 0, True, True)
    assert outcome.facts["summary"] == "kev is switched off; the columns that need it are empty."
    assert lake.tables() == []


def test_given_a_setting_that_cannot_be_followed_then_it_is_named_and_nothing_is_kept_quietly(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)

    outcome = refreshed("kev", lake, TUESDAY, setting="http://mirror.example.com/kev.json")

    assert isinstance(outcome.error, SettingsError)
    assert "DEFENDER_KEV" in str(outcome.error)

    assert lake.dates("kev") == [MONDAY.date()]


@pytest.mark.parametrize(("left", "status"), [(5, Status.PUBLISHED), (4, Status.KEPT), (0, Status.KEPT)])
def test_given_a_feed_that_shrank_then_less_than_half_is_not_believed(publisher, lake, left, status):
    publisher.refreshed(many_kev(10), MONDAY)

    outcome = publisher.refreshed(many_kev(left), TUESDAY)

    assert outcome.status is status
    assert lake.rows("kev", TUESDAY.date()) == (left if status is Status.PUBLISHED else 10)


def test_given_a_feed_that_shrank_and_leave_to_then_it_is_taken(publisher):
    publisher.refreshed(many_kev(10), MONDAY)

    refused = publisher.refreshed(many_kev(2), TUESDAY)
    allowed = publisher.refreshed(many_kev(2), TUESDAY, allow_collapse=True)

    assert refused.facts["reason"] == "the feed has 2 entries and had 10"
    assert "DEFENDER_ALLOW_COLLAPSE" in refused.facts["what to do"]
    assert (allowed.status, allowed.rows) == (Status.PUBLISHED, 2)


def test_given_an_organisation_with_fewer_cves_than_before_then_the_feed_has_not_shrunk(publisher, lake):
    archive = tar_gz(record_files(*(cve_record(f"CVE-2026-{1000 + number}") for number in range(10))))
    known_cves(lake, MONDAY, [f"CVE-2026-{1000 + number}" for number in range(10)])
    assert publisher.refreshed(archive, MONDAY, "ssvc").rows == 10
    known_cves(lake, TUESDAY, ["CVE-2026-1001"])

    outcome = publisher.refreshed(archive, TUESDAY, "ssvc")

    assert (outcome.status, outcome.rows) == (Status.PUBLISHED, 1)


def test_given_a_feed_that_its_publisher_stopped_then_its_own_date_tells(publisher):
    outcome = publisher.refreshed(many_kev(3), MONDAY + timedelta(days=30))

    assert (outcome.status, is_fresh(outcome), outcome.facts["age in days"]) == (Status.PUBLISHED, False, 30.54)
    assert outcome.facts["summary"] == "kev has 3 rows, 30 days old, which is older than it should be."


def test_given_a_feed_of_tomorrow_then_its_age_is_not_negative(publisher):
    ahead = kev([kev_entry()], dateReleased="2026-03-09T00:00:00Z")

    assert publisher.refreshed(ahead, MONDAY).facts["age in days"] == 0


def test_given_an_archive_without_a_date_then_its_age_counts_from_the_fetch(publisher):
    archive = tar_gz(record_files(cve_record("CVE-2026-1001")), commit=None)
    publisher.refreshed(archive, MONDAY, "ssvc")

    outcome = publisher.refreshed(None, MONDAY + timedelta(days=8), "ssvc")

    assert (outcome.facts["age in days"], is_fresh(outcome)) == (8, False)
    assert "feed dated" not in outcome.facts


def test_given_the_releases_that_ship_then_they_are_used_while_they_are_new(lake):
    new = datetime(2026, 5, 1, tzinfo=UTC)

    outcome = refreshed("agent_releases", lake, new)

    assert (outcome.status, is_fresh(outcome)) == (Status.PUBLISHED, True)
    assert lake.rows("agent_releases", new.date()) == outcome.rows


def test_given_the_releases_that_ship_then_once_they_are_old_the_newest_ones_are_said_to_be_inferred(lake):
    """They stay facts; that they no longer tell the newest release follows from ``listed_at``."""
    late = datetime(2026, 5, 24, tzinfo=UTC)

    outcome = refreshed("agent_releases", lake, late)

    assert (outcome.status, is_fresh(outcome)) == (Status.PUBLISHED, False)
    assert (
        "the newest releases are inferred from the fleet: agent_linux (last listed by file 46 days ago)"
        in (outcome.facts["summary"])
    )
    assert set(lake.read("agent_releases", late.date())["listed_at"].to_pylist()) == {datetime(2026, 4, 8, tzinfo=UTC)}


def test_given_an_own_catalogue_that_is_old_then_it_is_used_and_said_to_be_old(publisher):
    outcome = publisher.refreshed(RELEASES.encode(), MONDAY + timedelta(days=90), "agent_releases")

    assert (outcome.status, is_fresh(outcome), outcome.rows) == (Status.PUBLISHED, False, 5)


def test_given_unreadable_records_then_the_outcome_names_them(publisher):
    files = record_files(cve_record("CVE-2026-1001"), cve_record("CVE-2026-1002", exploitation="maybe"))

    outcome = publisher.refreshed(tar_gz(files), MONDAY, "ssvc")

    assert (outcome.rows, outcome.facts["unreadable entries"]) == (1, 1)
    assert outcome.facts["unreadable, for example"].startswith("CVE-2026-1002: Exploitation is 'maybe'")


def test_given_a_former_snapshot_that_is_damaged_then_the_one_before_is_kept(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)
    publisher.refreshed(many_kev(3), TUESDAY)
    file_of(lake, TUESDAY.date(), "kev").write_bytes(b"PAR1 damaged")

    outcome = publisher.refreshed(None, WEDNESDAY)

    assert (outcome.status, outcome.facts["fetched at"]) == (Status.KEPT, MONDAY)


def test_given_a_former_snapshot_of_an_older_version_then_its_missing_columns_are_null(publisher, lake):
    publisher.refreshed(many_kev(3), MONDAY)
    older = lake.read("kev", MONDAY.date()).drop_columns(["cwes"])
    metadata = lake.metadata("kev", MONDAY.date())
    path = file_of(lake, MONDAY.date(), "kev")
    pa.parquet.write_table(older.replace_schema_metadata(metadata), path)

    publisher.refreshed(None, TUESDAY)

    assert lake.read("kev", TUESDAY.date()).column("cwes").null_count == 3


def test_given_a_publisher_on_the_wire_that_fails_then_its_former_rows_are_kept(lake, server: FeedServer):
    url = server.serve("/kev.json", Reply(many_kev(3)), Reply(status=503))

    def asked(now: datetime) -> PartitionOutcome:
        return refreshed("kev", lake, now, setting=f"{url}?sig=c2VjcmV0", ca_bundle=server.ca_bundle)

    assert asked(MONDAY).status is Status.PUBLISHED
    outcome = asked(TUESDAY)

    assert (outcome.status, outcome.facts["reason"]) == (Status.KEPT, "localhost answered 503")
    metadata = lake.metadata("kev", date(2026, 3, 3))
    assert metadata["source"] == url
    assert not any("c2VjcmV0" in fact for fact in metadata.values())


def test_what_a_file_says_about_itself_can_be_read_back(publisher, lake):
    outcome = publisher.refreshed(many_kev(3), MONDAY)

    provenance = Provenance.read(lake.metadata("kev", MONDAY.date()))
    assert provenance.fetched_at == outcome.facts["fetched at"]
    assert provenance.dated == outcome.facts["feed dated"]
    assert provenance.source == outcome.facts["source"]
    assert Provenance.read({"dataset": "kev"}) is None
