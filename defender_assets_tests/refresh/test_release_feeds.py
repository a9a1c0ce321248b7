"""``agent_releases`` day by day: several feeds over the wire, each of which can fail alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pytest

from defender_assets.lake import Lake
from defender_assets.reference import FEEDS, Provenance
from defender_assets.refresh import PartitionOutcome, RefreshContext, Status
from defender_assets.refresh.feed import FeedRefresh
from defender_assets.settings import Settings, SettingsError
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..lake.things import file_of
from ..reference.feed_server import Waiting
from ..reference.release_files import antivirus, manifest, notes, packages

TODAY = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
TOMORROW = TODAY + timedelta(days=1)
LIVE = {
    "antivirus_versions": "antivirus_versions",
    "macos": "macos_releases",
    "linux": "linux_releases",
    "release_notes": "release_notes",
}
"""The live feeds and their settings."""
OFF = dict.fromkeys([*LIVE.values(), "agent_releases"], "off")
ADDRESS = {
    "antivirus_versions": "adlpackages.aspx",
    "macos": "MacAutoupdate/0409WDAV00.xml",
    "linux": "linux/ubuntu/24.04/prod/dists/noble/main/binary-amd64/Packages.gz",
    "release_notes": "defender-docs/public/defender-endpoint/microsoft-defender-endpoint-releases.md",
}


@pytest.fixture(scope="module")
def simulated() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(TenantShape(machines=10, as_of=TODAY))) as simulator:
        yield simulator


@pytest.fixture
def simulator(simulated: Simulator) -> Iterator[Simulator]:
    yield simulated
    simulated.control.clear_faults()


class Table:
    """The table in a lake of its own, refreshed on the days that the test says."""

    def __init__(self, lake: Lake, settings: dict[str, Any], ca_bundle: Path | None = None) -> None:
        self.lake, self.settings, self.ca_bundle = lake, settings, ca_bundle

    def refreshed(self, now: datetime, **settings: Any) -> PartitionOutcome:
        def no_client() -> NoReturn:
            raise AssertionError("a public feed asks the service nothing")

        context = RefreshContext(
            lake=self.lake,
            settings=Settings.load(**self.settings | settings),
            today=now.date(),
            client=no_client,
            ca_bundle=lambda: self.ca_bundle,
            now=now,
        )
        (outcome,) = FeedRefresh(FEEDS["agent_releases"], clock=Waiting()).refresh([now.date()], context)
        return outcome

    def rows(self, now: datetime, *feeds: str) -> list[dict[str, Any]]:
        rows = self.lake.read("agent_releases", now.date()).to_pylist()
        return [row for row in rows if not feeds or row["feed"] in feeds]

    def told(self, now: datetime, *feeds: str) -> list[tuple[str, datetime | None]]:
        """(version, when it was last listed) of the feeds' rows."""
        return [(row["version"], row["listed_at"]) for row in self.rows(now, *feeds)]


@pytest.fixture
def of_tenant(simulator: Simulator, tmp_path: Path) -> Table:
    """The table from the feeds of the simulated tenant."""
    settings = {name.removeprefix("DEFENDER_").lower(): value for name, value in simulator.settings.items()}
    return Table(Lake(tmp_path / "lake"), settings, simulator.ca_bundle)


class Files(Table):
    """The table from feeds that lie as files, of which the test writes what they tell."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        super().__init__(lake, dict(OFF))
        self.folder = folder

    def publish(self, feed: str, content: bytes | None) -> None:
        path = self.folder / feed
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        self.settings[LIVE.get(feed, feed)] = str(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(Lake(tmp_path / "lake"), tmp_path)


def passes(outcome: PartitionOutcome) -> bool:
    (check,) = outcome.checks
    return check.passed


def day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


# What the feeds tell together


def test_given_all_feeds_then_every_component_has_a_live_feed_and_is_up_to_date(of_tenant, simulator):
    outcome = of_tenant.refreshed(TODAY)

    assert (outcome.status, passes(outcome)) == (Status.PUBLISHED, True)
    releases = simulator.tenant.releases
    for component, newest in releases.catalogue().items():
        told = {row["feed"] for row in of_tenant.rows(TODAY) if row["version"] == newest[0].version}
        live = {"agent_macos": "macos", "agent_linux": "linux", "agent_windows": "release_notes"}
        assert told >= {live.get(component, "antivirus_versions"), "release_notes", "file"}
        assert f"{component} {newest[0].version}" in outcome.facts["summary"]
    assert "inferred" not in outcome.facts["summary"]
    assert outcome.facts["macos"].startswith("1 release told by https://127.0.0.1:")


def test_given_the_live_feeds_and_the_old_catalogue_that_ships_then_there_is_no_warning(of_tenant):
    outcome = of_tenant.refreshed(TODAY, agent_releases="public")

    assert passes(outcome)
    assert "inferred" not in outcome.facts["summary"]
    assert min(row["listed_at"] for row in of_tenant.rows(TODAY, "file")) < TODAY - timedelta(days=45)


def test_given_all_feeds_then_the_file_says_of_each_where_and_when_it_was_read(of_tenant, simulator):
    address = f"{of_tenant.settings['antivirus_versions']}?action=info&sig=c2VjcmV0"
    of_tenant.refreshed(TODAY, antivirus_versions=address)

    metadata = of_tenant.lake.metadata("agent_releases", TODAY.date())
    assert metadata["feeds"] == "antivirus_versions, macos, linux, release_notes, file"
    for feed in (*LIVE, "file"):
        provenance = Provenance.read(metadata, feed)
        assert provenance is not None
        assert (provenance.fetched_at, provenance.stale) == (TODAY, False)
        assert provenance.source.startswith(f"{simulator.feeds_url}/")
        assert "?" not in provenance.source
        assert len(provenance.sha256) == 64
    assert metadata["stale"] == "false"


def test_given_a_release_that_one_feed_dates_then_the_others_have_its_date_too(of_tenant, simulator):
    of_tenant.refreshed(TODAY)

    newest = simulator.tenant.releases.av_platform[0]
    (row,) = [row for row in of_tenant.rows(TODAY, "antivirus_versions") if row["component"] == "av_platform"]
    assert (row["version"], row["released_at"].date()) == (newest.version, newest.released)


def test_given_only_the_files_that_ship_with_the_package_then_the_newest_releases_are_said_to_be_inferred(tmp_path):
    table = Table(Lake(tmp_path / "lake"), dict(OFF) | {"agent_releases": "public"})

    outcome = table.refreshed(TODAY)

    assert (outcome.status, passes(outcome)) == (Status.PUBLISHED, False)
    assert "Not up to date, so the newest releases are inferred from the fleet: agent_linux" in outcome.facts["summary"]


def test_given_a_network_without_a_way_out_then_the_catalogue_that_ships_is_there_and_the_check_says_why(tmp_path):
    nowhere = dict.fromkeys(LIVE.values(), "https://127.0.0.1:1/feed")
    nowhere["linux_releases"] = "https://127.0.0.1:1/a,https://127.0.0.1:1/b"
    table = Table(Lake(tmp_path / "lake"), nowhere)

    outcome = table.refreshed(TODAY)

    assert outcome.status is Status.PUBLISHED
    assert {row["feed"] for row in table.rows(TODAY)} == {"file"}
    assert not passes(outcome)
    assert "av_intelligence (never listed)" in outcome.facts["summary"]
    assert "macos (127.0.0.1 cannot be reached)" in outcome.facts["summary"]
    assert "DEFENDER_MACOS_RELEASES, or set it to off" in outcome.facts["what to do"]


def test_given_every_feed_off_then_nothing_is_written_and_that_is_no_failure(tmp_path):
    table = Table(Lake(tmp_path / "lake"), dict(OFF))

    outcome = table.refreshed(TODAY)

    assert (outcome.status, passes(outcome)) == (Status.OFF, True)
    assert outcome.facts["summary"].endswith("the newest releases are inferred from the fleet.")
    assert table.lake.tables() == []


def test_given_one_setting_that_cannot_be_followed_then_it_is_named_and_nothing_is_kept_quietly(of_tenant):
    of_tenant.refreshed(TODAY)

    outcome = of_tenant.refreshed(TOMORROW, macos_releases="http://mirror.example.com/0409WDAV00.xml")

    assert isinstance(outcome.error, SettingsError)
    assert "DEFENDER_MACOS_RELEASES" in str(outcome.error)
    assert of_tenant.lake.dates("agent_releases") == [TODAY.date()]


# One feed fails


@pytest.mark.parametrize("feed", LIVE)
@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("status", {"status": 404}),
        ("status", {"status": 503, "times": -1}),
        ("html", {"status": 200}),
        ("reset", {"times": -1}),
        ("redirect", {"target": "http://localhost:1"}),
        ("feed_bomb", {"mebibytes": 140}),
        ("feed_jump", {}),
        ("feed_stale", {}),
    ],
)
def test_given_a_feed_that_fails_or_is_not_believed_then_its_former_rows_stay_and_the_others_are_new(
    of_tenant, simulator, feed, fault, how
):
    of_tenant.refreshed(TODAY)
    before = {name: of_tenant.told(TODAY, name) for name in LIVE}
    # Of Linux the other distributions would stand in.
    address = "feeds" if feed == "linux" else f"feeds/{ADDRESS[feed]}"
    others_off = {setting: "off" for name, setting in LIVE.items() if name != "linux"} if feed == "linux" else {}
    simulator.control.fault(fault, address, **{"times": -1} | how)

    outcome = of_tenant.refreshed(TOMORROW, **others_off)

    assert outcome.facts["reason"].startswith(f"{feed}: ")
    assert of_tenant.told(TOMORROW, feed) == before[feed]
    metadata = of_tenant.lake.metadata("agent_releases", TOMORROW.date())
    provenance = Provenance.read(metadata, feed)
    assert (provenance.stale, provenance.fetched_at) == (True, TODAY)
    assert provenance.reason in outcome.facts["reason"]
    if feed == "linux":
        return
    assert (outcome.status, passes(outcome)) == (Status.PUBLISHED, True)
    for other in {"macos", "linux"} - {feed}:
        newest = max(of_tenant.told(TOMORROW, other))
        assert newest == (max(before[other])[0], TOMORROW)


def test_given_one_distribution_that_is_gone_then_the_others_tell_the_releases(of_tenant, simulator):
    simulator.control.fault("status", f"feeds/{ADDRESS['linux']}", status=404, times=-1)

    outcome = of_tenant.refreshed(TODAY)

    # The other distribution has not got the newest release yet.
    assert "missed: 127.0.0.1 answered 404" in outcome.facts["linux"]
    released = [release.version for release in simulator.tenant.releases.catalogue()["agent_linux"]]
    assert sorted(version for version, _ in of_tenant.told(TODAY, "linux")) == sorted(released[1:])


def test_given_a_distribution_that_is_gone_with_the_newest_release_then_the_release_stays_known(of_tenant, simulator):
    of_tenant.refreshed(TODAY)
    simulator.control.fault("status", f"feeds/{ADDRESS['linux']}", status=404, times=-1)

    outcome = of_tenant.refreshed(TOMORROW)

    newest, *older = sorted(of_tenant.told(TOMORROW, "linux"), reverse=True)
    assert newest == (simulator.tenant.releases.agent_linux[0].version, TODAY)
    assert {listed_at for _, listed_at in older} == {TOMORROW}
    assert (outcome.status, "reason" in outcome.facts) == (Status.PUBLISHED, False)


def test_given_a_feed_that_fails_for_longer_than_the_policy_allows_then_its_components_are_named(of_tenant, simulator):
    of_tenant.refreshed(TODAY)
    simulator.control.fault("html", f"feeds/{ADDRESS['antivirus_versions']}", status=200, times=-1)
    late = TODAY + timedelta(days=46)

    outcome = of_tenant.refreshed(late, agent_releases="off", release_notes="off")

    assert not passes(outcome)
    (check,) = outcome.checks
    assert check.numbers == {"components that are not up to date": 3}
    assert "av_engine (last listed by antivirus_versions 46 days ago)" in outcome.facts["summary"]
    assert "Up to date: agent_linux" in outcome.facts["summary"]


def test_given_another_limit_in_the_policy_then_the_check_keeps_to_it(of_tenant, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("extends: default\nname: patient\nagent: {releases_max_days: 90}\n")
    of_tenant.refreshed(TODAY)
    late = TODAY + timedelta(days=46)
    off = dict.fromkeys([*LIVE.values()], "off") | {"macos_releases": "https://127.0.0.1:1/0409WDAV00.xml"}

    assert not passes(of_tenant.refreshed(late, agent_releases="off", **off))
    assert passes(of_tenant.refreshed(late + timedelta(days=1), agent_releases="off", policy=str(policy), **off))


def test_given_a_feed_that_is_switched_off_then_what_it_told_stays_and_ages_and_the_check_lets_it(of_tenant):
    of_tenant.refreshed(TODAY)
    before = of_tenant.told(TODAY, "macos")

    outcome = of_tenant.refreshed(TOMORROW, macos_releases="off")

    assert of_tenant.told(TOMORROW, "macos") == before
    assert outcome.facts["macos"] == "switched off; 1 earlier row kept"
    late = TODAY + timedelta(days=46)
    assert passes(of_tenant.refreshed(late, **OFF | {"linux_releases": of_tenant.settings["linux_releases"]}))
    assert of_tenant.told(late, "macos") == before


def test_given_a_catalogue_file_that_is_switched_off_then_its_rows_are_gone(of_tenant):
    of_tenant.refreshed(TODAY)

    of_tenant.refreshed(TOMORROW, agent_releases="off")

    assert of_tenant.rows(TOMORROW, "file") == []
    assert of_tenant.rows(TOMORROW, "macos") != []


def test_given_a_second_refresh_of_the_day_in_which_a_feed_fails_then_nothing_is_lost(of_tenant, simulator):
    of_tenant.refreshed(TODAY)
    before = of_tenant.told(TODAY)
    simulator.control.fault("status", f"feeds/{ADDRESS['macos']}", status=404, times=-1)

    outcome = of_tenant.refreshed(TODAY)

    assert outcome.status is Status.PUBLISHED
    assert of_tenant.told(TODAY) == before


def test_given_a_second_refresh_of_the_day_in_which_every_feed_fails_then_the_first_one_stays(of_tenant, simulator):
    of_tenant.refreshed(TODAY)
    simulator.control.fault("status", "feeds", status=404, times=-1)

    outcome = of_tenant.refreshed(TODAY + timedelta(hours=2))

    assert (outcome.status, outcome.uri) == (Status.KEPT, None)
    assert of_tenant.lake.metadata("agent_releases", TODAY.date())["stale"] == "false"


def test_given_a_former_snapshot_that_is_damaged_then_the_one_before_is_built_on(of_tenant, simulator):
    of_tenant.refreshed(TODAY)
    of_tenant.refreshed(TOMORROW)
    file_of(of_tenant.lake, TOMORROW.date(), "agent_releases").write_bytes(b"PAR1 damaged")
    simulator.control.fault("status", "feeds", status=404, times=-1)

    outcome = of_tenant.refreshed(TOMORROW + timedelta(days=1))

    assert outcome.status is Status.KEPT
    assert of_tenant.told(TOMORROW + timedelta(days=1)) == of_tenant.told(TODAY)


# What a feed told before


def test_given_a_feed_of_the_newest_release_then_it_becomes_a_list_day_by_day(files):
    builds = ["101.26072.0001", "101.26082.0003", "101.26082.0007", "101.26092.0002"]
    for index, build in enumerate(builds):
        now = TODAY + timedelta(days=index)
        files.publish("macos", manifest(build, date=f"<string>{now:%Y-%m-%d}</string>"))
        assert files.refreshed(now).status is Status.PUBLISHED

    assert files.told(TODAY + timedelta(days=3)) == [
        (build, TODAY + timedelta(days=index)) for index, build in enumerate(builds)
    ]


def test_given_a_feed_without_dates_then_a_release_that_comes_up_is_of_that_day_and_one_that_was_there_of_any(files):
    """So that the days of grace after a release mean something."""
    files.publish("linux", packages(["101.26072.0001", "101.26082.0001"]))
    files.refreshed(TODAY)
    files.publish("linux", packages(["101.26072.0001", "101.26082.0001", "101.26092.0001"]))
    files.refreshed(TOMORROW)
    later = TOMORROW + timedelta(days=5)
    files.refreshed(later)

    assert [(row["version"], row["released_at"]) for row in files.rows(later)] == [
        ("101.26072.0001", None),
        ("101.26082.0001", None),
        ("101.26092.0001", day(TOMORROW)),
    ]


def test_given_a_month_that_is_not_over_then_its_release_is_of_the_day_it_was_first_listed_on(files):
    row = "|Linux |101.26092.0001 |November 2026 |"
    for index in range(3):
        now = TODAY + timedelta(days=index)
        files.publish("release_notes", notes(row, dated=f"{now:%m/%d/%Y}"))
        files.refreshed(now)

    assert [row["released_at"] for row in files.rows(now)] == [day(TODAY)]


def test_given_a_release_that_was_withdrawn_then_the_older_one_is_believed_only_with_leave(files):
    files.publish("macos", manifest("101.26092.0002", date="<string>2026-11-20</string>"))
    files.refreshed(TODAY)
    files.publish("macos", manifest("101.26082.0007", date="<string>2026-10-20</string>"))

    refused = files.refreshed(TOMORROW)
    kept = files.told(TOMORROW)
    allowed = files.refreshed(TOMORROW + timedelta(days=1), allow_collapse=True)

    assert refused.facts["reason"] == (
        "macos: what came is not believed: it is an old copy: agent_macos 101.26082.0007 is the newest in it, and "
        "101.26092.0002 was"
    )
    assert "DEFENDER_ALLOW_COLLAPSE" in refused.facts["what to do"]
    assert kept == [("101.26092.0002", TODAY)]
    assert allowed.status is Status.PUBLISHED
    assert [version for version, _ in files.told(TOMORROW + timedelta(days=1))] == ["101.26082.0007"]


def test_given_release_notes_that_correct_a_version_then_the_wrong_one_is_gone_and_what_is_older_stays(files):
    def row(version: str, month: str) -> str:
        return f"|Linux |{version} |{month} 2026 |"

    old, wrong, right = (
        row("101.26062.0001", "July"),
        row("101.26122.0001", "August"),
        row("101.26072.0001", "August"),
    )
    newer = row("101.26082.0001", "September")
    files.publish("release_notes", notes(newer, wrong, old, dated="11/20/2026"))
    files.refreshed(TODAY)
    files.publish("release_notes", notes(newer, right, dated="11/21/2026"))
    files.refreshed(TOMORROW)

    assert [version for version, _ in files.told(TOMORROW)] == ["101.26062.0001", "101.26072.0001", "101.26082.0001"]


def test_given_release_notes_with_few_of_their_rows_then_they_are_not_believed(files):
    rows = [f"|Linux |101.260{month}2.0001 |November 2026 |" for month in range(4, 10)]
    files.publish("release_notes", notes(*rows, dated="11/20/2026"))
    files.refreshed(TODAY)
    files.publish("release_notes", notes(*rows[:2], dated="11/21/2026"))

    outcome = files.refreshed(TOMORROW)

    assert outcome.facts["reason"] == "release_notes: the feed has 2 entries and had 6"
    assert len(files.told(TOMORROW)) == 6


def test_given_a_catalogue_file_that_was_corrected_then_the_wrong_version_is_gone(files):
    text = "updated: 2026-11-20\nfamilies: {agent_windows: [{version: 10.8979.25857.1000}, {version: 10.8760.1.1}]}"
    files.publish("agent_releases", text.encode())
    files.refreshed(TODAY)
    files.publish("agent_releases", text.replace("8979", "8797").encode())
    files.refreshed(TOMORROW)

    assert [row["release"] for row in files.rows(TOMORROW)] == ["8760", "8797"]


def test_given_years_of_security_intelligence_then_two_years_of_it_are_kept(files):
    for index in range(0, 900, 30):
        now = TODAY + timedelta(days=index)
        files.publish(
            "antivirus_versions",
            antivirus(
                engine=f"1.1.{now:%y%m}0.1",
                platform=f"4.18.{now:%y%m}0.1",
                intelligence=f"1.{460 + index // 7}.1.0",
                date=f"{now:%Y-%m-%d}",
            ),
        )
        assert files.refreshed(now).status is Status.PUBLISHED

    kept = [row["listed_at"] for row in files.rows(now) if row["component"] == "av_intelligence"]
    assert len(kept) == 25
    assert now - min(kept) <= timedelta(days=731)


def test_given_a_snapshot_of_when_the_catalogue_was_the_only_source_then_its_rows_are_kept_as_the_catalogues(files):
    text = "updated: 2026-11-20\nfamilies: {agent_windows: [{version: 10.8797.25857.1000}]}"
    files.publish("agent_releases", text.encode())
    files.refreshed(TODAY)
    metadata = files.lake.metadata("agent_releases", TODAY.date())
    flat = {name.removeprefix("file."): fact for name, fact in metadata.items() if name != "feeds"}
    rows = files.lake.read("agent_releases", TODAY.date()).drop_columns(["feed", "listed_at"])
    pa.parquet.write_table(rows.replace_schema_metadata(flat), file_of(files.lake, TODAY.date(), "agent_releases"))
    files.publish("agent_releases", None)

    outcome = files.refreshed(TOMORROW)

    assert outcome.status is Status.KEPT
    assert files.told(TOMORROW, "file") == [("10.8797.25857.1000", datetime(2026, 11, 20, tzinfo=UTC))]


def test_given_an_index_with_very_many_releases_then_the_newest_ones_are_kept(files):
    files.publish("linux", packages(f"101.26092.{build:04d}" for build in range(1_200)))
    files.refreshed(TODAY)

    kept = [version for version, _ in files.told(TODAY)]
    assert (len(kept), min(kept), max(kept)) == (1_000, "101.26092.0200", "101.26092.1199")
