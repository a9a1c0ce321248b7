"""The reference feeds have their publishers' formats and are about the tenant's own CVEs."""

import csv
import gzip
import io
import json
import zipfile

import httpx
import pytest

NAMES = (
    "known_exploited_vulnerabilities.json",
    "epss_scores-current.csv.gz",
    "vulnrichment/archive/refs/heads/develop.zip",
    "defender_releases.json",
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
