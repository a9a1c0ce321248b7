"""Feeds as their publishers write them, small: the bytes that tests put on disk or on the wire."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

COMMIT = "b0ed758328f47f66438cb04396547b293a18511d"
COMMITTED_AT = datetime(2026, 3, 1, 22, 13, 24, tzinfo=UTC)


def kev_entry(cve: str = "CVE-2026-1001", **changes: Any) -> dict[str, Any]:
    """An entry by CISA's schema; a change to None leaves the member out."""
    entry = {
        "cveID": cve,
        "vendorProject": "Contoso",
        "product": "Gateway",
        "vulnerabilityName": "Contoso Gateway Path Traversal Vulnerability",
        "dateAdded": "2026-02-03",
        "shortDescription": "Contoso Gateway contains a path traversal vulnerability.",
        "requiredAction": "Apply mitigations per vendor instructions.",
        "dueDate": "2026-02-24",
        "knownRansomwareCampaignUse": "Known",
        "forensicTriage": "No",
        "notes": "https://example.com/advisory",
        "cwes": ["CWE-22", "CWE-436"],
    } | changes
    return {member: value for member, value in entry.items() if value is not None}


def kev(entries: Iterable[Any] = (), **changes: Any) -> bytes:
    listed = list(entries)
    document = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": "2026.03.01",
        "dateReleased": "2026-03-01T17:04:19.9796Z",
        "count": len(listed),
        "vulnerabilities": listed,
    } | changes
    return json.dumps({member: value for member, value in document.items() if value is not None}).encode()


def many_kev(count: int) -> bytes:
    return kev(kev_entry(f"CVE-2026-{10_000 + number}") for number in range(count))


def epss(*lines: str, first: str = "#model_version:v2025.03.14,score_date:2026-03-02T12:55:00Z") -> bytes:
    return gzip.compress("\n".join([first, "cve,epss,percentile", *lines, ""]).encode(), mtime=0)


def cve_record(cve: str, *, metrics: Any = None, provider: str = "CISA-ADP", **decision: Any) -> dict[str, Any]:
    """A CVE record (5.x) with the container that Vulnrichment adds."""
    options = [
        {name: decision.get(member, usual)}
        for name, member, usual in (
            ("Exploitation", "exploitation", "poc"),
            ("Automatable", "automatable", "yes"),
            ("Technical Impact", "technical_impact", "total"),
        )
        if decision.get(member, usual) is not None
    ]
    content = {
        "id": cve,
        "role": "CISA Coordinator",
        "options": options,
        "version": "2.0.3",
        "timestamp": decision.get("timestamp", "2026-02-07T14:33:43.942338Z"),
    }
    if metrics is None:
        metrics = [{"cvssV3_1": {"baseScore": 7.8}}, {"other": {"type": "ssvc", "content": content}}]
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.2",
        "cveMetadata": {"cveId": cve, "state": "PUBLISHED"},
        "containers": {
            "cna": {"title": "<script>alert(1)</script>"},
            "adp": [
                {"title": "CVE Program Container", "providerMetadata": {"shortName": "CVE"}},
                {"title": "CISA ADP Vulnrichment", "metrics": metrics, "providerMetadata": {"shortName": provider}},
            ],
        },
    }


def record_path(cve: str) -> str:
    _, year, number = cve.split("-")
    return f"vulnrichment-develop/{year}/{number[:-3]}xxx/{cve}.json"


def record_files(*records: dict[str, Any]) -> dict[str, bytes]:
    """Path in the archive -> content, as the repository has them."""
    files = {"vulnrichment-develop/README.md": b"# CISA Vulnrichment\n"}
    return files | {record_path(r["cveMetadata"]["cveId"]): json.dumps(r).encode() for r in records}


def tar_gz(files: dict[str, bytes], *, commit: str | None = COMMIT) -> bytes:
    """As ``git archive`` and GitHub make it: the commit in a global header, its time on every member."""
    packed = io.BytesIO()
    headers = {"comment": commit} if commit else {}
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), int(COMMITTED_AT.timestamp())
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zipped(files: dict[str, bytes], *, commit: str | None = COMMIT) -> bytes:
    """The same as zip: the commit as comment, its time in the extended timestamp."""
    packed = io.BytesIO()
    stamp = b"UT\x05\x00\x01" + int(COMMITTED_AT.timestamp()).to_bytes(4, "little")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0))
            member.compress_type, member.extra = zipfile.ZIP_DEFLATED, stamp
            archive.writestr(member, content)
        archive.comment = (commit or "").encode()
    return packed.getvalue()


RELEASES = """
updated: 2026-03-01
source: https://learn.microsoft.com/en-us/defender-endpoint/microsoft-defender-endpoint-releases
families:
  agent_windows:
    - {version: 10.8797.25857.1000, released: 2025-05-28}
  agent_macos:
    - {version: 101.26012.0017, released: 2026-03}
  agent_linux:
    - {version: 30.126021.2.0}
  av_engine:
    - {version: 1.1.26010.1, release: 26010, released: 2026-01-20, source: "https://example.com/engine"}
  av_platform:
    - {version: 4.18.26010.5, release: "26010"}
"""
