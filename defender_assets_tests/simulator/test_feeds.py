"""The reference feeds have their publishers' formats and are about the tenant's own CVEs."""

import csv
import gzip
import io
import json
import plistlib
import zipfile
from xml.etree import ElementTree

import httpx
import pytest

NAMES = (
    "known_exploited_vulnerabilities.json",
    "epss_scores-current.csv.gz",
    "vulnrichment/archive/refs/heads/develop.zip",
    "defender_releases.json",
    "adlpackages.aspx",
    "MacAutoupdate/0409WDAV00.xml",
    "linux/ubuntu/24.04/prod/dists/noble/main/binary-amd64/Packages.gz",
    "defender-docs/public/defender-endpoint/microsoft-defender-endpoint-releases.md",
)


@pytest.fixture
def feed(own, fetch):
    return lambda name: fetch(f"{own.feeds_url}/{name}")


@pytest.fixture
def cves(own) -> set[str]:
    return {row["id"] for row in own.tenant.rows("vulnerabilities")}


def test_known_exploited_vulnerabilities(feed, cves):
    catalogue = feed(NAMES[0]).json()
    assert list(catalogue) == ["title", "catalogVersion", "dateReleased", "count", "vulnerabilities"]
    assert catalogue["count"] == len(catalogue["vulnerabilities"]) > 5
    for entry in catalogue["vulnerabilities"]:
        assert entry.keys() == {
            "cveID",
            "vendorProject",
            "product",
            "vulnerabilityName",
            "dateAdded",
            "shortDescription",
            "requiredAction",
            "dueDate",
            "knownRansomwareCampaignUse",
            "notes",
            "cwes",
        }
        assert entry["dateAdded"] < entry["dueDate"]
        assert entry["cveID"] in cves


def test_exploit_prediction_scores(feed, own):
    answer = feed(NAMES[1])
    assert answer.headers["content-type"] == "application/gzip"
    text = gzip.decompress(answer.content).decode()
    comment, rest = text.split("\n", 1)
    assert comment == "#model_version:v2025.03.14,score_date:2026-11-23T12:55:00Z"
    scores = {row["cve"]: row for row in csv.DictReader(io.StringIO(rest))}
    listed = {row["id"]: row["epss"] for row in own.tenant.rows("vulnerabilities")}
    assert {cve: float(row["epss"]) for cve, row in scores.items()} == {
        cve: epss for cve, epss in listed.items() if epss is not None
    }
    assert all(0 < float(row["percentile"]) <= 1 for row in scores.values())


def test_vulnrichment_as_the_archive(feed, cves):
    archive = zipfile.ZipFile(io.BytesIO(feed(NAMES[2]).content))
    names = [name for name in archive.namelist() if name.endswith(".json")]
    assert len(names) > 50
    judged = set()
    for name in names:
        record = json.loads(archive.read(name))
        container = next(adp for adp in record["containers"]["adp"] if adp["title"] == "CISA ADP Vulnrichment")
        content = next(m["other"]["content"] for m in container["metrics"] if m["other"]["type"] == "ssvc")
        options = {key: value for option in content["options"] for key, value in option.items()}
        assert options["Exploitation"] in ("none", "poc", "active")
        assert options["Automatable"] in ("yes", "no")
        assert options["Technical Impact"] in ("partial", "total")
        judged.add(record["cveMetadata"]["cveId"])
    assert judged < cves, "some CVEs are not judged yet"


def test_the_release_catalogue(feed):
    catalogue = feed(NAMES[3]).json()
    assert catalogue["families"].keys() == {"agent_windows", "agent_macos", "agent_linux", "av_engine", "av_platform"}
    for releases in catalogue["families"].values():
        assert [r["release"] for r in releases] == sorted((r["release"] for r in releases), key=int, reverse=True)
        assert [r["released"] for r in releases] == sorted((r["released"] for r in releases), reverse=True)
        assert all(release["release"] in release["version"] for release in releases)
        assert releases[0]["released"] <= "2026-11-23"


def test_antivirus_versions_are_the_newest_that_devices_run(feed, own):
    answer = feed(f"{NAMES[4]}?action=info")
    assert answer.headers["content-type"] == "text/xml"
    document = ElementTree.fromstring(answer.content)
    assert (document.tag, [element.tag for element in document]) == ("versions", ["engine", "platform", "signatures"])
    windows = [row for row in own.tenant.rows("av_health") if row["osKind"] == "windows"]
    for element, member in (("engine", "avEngineVersion"), ("platform", "avPlatformVersion")):
        run = {tuple(map(int, row[member].split("."))) for row in windows if row[member].count(".") == 3}
        assert max(run) == tuple(map(int, document.findtext(element, "").split(".")))
    newest = tuple(map(int, document.findtext("signatures", "").split(".")))
    intelligence = {tuple(map(int, row["avSignatureVersion"].split("."))) for row in windows}
    assert max(intelligence) < newest
    assert document.find("signatures").attrib == {"date": "2026-11-23 13:04:05Z"}


def test_intelligence_is_newer_the_later_it_was_published(own):
    windows = [row for row in own.tenant.rows("av_health") if row["osKind"] == "windows"]
    published = sorted((row["avSignaturePublishTime"][:19], row["avSignatureVersion"]) for row in windows)
    versions = [tuple(map(int, version.split("."))) for _, version in published]
    assert len(set(versions)) > 10
    assert versions == sorted(versions)


def test_the_manifest_for_macos_is_a_property_list_of_the_newest_release(feed, own):
    updates = plistlib.loads(feed(NAMES[5]).content)
    newest = own.tenant.releases.agent_macos[0]
    assert {update["Update Version"] for update in updates} == {newest.version}
    assert {update["Date"].date() for update in updates} == {newest.released}
    assert [update.get("Baseline Version") for update in updates] == [None, own.tenant.releases.agent_macos[1].version]


def test_the_package_indexes_list_every_release_and_one_of_a_preview_ring(feed, own):
    text = gzip.decompress(feed(NAMES[6]).content).decode()
    stanzas = [
        dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line) for stanza in text.split("\n\n")
    ]
    versions = [stanza["Version"] for stanza in stanzas if stanza["Package"] == "mdatp"]
    released = [release.version for release in own.tenant.releases.catalogue()["agent_linux"]]
    assert versions == [*reversed(released), "101.26112.0001-insiderfast"]
    assert {stanza["Package"] for stanza in stanzas} > {"mdatp"}


def test_the_release_notes_have_a_row_and_a_section_for_each_release(feed, own):
    page = feed(NAMES[7]).text
    assert "ms.date: 11/23/2026" in page
    releases = own.tenant.releases
    assert f"|Windows |{releases.agent_windows[0].version} |October 2026 |" in page
    assert f"### macOS | November-2026 | {releases.agent_macos[0].version}" in page
    pair = f"Platform {releases.av_platform[0].version} / Engine {releases.av_engine[0].version}"
    assert f"|Windows Antivirus |{pair} |November 2026 |" in page


def test_release_feeds_are_of_the_tenants_present_time(feed, own):
    own.control.advance(days=3)
    assert '"2026-11-26 13:04:05Z"' in feed(NAMES[4]).text
    assert "ms.date: 11/26/2026" in feed(NAMES[7]).text


def test_release_feeds_can_be_old_absurd_and_bombs_each_alone(feed, own):
    own.control.fault("feed_stale", f"feeds/{NAMES[4]}")
    assert '"2026-09-24 15:04:05Z"' in feed(NAMES[4]).text
    own.control.fault("feed_jump", f"feeds/{NAMES[5]}")
    assert {update["Update Version"] for update in plistlib.loads(feed(NAMES[5]).content)} == {"101.31112.0007"}
    own.control.fault("feed_bomb", f"feeds/{NAMES[6]}", mebibytes=3)
    answer = feed(NAMES[6])
    assert len(answer.content) < 20_000
    assert len(gzip.decompress(answer.content)) == 3 * 2**20
    own.control.fault("redirect", f"feeds/{NAMES[7]}", target="http://mirror.example.com")
    assert feed(NAMES[7]).headers["location"] == f"http://mirror.example.com/feeds/{NAMES[7]}"
    assert own.control.faults() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_feed_that_has_not_changed_need_not_be_sent_again(name, own, fetch, feed):
    answer = feed(name)
    again = httpx.get(
        f"{own.feeds_url}/{name}", headers={"If-None-Match": answer.headers["etag"]}, verify=own.ssl_context
    )
    assert (again.status_code, again.content) == (304, b"")


def test_feeds_fail_too_and_a_bearer_there_is_noted(own, own_api, feed):
    own.control.fault("status", "feeds", status=503)
    assert feed(NAMES[0]).status_code == 503
    own.control.fault("truncated", "feeds")
    with pytest.raises(json.JSONDecodeError):
        feed(NAMES[0]).json()
    assert feed("nothing.json").status_code == 404
    own_api.get(f"/feeds/{NAMES[0]}")
    assert [violation["kind"] for violation in own.control.violations()] == ["bearer_at_feed"]
