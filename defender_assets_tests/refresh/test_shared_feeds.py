"""Feeds of several tenants over the wire: downloaded once for all of them, and each tenant's partition whole."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.lake import Lake
from defender_assets.refresh import PartitionOutcome, Status

from ..reference.feed_files import epss, many_kev
from ..reference.feed_server import FeedServer, Reply
from .feeds import refreshed

TENANTS = tuple(f"tenant-{number:02}" for number in range(20))
MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)


class Installation:
    """Tenants that are refreshed from one publisher, each at a moment of its own."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.folder, self.server = folder, server

    def name(self, *tenants: str) -> None:
        listed = "tenants:\n" + "".join(f"  - name: {name}\n" for name in tenants)
        (self.folder / "tenants.yaml").write_text(listed)

    def lake(self, tenant: str) -> Lake:
        return Lake(self.folder / "lake", tenant)

    def refresh(self, tenant: str, now: datetime, feed: str = "kev", path: str = "/kev.json") -> PartitionOutcome:
        return refreshed(
            feed,
            self.lake(tenant),
            now,
            setting=f"{self.server.url}{path}?sig=c2VjcmV0",
            ca_bundle=self.server.ca_bundle,
            tenants=self.folder / "tenants.yaml",
        )

    def observed(self, tenant: str, feed: str = "kev") -> str:
        metadata = self.lake(tenant).metadata(feed, MORNING.date())
        assert metadata["fetched_at"] == metadata["observed_at"]
        (of_rows,) = set(
            self.lake(tenant).read(feed, MORNING.date(), columns=["observed_at"])["observed_at"].to_pylist()
        )
        assert of_rows.isoformat() == metadata["observed_at"]
        return metadata["observed_at"]

    @property
    def copies(self) -> list[Path]:
        folder = self.folder / "feeds"
        return [file for file in folder.iterdir() if file.suffix != ".lock"] if folder.exists() else []


@pytest.fixture
def installation(tmp_path: Path, server: FeedServer) -> Installation:
    installation = Installation(tmp_path, server)
    installation.name(*TENANTS)
    return installation


def test_of_twenty_tenants_one_downloads_and_all_have_the_same_whole_partition(installation, server):
    server.serve("/kev.json", many_kev(7))
    server.serve("/epss.csv.gz", epss("CVE-2026-1001,0.1,0.2"))
    for minutes, tenant in enumerate(TENANTS):
        now = MORNING + timedelta(minutes=minutes)
        assert installation.refresh(tenant, now).rows == 7
        assert installation.refresh(tenant, now, "epss", "/epss.csv.gz").rows == 1
    assert [target.partition("?")[0] for target, _ in server.requests] == ["/kev.json", "/epss.csv.gz"]
    first = installation.lake(TENANTS[0]).read("kev", MORNING.date())
    for tenant in TENANTS:
        assert installation.observed(tenant) == installation.observed(tenant, "epss") == MORNING.isoformat()
        assert installation.lake(tenant).read("kev", MORNING.date()).equals(first)
    # one copy of each, for this user alone, and no name tells a signature
    assert len(installation.copies) == 2
    assert (installation.folder / "feeds").stat().st_mode & 0o077 == 0
    assert not [file for file in installation.copies if "sig" in file.name or "c2Vj" in file.name]


def test_of_tenants_that_begin_at_once_the_others_wait_for_the_first(installation, server):
    server.serve("/kev.json", many_kev(3))
    with ThreadPoolExecutor(8) as pool:
        moments = [MORNING + timedelta(milliseconds=7 * (number % 3)) for number in range(8)]
        outcomes = list(pool.map(installation.refresh, TENANTS, moments))
    assert [outcome.rows for outcome in outcomes] == [3] * 8
    assert len(server.requests) == 1


def test_a_tenant_that_asks_again_asks_the_publisher_and_what_it_got_is_shared_in_turn(installation, server):
    server.serve("/kev.json", many_kev(3), many_kev(4))
    later = MORNING + timedelta(minutes=5)
    assert [installation.refresh(tenant, MORNING).rows for tenant in TENANTS[:2]] == [3, 3]
    assert installation.refresh(TENANTS[0], later).rows == 4
    assert len(server.requests) == 2
    assert installation.refresh(TENANTS[1], later).rows == 4
    assert installation.refresh(TENANTS[2], later).rows == 4
    assert len(server.requests) == 2
    assert {installation.observed(tenant) for tenant in TENANTS[:3]} == {later.isoformat()}
    assert len(installation.copies) == 1


def test_a_copy_is_good_for_six_hours(installation, server):
    server.serve("/kev.json", many_kev(3), many_kev(4))
    installation.refresh(TENANTS[0], MORNING)
    assert installation.refresh(TENANTS[1], MORNING + timedelta(hours=5, minutes=59)).rows == 3
    assert installation.refresh(TENANTS[2], MORNING + timedelta(hours=6)).rows == 4
    assert len(installation.copies) == 1


def test_what_cannot_be_read_is_not_shared(installation, server):
    server.serve("/kev.json", b"<html>proxy</html>", many_kev(3))
    assert installation.refresh(TENANTS[0], MORNING).status is Status.ABSENT
    assert installation.copies == []
    assert installation.refresh(TENANTS[1], MORNING).rows == 3
    # nor is a copy that was cut off on the disk since
    (copy,) = installation.copies
    copy.write_bytes(copy.read_bytes()[:100])
    assert installation.refresh(TENANTS[2], MORNING).status is Status.ABSENT
    assert installation.copies == []
    assert installation.refresh(TENANTS[2], MORNING).rows == 3


def test_a_download_that_fails_holds_up_nobody_for_good(installation, server):
    server.serve("/kev.json", Reply(status=404), many_kev(3))
    assert installation.refresh(TENANTS[0], MORNING).status is Status.ABSENT
    assert installation.refresh(TENANTS[1], MORNING).rows == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_no_copy_can_be_kept_each_tenant_downloads(installation, server):
    server.serve("/kev.json", many_kev(3))
    (installation.folder / "feeds").mkdir(mode=0o500)
    assert [installation.refresh(tenant, MORNING).rows for tenant in TENANTS[:3]] == [3, 3, 3]
    assert len(server.requests) == 3


def test_where_a_file_is_in_the_way_of_the_copies_each_tenant_downloads(installation, server):
    server.serve("/kev.json", many_kev(3))
    (installation.folder / "feeds").write_text("")
    assert [installation.refresh(tenant, MORNING).rows for tenant in TENANTS[:3]] == [3, 3, 3]
    assert len(server.requests) == 3


def test_what_killed_processes_left_is_removed(installation, server):
    server.serve("/kev.json", many_kev(3))
    folder = installation.folder / "feeds"
    folder.mkdir()
    for name, age in (("old.part", timedelta(days=1)), ("new.part", timedelta())):
        (folder / name).write_text("")
        at = (MORNING - age).timestamp()
        os.utime(folder / name, (at, at))
    installation.refresh(TENANTS[0], MORNING)
    assert {file.name for file in installation.copies if file.suffix == ".part"} == {"new.part"}


def test_a_single_tenant_keeps_no_copies(installation, server):
    server.serve("/kev.json", many_kev(3))
    installation.name(TENANTS[0])
    installation.refresh(TENANTS[0], MORNING)
    assert not (installation.folder / "feeds").exists()
