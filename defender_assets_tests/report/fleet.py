"""Small fleets whose numbers can be worked out by hand, judged into a lake.

A device runs Windows and reported on the day itself, unless the test says otherwise.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import Policy
from defender_assets.lake import Lake
from defender_assets.refresh.report import report_partitions
from defender_assets.report import Report, build_report

from .days import ENGINE, judge, store

DAY = date(2026, 9, 10)
NOON = datetime(2026, 9, 10, 12, tzinfo=UTC)
DEFAULT = Policy.load()
LIMITS = {"Critical": 15, "High": 30, "Medium": 90, "Low": 180}
"""Days of the policy that ships."""


def days(count: float) -> timedelta:
    return timedelta(days=count)


@dataclass
class Fleet:
    """What a tenant would have sent on one day."""

    as_of: datetime = NOON
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "machines",
                "software_inventory",
                "software_vulnerabilities",
                "software_vulnerability_changes",
                "secure_configuration",
                "av_health",
                "kev",
                "agent_releases",
            )
        }
    )

    def __post_init__(self) -> None:
        # The catalogue is there, and knows of nothing in the fleet.
        self.known_exploited("CVE-1999-0001", date(2000, 1, 1))

    def device(
        self,
        device: str,
        name: str | None = None,
        *,
        group: str | None = "Office",
        platform: str = "Windows11",
        agent: str = "10.8760.26100.1",
        silent: float = 0,
        assessed: bool = True,
        **more: Any,
    ) -> None:
        seen = self.as_of - days(silent)
        self.rows["machines"].append(
            {
                "id": device,
                "computer_dns_name": device if name is None else name,
                "first_seen": self.as_of - days(400),
                "last_seen": seen,
                "os_platform": platform,
                "agent_version": agent,
                "rbac_group_id": 1 if group else 0,
                "rbac_group_name": group,
                "health_status": "Active",
                "onboarding_status": "Onboarded",
                "is_excluded": False,
                "observed_at": self.as_of,
            }
            | more
        )
        if assessed:
            self.installed(device, "contoso", "assessed")

    def installed(self, device: str, vendor: str, product: str, **more: Any) -> None:
        self.rows["software_inventory"].append(
            {
                "device_id": device,
                "software_vendor": vendor,
                "software_name": product,
                "software_version": "1.0",
                "observed_at": self.as_of,
            }
            | more
        )

    def finding(
        self,
        device: str,
        cve: str,
        severity: str = "High",
        *,
        overdue: float = -1,
        vendor: str = "contoso",
        product: str = "editor",
        **more: Any,
    ) -> None:
        """A finding ``overdue`` days past its due date by the severity alone (negative: still to come)."""
        since = self.as_of - days(LIMITS.get(severity, 0) + overdue)
        self.rows["software_vulnerabilities"].append(
            {
                "id": f"{device}{cve}{product}",
                "device_id": device,
                "software_vendor": vendor,
                "software_name": product,
                "software_version": "1.0",
                "cve_id": cve,
                "vulnerability_severity_level": severity,
                "cvss_score": 8.0,
                "exploitability_level": "NoExploit",
                "security_update_available": True,
                "first_seen_timestamp": since,
                "last_seen_timestamp": self.as_of,
                "observed_at": self.as_of,
            }
            | more
        )

    def known_exploited(self, cve: str, due: date, name: str = "A flaw") -> None:
        self.rows["kev"].append(
            {
                "cve_id": cve,
                "vulnerability_name": name,
                "due_date": datetime(due.year, due.month, due.day, tzinfo=UTC),
                "date_added": self.as_of - days(100),
                "known_ransomware_campaign_use": "Known",
                "observed_at": self.as_of,
            }
        )

    def add(self, table: str, **row: Any) -> None:
        """A row of any other table."""
        self.rows.setdefault(table, []).append({"observed_at": self.as_of} | row)

    def control(self, device: str, control: str, met: bool, name: str = "Turn it on") -> None:
        self.rows["secure_configuration"].append(
            {
                "device_id": device,
                "configuration_id": control,
                "configuration_name": name,
                "configuration_category": "OS",
                "configuration_impact": 5.0,
                "is_applicable": True,
                "is_compliant": met,
                "observed_at": self.as_of,
            }
        )

    def antivirus(self, device: str, *, published: float = 1, microsoft: str = "True", mode: str = "0") -> None:
        """Intelligence published so many days ago, and Microsoft's verdict on it."""
        self.rows["av_health"].append(
            {
                "machine_id": device,
                "id": device,
                "av_mode": mode,
                "av_engine_version": "1.1.26080.3",
                "av_platform_version": "4.18.26080.3",
                "av_signature_version": "1.443.820.0",
                "av_signature_publish_time": self.as_of - days(published),
                "av_signature_data_refresh_time": self.as_of,
                "data_refresh_timestamp": self.as_of,
                "av_is_engine_up_to_date": "True",
                "av_is_platform_up_to_date": "True",
                "av_is_signature_up_to_date": microsoft,
                "observed_at": self.as_of,
            }
        )

    def released(self, component: str, release: str, feed: str) -> None:
        """A release that a feed lists on the day."""
        self.rows["agent_releases"].append(
            {
                "component": component,
                "release": release.replace(".", ""),
                "version": release,
                "released_at": self.as_of - days(20),
                "feed": feed,
                "listed_at": self.as_of,
                "observed_at": self.as_of,
            }
        )

    def into(
        self,
        lake: Lake,
        *,
        policy: Policy = DEFAULT,
        without: tuple[str, ...] = (),
        empty: bool = True,
        derived: Collection[str] = DERIVED,
    ) -> date:
        """Puts the day into the lake and judges it. Tables ``without`` are absent; with ``empty`` those without rows
        are there nevertheless. ``derived`` are the tables that are computed."""
        day = self.as_of.date()
        tables = {
            name: pa.Table.from_pylist(rows, schema=TABLES[name].schema)
            for name, rows in self.rows.items()
            if name not in without and (rows or (empty and name not in ("kev", "agent_releases")))
        }
        for name, rows in tables.items():
            store(lake, day, name, rows)
        judge(lake, day, tables, policy, derived)
        return day


def reported(lake: Lake, day: date = DAY, policy: Policy = DEFAULT, **named: Any) -> Report:
    return build_report(lake, day, report_partitions(lake, day), policy=policy, engine=ENGINE, **named)
