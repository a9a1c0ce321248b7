"""Where something is missing, the report says so and stays readable."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import TABLES
from defender_assets.compliance import InputMissing, Policy
from defender_assets.lake import Lake, UnreadableSnapshot
from defender_assets.refresh.context import RefreshContext
from defender_assets.refresh.report import ReportRefresh, report_partitions
from defender_assets.report import Report
from defender_assets.report.formatting import Change
from defender_assets.report.snapshot import open_snapshot
from defender_assets.report.tiles import tiles
from defender_assets.report.trend import FleetSummary, Trend
from defender_assets.settings import Settings

from ..lake.things import file_of
from .days import ENGINE, OF_A_FORMER_DAY, store
from .fleet import DAY, DEFAULT, NOON, Fleet, reported
from .pages import Page, data_of


def small_fleet() -> Fleet:
    fleet = Fleet()
    fleet.device("a")
    fleet.device("b")
    fleet.finding("a", "CVE-2026-0001", overdue=3)
    fleet.antivirus("a")
    fleet.control("a", "scid-2012", False)
    fleet.known_exploited("CVE-2026-0001", date(2026, 12, 1))
    return fleet


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Lake:
    """The small fleet, for tests that only read; others take a copy."""
    lake = Lake(tmp_path_factory.mktemp("judged") / "lake")
    small_fleet().into(lake)
    return lake


@pytest.fixture(scope="module")
def described_by(judged) -> Callable[[str], Page]:
    """The page of the small fleet, with a policy of that name."""
    return cache(lambda preset: Page(reported(judged, policy=Policy.load(preset)).html))


@pytest.fixture(scope="module")
def judged_without(tmp_path_factory) -> Callable[[str], Report]:
    """The report of the small fleet, judged while an input was absent."""

    def report(table: str) -> Report:
        lake = Lake(tmp_path_factory.mktemp(table) / "lake")
        small_fleet().into(lake, without=(table,))
        return reported(lake)

    return cache(report)


@pytest.fixture(scope="module")
def page_without(judged, tmp_path_factory) -> Callable[[str], Page]:
    """The page of the small fleet, from which a derived table was taken."""

    def page(table: str) -> Page:
        lake = Lake(shutil.copytree(judged.root, tmp_path_factory.mktemp(table) / "copy"))
        file_of(lake, DAY, table).unlink()
        return Page(reported(lake).html)

    return cache(page)


def opened_rows(html: bytes, topic: str, heading: str) -> list[object]:
    """A column of a table that the devices of the page's lists open to."""
    data = data_of(html)
    (number,) = (number for number, each in enumerate(data["topics"]) if each["title"] == topic)
    place = [column["heading"] for column in data["topics"][number]["columns"]].index(heading)
    return [row[place] for device in data["details"] for row in device[number]["rows"]]


def test_an_empty_tenant(lake):
    Fleet().into(lake, empty=True)
    report = reported(lake)
    page = Page(report.html)
    assert "The tenant has no device: there is nothing to judge." in page.text
    assert "No trend" in page.sections["trend"].text
    assert "no agent is judged" in page.sections["agents"].text
    assert report.facts["Patch compliant"] == "– · 0 of 0 eligible devices"
    assert report.thumbnail_png.startswith(b"\x89PNG")


def test_a_day_on_which_nobody_is_eligible(lake):
    fleet = Fleet()
    fleet.device("a", silent=50)
    fleet.finding("a", "CVE-2026-0001", overdue=3)
    fleet.device("b", onboarding_status="CanBeOnboarded")
    fleet.into(lake)
    page = Page(reported(lake).html)
    assert "None of the 2 machine records is eligible: there is nothing to judge." in page.text
    assert "No device is eligible on this day" in page.sections["patches"].text
    assert page.sections["population"].column("records")["eligible"] == "0"
    assert {row[0] for row in page.sections["population"].rows(1)} == {"a", "b"}


def test_the_first_day_has_no_trend_and_says_so(described_by):
    page = described_by("default")
    assert "This is the first day in the lake: there is nothing to compare it with yet." in page.text
    assert "is the only day up to now" in page.sections["trend"].text


@pytest.mark.parametrize("table", sorted(set(small_fleet().rows) - {"machines"}))
def test_an_absent_input_is_named(judged_without, table):
    page = Page(judged_without(table).html)
    states = {row[1]: row[-1] for row in page.sections["inputs"].rows()}
    assert states[table].startswith("absent")
    assert f" {table}" in page.text
    assert "Absent inputs:" in page.text


def _shares(report: Report) -> dict[str, float]:
    """The tiles that are shares, in percent; a dash is left out."""
    return {
        title: float(text.partition("\xa0%")[0])
        for title, text in report.facts.items()
        if text[0].isdigit() and "\xa0%" in text.split(" · ")[0]
    }


def configured_fleet() -> Fleet:
    """Four Windows devices: one with nothing wrong, one with old intelligence, one that fails a required control, one
    whose antivirus reports nothing."""
    fleet = Fleet()
    for device in "abcd":
        fleet.device(device)
        fleet.control(device, "scid-2012", device != "c")
        fleet.control(device, "scid-2016", True)
    for device, published in (("a", 1), ("b", 9), ("c", 1)):
        fleet.antivirus(device, published=published)
    fleet.released("av_engine", "26080", feed="antivirus_versions")
    return fleet


@pytest.fixture(scope="module")
def shares_of_configured(tmp_path_factory) -> dict[str, float]:
    lake = Lake(tmp_path_factory.mktemp("configured") / "lake")
    configured_fleet().into(lake)
    return _shares(reported(lake))


@pytest.mark.parametrize(
    ("table", "lost", "tile"),
    [
        ("av_health", lambda row: None, "Intelligence up to date"),
        ("av_health", lambda row: row if row["machine_id"] != "b" else None, None),
        ("av_health", lambda row: row | {"av_signature_publish_time": None}, None),
        ("av_health", lambda row: row | {"av_engine_version": None}, None),
        (
            "av_health",
            lambda row: row | {"av_signature_data_refresh_time": None, "data_refresh_timestamp": None},
            "Intelligence up to date",
        ),
        ("secure_configuration", lambda row: None, "Configuration compliant"),
        ("secure_configuration", lambda row: row if row["device_id"] != "c" else None, None),
        ("secure_configuration", lambda row: row | {"is_applicable": None}, None),
        ("agent_releases", lambda row: None, None),
    ],
)
def test_no_share_rises_by_what_is_missing(lake, shares_of_configured, table, lost, tile):
    before = shares_of_configured
    assert before["Agent compliant"] == before["Intelligence up to date"] == 50.0
    assert before["Configuration compliant"] == 75.0
    fleet = configured_fleet()
    fleet.rows[table] = [kept for row in fleet.rows[table] if (kept := lost(row)) is not None]
    fleet.into(lake, without=() if fleet.rows[table] else (table,))
    report = reported(lake)
    after = _shares(report)
    assert all(after.get(title, 0) <= share for title, share in before.items())
    # a number of which nothing is known is a dash, not a zero
    if tile:
        assert report.facts[tile].startswith("– · not known")


def test_without_the_kev_catalogue_its_numbers_are_unknown_rather_than_zero(judged_without, tmp_path):
    report = judged_without("kev")
    assert report.facts["Known exploited, overdue"] == "– · the KEV catalogue was absent or too old"
    page = Page(report.html)
    assert "cannot be said: CISA's KEV catalogue was absent" in page.sections["exploited"].text
    assert opened_rows(report.html, "Open findings by product", "known exploited") == [None]
    # and no device looks better for it: what the catalogue could make overdue leaves its device undecided
    fleet = small_fleet()
    fleet.finding("b", "CVE-2026-0002", overdue=-1)
    lake = Lake(tmp_path / "lake")
    fleet.into(lake, without=("kev",))
    report = reported(lake)
    assert report.facts["Patch compliant"].startswith("0\xa0% · 0 of 2 eligible devices; 1 not known")
    assert "(50.0\xa0% or more)" in report.facts["Overdue findings"]
    page = Page(report.html)
    assert "At least 1 of 2 open findings is overdue, 1 of them critical or high; of 1 it is not known." in page.text
    assert "At least 1 of 2 open findings on eligible devices (50.0 % or more)" in page.sections["overdue"].text
    assert (
        "1 finding is neither overdue nor known not to be, and its device is not called compliant: the KEV catalogue"
        in (Page(report.html).text)
    )


@pytest.mark.parametrize(
    ("undecided", "overdue", "sense"),
    [
        # by day, the earlier first: what is undecided (not told by an older version), and what is overdue
        ((0, 0), (2, 1), "better"),
        ((0, 1), (2, 1), "same"),
        ((1, 0), (2, 1), "same"),
        ((None, 0), (2, 1), "same"),
        ((0, None), (2, 1), "same"),
        ((0, 1), (1, 2), "worse"),
        ((1, 1), (1, 2), "same"),
    ],
)
def test_fewer_overdue_findings_are_no_better_where_some_are_undecided(judged, undecided, overdue, sense):
    with open_snapshot(judged, DAY, report_partitions(judged, DAY), engine=ENGINE) as snapshot:
        summary = snapshot.one(FleetSummary, "fleet_summary")
    days = (DAY - timedelta(days=7), DAY)
    summaries = (
        replace(summary, undecided_findings=unknown, overdue_findings=late, kev_overdue_findings=late)
        for unknown, late in zip(undecided, overdue, strict=True)
    )
    trend = Trend(tuple(zip(days, summaries, strict=True)), days[0])
    changes = {tile.title: tile.change for tile in tiles(trend)}
    change = Change("▼\xa0−1" if overdue == (2, 1) else "▲\xa0+1", sense)
    assert changes["Overdue findings"] == changes["Known exploited, overdue"] == change


@pytest.mark.parametrize(
    ("table", "section"),
    [
        ("patch_compliance", "patches"),
        ("patch_findings", "overdue"),
        ("software_exposure", "products"),
        ("patch_findings", "exploited"),
        ("agent_compliance", "agents"),
        ("agent_compliance", "antivirus"),
        ("policy_compliance", "configuration"),
        ("verdict_reasons", "reasons"),
        ("remediation_times", "remediation"),
        ("device_identity", "population"),
    ],
)
def test_without_a_derived_table_its_section_says_so_and_the_rest_stays(page_without, table, section):
    page = page_without(table)
    assert (
        "not in the lake for this day" in page.sections[section].text or "cannot be said" in page.sections[section].text
    )
    assert f"Not computed on this day: {TABLES[table].title}" in page.text
    assert page.sections["population"].column("records")["eligible"] == "2"


def test_without_some_verdicts_no_device_is_called_compliant(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    for table in ("agent_compliance", "verdict_reasons"):
        file_of(lake, DAY, table).unlink()
    reasons = Page(reported(lake).html).sections["reasons"]
    assert "Which devices' agents are noncompliant is not known: agent_compliance is not in the lake" in reasons.text
    assert "The reasons are not known: verdict_reasons is not in the lake" in reasons.text
    assert "Noncompliant in patches or configuration: 1 device." in reasons.text
    for table in ("patch_compliance", "policy_compliance"):
        file_of(lake, DAY, table).unlink()
    text = Page(reported(lake).html).sections["reasons"].text
    assert "Which devices' patches are noncompliant is not known" in text
    assert "No device is" not in text


def test_users_whose_devices_or_rights_are_not_known_are_not_counted_as_none(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    file_of(lake, DAY, "devices").unlink()
    # as they are where no device was judged, and the service says nothing of their rights
    rows = [{"user_id": "contoso\\jo", "devices": 1, "device_ids": ["a"]}]
    users = pa.Table.from_pylist(rows, schema=TABLES["users"].schema)
    with lake.writing(TABLES["users"], DAY, {}) as partition:
        partition.write(users)
        partition.publish()
    text = Page(reported(lake).html).sections["users"].text
    assert "1 user is known to have logged on." in text
    assert "How many of them have a device that is not patch compliant is not known." in text
    assert "How many of them are domain administrators is not known." in text
    assert "How many devices have a known user is not known." in text


def test_what_is_left_out_on_purpose_is_a_note_and_no_warning(tmp_path):
    lake = Lake(tmp_path / "lake")
    small_fleet().into(lake, without=("secure_configuration",))
    settings = Settings.load(datasets="!secure_configuration")
    context = RefreshContext(lake, settings, DAY, client=lambda: pytest.fail("no client is needed"))
    (outcome,) = ReportRefresh().publish([DAY], context)
    text = Page(Path(outcome.uri).read_bytes()).text
    assert "secure_configuration (not chosen by DEFENDER_DATASETS)" in text
    assert "policy_compliance (what it is made from is left out)" in text
    # the users are missed, because nobody said that they are to be done without
    assert re.findall(r"Not computed on this day: [^.]*", text) == ["Not computed on this day: Users"]
    assert "secure_configuration" not in "".join(re.findall(r"Absent inputs: [^.]*", text))


def without_findings(lake: Lake) -> Page:
    """The page of the small fleet whose application may read neither findings nor the configuration."""
    small_fleet().into(lake, without=("software_vulnerabilities", "secure_configuration"))
    noted = {"reason": "missing_role", "sentence": "the application does not have the role Vulnerability.Read.All."}
    for table in ("software_vulnerabilities", "secure_configuration"):
        lake.put_note(table, "absent", noted)
    context = RefreshContext(lake, Settings.load(), DAY, client=lambda: pytest.fail("no client is needed"))
    (outcome,) = ReportRefresh().publish([DAY], context)
    return Page(Path(outcome.uri).read_bytes())


def test_without_findings_patch_compliance_is_unknown_and_nothing_is_called_good(lake):
    # given a fleet of which on the first day nothing was overdue, and no finding could be read on the second
    former = Fleet(NOON - timedelta(days=7))
    former.device("a")
    former.finding("a", "CVE-2026-0001")
    day = former.into(lake, derived=OF_A_FORMER_DAY)
    # (retention has removed what was fetched then, so nobody counts on it)
    for table in ("software_vulnerabilities", "secure_configuration"):
        file_of(lake, day, table).unlink()
    page = without_findings(lake)
    # then the page says so at its head and where patch compliance would stand, with the role that is lacking
    lacking = "the application lacks the role Vulnerability.Read.All"
    assert f"Patch compliance is unknown on this day: patch_findings is absent ({lacking})" in page.text
    assert "Whether the 2 eligible devices are patch compliant is not known." in page.text
    assert f"Which devices are patch compliant is not known: patch_compliance is left out ({lacking})" in page.text
    # and no number of findings or of patched devices is there, neither 0 nor 100 %
    facts = reported(lake).facts
    for title in ("Compliant in all", "Patch compliant", "Overdue findings", "Known exploited, overdue"):
        assert facts[title].startswith("– · not known"), title
    for section in ("overdue", "exploited"):
        assert "absent" in page.sections[section].text
        assert "No finding" not in page.sections[section].text
    assert "No finding was overdue on the days of which it is known." in page.sections["trend"].text
    # what does not depend on findings is as it was
    assert facts["Agent compliant"] == reported_agents(lake)
    assert page.sections["population"].column("records")["eligible"] == "2"


def reported_agents(lake: Lake) -> str:
    """The tile about agents of the same fleet with its findings."""
    small_fleet().into(lake)
    return reported(lake).facts["Agent compliant"]


def test_a_day_that_was_not_judged_has_no_report(judged):
    day = DAY + timedelta(days=1)
    context = RefreshContext(judged, Settings.load(), day, client=lambda: pytest.fail("no client is needed"))
    with pytest.raises(InputMissing, match="fleet_summary"):
        ReportRefresh().publish([day], context)


def test_a_damaged_table_is_named(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    file_of(lake, DAY, "patch_findings").write_bytes(b"PAR1 no more PAR1")
    with pytest.raises(UnreadableSnapshot, match="patch_findings"):
        reported(lake)


def test_judged_by_another_policy_than_the_one_described(described_by):
    legacy = Policy.load("cisa-bod-19-02")
    page = described_by("cisa-bod-19-02")
    assert f"judged by another policy than the one described below: default ({DEFAULT.digest})" in page.text
    assert "is legacy: its owner has withdrawn the rules it follows" in page.text
    assert "legacy: withdrawn by its owner" in page.sections["policy"].text
    assert legacy.digest in page.sections["policy"].text


@pytest.mark.parametrize("preset", Policy.presets())
def test_every_preset_can_be_described(described_by, preset):
    policy = Policy.load(preset)
    page = described_by(preset)
    assert policy.name in page.sections["policy"].text
    assert ("judged by another policy" in page.text) == (policy.digest != DEFAULT.digest)


def test_exemptions_are_listed_and_expired_ones_marked(lake, tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_text(
        """
name: ours
title: Ours
exemptions:
  - {id: EX-1, reason: "<b>spring</b>", approved_by: Jo Doe, owner: plant, expires: 2026-12-31, cves: CVE-2026-0001}
  - {id: EX-2, reason: over, approved_by: Jo Doe, expires: 2026-01-31, cves: CVE-2026-0002}
  - {id: EX-3, reason: soon over, approved_by: Jo Doe, expires: 2026-09-20, cves: CVE-2026-0003}
"""
    )
    policy = Policy.load(file)
    small_fleet().into(lake, policy=policy)
    section = Page(reported(lake, policy=policy).html).sections["policy"]
    assert section.rows() == [
        ["EX-1", "<b>spring</b>", "Jo Doe", "plant", "1", "2026-12-31", ""],
        ["EX-2", "over", "Jo Doe", "–", "0", "2026-01-31", "expired"],
        ["EX-3", "soon over", "Jo Doe", "–", "0", "2026-09-20", f"{(date(2026, 9, 20) - DAY).days} days left"],
    ]
    assert "1 open finding is exempt" in section.text


def test_former_days_under_another_policy_are_counted(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    former = Fleet(NOON - timedelta(days=3))
    former.device("a")
    former.into(lake, policy=Policy.load("cis-v8.1"), derived=OF_A_FORMER_DAY)
    page = Page(reported(lake).html)
    assert "1 former day of the trend was judged by another policy" in page.text
    assert f"Since {DAY} another policy judges: default ({DEFAULT.digest}) in place of cis-v8.1" in page.text
    assert "Another policy judged on that day" in page.text


def test_a_part_of_the_tenant_is_named_with_what_is_out_of_it(judged, tmp_path):
    # given three days: the whole tenant twice, then a part of it whose tag tries to be markup
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    for back in (3, 6):
        former = Fleet(NOON - timedelta(days=back))
        former.device("a")
        former.into(lake, derived=OF_A_FORMER_DAY)
    file = file_of(lake, DAY, "fleet_summary")
    summary = pq.read_table(file, partitioning=None)
    values = {"fleet_scope": "devices tagged <script>", "machines_out_of_scope": 7, "findings_out_of_scope": 1_200}
    for name, value in values.items():
        place = summary.schema.get_field_index(name)
        field = summary.schema.field(place)
        summary = summary.set_column(place, field, pa.array([value], field.type))
    pq.write_table(summary, file)
    html = reported(lake).html
    page = Page(html)
    # then the page says so at its top, in every denominator, and where the trend has a step
    named = "This is about a part of the tenant: devices tagged <script>. The scope leaves out 7 machine records and"
    assert named in page.text
    assert html.count(b"<script") == 2  # its own
    summary = "Only a part of the tenant is judged: devices tagged <script>; 7 machine records are out of scope"
    compliant = page.text.index("are patch compliant")
    assert page.text.index("Compliance report") < page.text.index(named) < page.text.index(summary) < compliant
    assert page.text.count("This is about a part of the tenant") == 1
    assert page.text.count("7 more out of scope") == 2
    assert "1,200 rows out of scope" in page.text
    assert "7 machine records are out of scope, and counted nowhere" in page.text
    assert "Devices out of the scope are used for two decisions only: which release is the newest" in page.text
    assert "is inferred from what the fleet, devices out of the scope included, runs" in page.text
    assert "2 former days of the trend are about another part of the tenant" in page.text
    assert f"Since {DAY} these numbers are about devices tagged <script> in place of the whole tenant" in page.text
    assert "That day is about another part of the tenant" in page.text
    # and given a file of machines that does not tell of those left out, it does not say that they were looked at
    file = file_of(lake, DAY, "machines")
    machines = pq.read_table(file, partitioning=None)
    pq.write_table(machines.replace_schema_metadata({**(machines.schema.metadata or {}), "scope": "a tag"}), file)
    text = Page(reported(lake).html).text
    assert "What the devices out of the scope run is not known, so no agent and no antivirus is called" in text
    assert "A record whose later record is out of the scope may count as a device of its own" in text
    assert "is inferred from what the fleet, devices out of the scope not included, runs" in text
    assert "two decisions" not in text


def test_a_policy_edited_under_its_name_is_marked_on_the_trend(judged, tmp_path):
    # given a former day that was judged before the policy was edited, and one of an older version that kept no digest
    edited = tmp_path / "default.yaml"
    edited.write_text("name: default\npatch: {severity_days: {critical: 1}}\n")
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    for back in (3, 6):
        former = Fleet(NOON - timedelta(days=back))
        former.device("a")
        former.into(lake, policy=Policy.load(edited), derived=OF_A_FORMER_DAY)
    file = file_of(lake, DAY - timedelta(days=6), "fleet_summary")
    pq.write_table(pq.read_table(file, partitioning=None).drop_columns(["policy_digest"]), file)
    # then the day of the change is named and drawn, and the day without a digest tells nothing
    html = reported(lake).html
    page = Page(html)
    assert page.text.count("another policy judges:") == 1
    assert f"default ({DEFAULT.digest}) in place of default ({Policy.load(edited).digest})" in page.text
    assert "1 former day of the trend was judged by another policy" in page.text
    assert b">other policy<" in html


def test_old_and_kept_inputs_are_named(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    fleet = small_fleet()
    for row in fleet.rows["av_health"]:
        row["observed_at"] = NOON - timedelta(days=4)
    store(lake, DAY, "av_health", pa.Table.from_pylist(fleet.rows["av_health"], schema=TABLES["av_health"].schema))
    facts = {
        "observed_at": NOON.isoformat(),
        "fetched_at": (NOON - timedelta(days=1)).isoformat(),
        "stale": "true",
        "reason": "the address did not answer",
    }
    with lake.writing(TABLES["kev"], DAY, facts) as partition:
        partition.write(pa.Table.from_pylist(fleet.rows["kev"], schema=TABLES["kev"].schema))
        partition.publish()
    page = Page(reported(lake).html)
    assert "Antivirus health (av_health) was 4 days old when judged; the policy's limit is 2 days." in page.text
    assert "(kev): older rows were kept, because the address did not answer." in page.text
    states = {row[1]: (row[4], row[-1]) for row in page.sections["inputs"].rows()}
    assert states["av_health"] == ("4 days", "older than the limit")
    assert states["kev"] == ("24 hours", "older rows kept")
    assert states["machines"] == ("under a minute", "fresh")


def test_the_feeds_of_an_input_that_has_several_are_named_each_with_its_age(judged, tmp_path):
    lake = Lake(shutil.copytree(judged.root, tmp_path / "copy"))
    facts = {
        "observed_at": NOON.isoformat(),
        "fetched_at": NOON.isoformat(),
        "stale": "true",
        "reason": "macos: officecdnmac.microsoft.com answered 503",
        "feeds": "macos, linux",
        "macos.source": "https://officecdnmac.microsoft.com/MacAutoupdate/0409WDAV00.xml",
        "macos.fetched_at": (NOON - timedelta(days=3)).isoformat(),
        "macos.stale": "true",
        "macos.reason": "officecdnmac.microsoft.com answered 503",
        "linux.source": "file:Packages.gz",
        "linux.fetched_at": NOON.isoformat(),
        "linux.stale": "false",
    }
    release = {"component": "agent_macos", "release": "2610", "version": "101.26102.0007", "feed": "macos"}
    schema = TABLES["agent_releases"].schema
    with lake.writing(TABLES["agent_releases"], DAY, facts) as partition:
        partition.write(pa.Table.from_pylist([release | {"listed_at": NOON, "observed_at": NOON}], schema=schema))
        partition.publish()

    page = Page(reported(lake).html)

    rows = {row[0]: row for row in page.sections["inputs"].rows()}
    assert rows["– macos"][1] == "https://officecdnmac.microsoft.com/MacAutoupdate/0409WDAV00.xml"
    assert rows["– macos"][-1] == "older rows kept officecdnmac.microsoft.com answered 503"
    assert rows["– linux"][-1] == "read"
    assert rows["Defender releases"][-1] == "older rows kept"
