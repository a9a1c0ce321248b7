"""The public reference feeds about the tenant's vulnerabilities, in their publishers' formats.

Here: CISA's Known Exploited Vulnerabilities (JSON), FIRST's EPSS scores (gzip CSV), CISA's Vulnrichment (CVE records
with SSVC decisions, as the archive that GitHub serves), the release catalogue. Not here: serving them.

Formats: https://www.cisa.gov/known-exploited-vulnerabilities-catalog, https://www.first.org/epss/data_stats,
https://github.com/cisagov/vulnrichment.
"""

import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from .cves import PLACEHOLDER, Cve, CveCatalog
from .formats import Row, iso_seconds
from .releases import Releases

_CISA_ORG = "134c704f-9b21-4f2e-91b3-4a467353bcc0"
_ARCHIVE_ROOT = "vulnrichment-develop"
_ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)


class Feeds:
    """The feeds as of the tenant's time."""

    def __init__(self, cve_catalog: CveCatalog, releases: Releases) -> None:
        self.cve_catalog = cve_catalog
        self.releases = releases

    def known_exploited(self, as_of: datetime) -> dict[str, Any]:
        """The KEV catalogue of the tenant's CVEs, as published at ``as_of``."""
        entries = [self._kev_entry(cve) for cve in self.cve_catalog.cves if cve.kev_added]
        entries.sort(key=lambda entry: (entry["dateAdded"], entry["cveID"]), reverse=True)
        return {
            "title": "CISA Catalog of Known Exploited Vulnerabilities",
            "catalogVersion": f"{as_of:%Y.%m.%d}",
            "dateReleased": f"{iso_seconds(as_of)}.1234Z",
            "count": len(entries),
            "vulnerabilities": entries,
        }

    @staticmethod
    def _kev_entry(cve: Cve) -> dict[str, Any]:
        if cve.kev_added is None or cve.kev_due is None:
            raise ValueError(f"{cve.id} is not known to be exploited")
        return {
            "cveID": cve.id,
            "vendorProject": cve.upstream.title(),
            "product": cve.upstream,
            "vulnerabilityName": f"{cve.upstream.title()} Memory Corruption Vulnerability",
            "dateAdded": cve.kev_added.isoformat(),
            "shortDescription": f"{cve.upstream} contains a memory corruption vulnerability.",
            "requiredAction": "Apply mitigations per vendor instructions or discontinue use of the product.",
            "dueDate": cve.kev_due.isoformat(),
            "knownRansomwareCampaignUse": "Known" if cve.in_kit else "Unknown",
            "notes": f"https://nvd.nist.gov/vuln/detail/{cve.id}",
            "cwes": ["CWE-787"],
        }

    def exploit_prediction(self, as_of: datetime) -> bytes:
        """The EPSS scores of the day of ``as_of``: gzip CSV whose first line is a comment."""
        scored = sorted((f for f in self.cve_catalog.cves if f.epss is not None), key=lambda f: f.epss or 0.0)
        lines = [f"#model_version:v2025.03.14,score_date:{as_of:%Y-%m-%d}T12:55:00Z", "cve,epss,percentile"]
        lines += [f"{cve.id},{cve.epss:.5f},{(k + 1) / len(scored):.5f}" for k, cve in enumerate(scored)]
        return gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=1, mtime=0)

    def enrichment_archive(self) -> bytes:
        """The records as a zip, as GitHub serves a branch of the repository."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(zipfile.ZipInfo(f"{_ARCHIVE_ROOT}/README.md", _ARCHIVE_TIME), "# CISA Vulnrichment\n")
            for path, record in self._records():
                entry = zipfile.ZipInfo(f"{_ARCHIVE_ROOT}/{path}", _ARCHIVE_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, orjson.dumps(record))
        return buffer.getvalue()

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(path in the repository, record) of every CVE with an SSVC decision."""
        for cve in self.cve_catalog.cves:
            if cve.ssvc is not None and cve.id != PLACEHOLDER:
                yield repository_path(cve.id), self._record(cve)

    def _record(self, cve: Cve) -> dict[str, Any]:
        if cve.ssvc is None:
            raise ValueError(f"{cve.id} was not judged")
        exploitation, automatable, impact = cve.ssvc
        published = f"{iso_seconds(cve.published)}.000Z"
        metrics: list[Row] = [
            {
                "other": {
                    "type": "ssvc",
                    "content": {
                        "id": cve.id,
                        "role": "CISA Coordinator",
                        "options": [
                            {"Exploitation": exploitation},
                            {"Automatable": automatable},
                            {"Technical Impact": impact},
                        ],
                        "version": "2.0.3",
                        "timestamp": f"{iso_seconds(cve.updated)}.589309Z",
                    },
                }
            }
        ]
        if cve.kev_added:
            content = {
                "dateAdded": cve.kev_added.isoformat(),
                "reference": f"https://www.cisa.gov/known-exploited-vulnerabilities-catalog?field_cve={cve.id}",
            }
            metrics.append({"other": {"type": "kev", "content": content}})
        return {
            "dataType": "CVE_RECORD",
            "dataVersion": "5.2",
            "cveMetadata": {
                "cveId": cve.id,
                "state": "PUBLISHED",
                "datePublished": published,
                "dateUpdated": f"{iso_seconds(cve.updated)}.000Z",
            },
            "containers": {
                "cna": {
                    "title": f"{cve.upstream} vulnerability",
                    "metrics": [{"format": "CVSS", "cvssV3_1": {"version": "3.1", "baseScore": cve.score}}],
                    "providerMetadata": {"shortName": "example"},
                },
                "adp": [
                    {"title": "CVE Program Container", "providerMetadata": {"shortName": "CVE"}},
                    {
                        "title": "CISA ADP Vulnrichment",
                        "metrics": metrics,
                        "providerMetadata": {
                            "orgId": _CISA_ORG,
                            "shortName": "CISA-ADP",
                            "dateUpdated": f"{iso_seconds(cve.updated)}.955Z",
                        },
                    },
                ],
            },
        }


def repository_path(cve_id: str) -> str:
    """``CVE-2024-21412`` -> ``2024/21xxx/CVE-2024-21412.json``."""
    _, year, number = cve_id.split("-")
    return f"{year}/{number[:-3]}xxx/{cve_id}.json"
