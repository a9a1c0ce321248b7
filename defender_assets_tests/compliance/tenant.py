"""A small tenant to judge: rows by the service's column names, with everything a test does not care about left out."""

import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from defender_assets.catalog import DATASETS
from defender_assets.catalog.derived import DERIVED
from defender_assets.catalog.reference import REFERENCE
from defender_assets.compliance import Inputs, Policy, derive_one
from defender_assets.compliance.engine import Engine

from .computed import ENGINE, computed

AS_OF = datetime(2026, 10, 20, 6, 30, tzinfo=UTC)
"""When the tenant's machines were observed, unless a test says otherwise."""

Row = dict[str, Any]


def days(number: float) -> timedelta:
    return timedelta(days=number)


def table(name: str, rows: list[Row]) -> pa.Table:
    """Rows as the catalog's table of that name."""
    schema = {**DATASETS, **REFERENCE}[name].schema
    if unknown := {key for row in rows for key in row} - set(schema.names):
        raise KeyError(f"{name} has no columns {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=schema)


@cache
def preset(name: str) -> Policy:
    """A policy that ships, read once."""
    return Policy.load(name)


_OF_PATCHES = {"patch_findings", "patch_compliance"}
_TELL_OF_PATCHES = {"verdict_reasons", "fleet_summary"}
"""They do without the tables of patches only where there are no findings to make these from."""


def derived(inputs: Inputs, policy: Policy, *tables: str, engine: Engine = ENGINE) -> dict[str, pa.Table]:
    """Derived tables, and those they need, each computed by itself as an asset would, in the catalog's order."""
    needed: set[str] = set()
    for declared in reversed(DERIVED.values()):
        if declared.name in (*tables, *needed):
            needed |= {declared.name, *(name for name in declared.inputs if name in DERIVED and name not in inputs)}
            if declared.name in _TELL_OF_PATCHES and "software_vulnerabilities" in inputs:
                needed |= _OF_PATCHES - inputs.keys()
    found: dict[str, pa.Table] = {}
    for name in DERIVED:
        if name not in needed:
            continue
        available = {**inputs, **found}
        if engine is ENGINE:
            found[name] = computed(name, available, policy).rows
            continue
        with derive_one(name, available, policy, engine=engine) as derivation:
            found[name] = derivation.reader().read_all()
    return found


class Tenant:
    """Tables in the making. The KEV catalogue is there, and knows of nothing in the tenant unless a test adds it."""

    def __init__(self, as_of: datetime = AS_OF) -> None:
        self.as_of = as_of
        self.rows: dict[str, list[Row]] = {
            "machines": [],
            "software_inventory": [],
            "software_vulnerabilities": [],
            "kev": [],
        }
        self.add("kev", cve_id="CVE-1999-0001", date_added=as_of - days(900), due_date=as_of - days(880))

    def add(self, name: str, /, **values: Any) -> "Tenant":
        schema = {**DATASETS, **REFERENCE}[name].schema
        observed = {"observed_at": self.as_of} if "observed_at" in schema.names else {}
        self.rows.setdefault(name, []).append(observed | values)
        return self

    def machine(self, device: str, *, assessed: bool = True, **values: Any) -> "Tenant":
        """An onboarded, active Windows device, seen an hour ago; in the inventory unless ``assessed`` is false."""
        usual = {
            "id": device,
            "computer_dns_name": f"{device}.contoso.example",
            "os_platform": "Windows11",
            "agent_version": "10.8760.22631.4317",
            "last_seen": self.as_of - timedelta(hours=1),
            "onboarding_status": "Onboarded",
            "health_status": "Active",
            "machine_tags": [],
        }
        self.add("machines", **(usual | values))
        if assessed:
            self.add(
                "software_inventory",
                device_id=device,
                software_vendor="contoso",
                software_name="agent",
                software_version="1.0",
            )
        return self

    def finding(self, device: str, cve: str | None = "CVE-2026-0001", **values: Any) -> "Tenant":
        """A high finding with a fix, first seen ten days ago."""
        usual = {
            "id": f"{device}_{cve}",
            "device_id": device,
            "rbac_group_id": 0,
            "software_vendor": "contoso",
            "software_name": "editor",
            "software_version": "1.2.3",
            "cve_id": cve,
            "vulnerability_severity_level": "High",
            "cvss_score": 7.5,
            "exploitability_level": "NoExploit",
            "security_update_available": True,
            "recommended_security_update_id": "5065429",
            "first_seen_timestamp": self.as_of - days(10),
            "last_seen_timestamp": self.as_of - timedelta(hours=3),
        }
        return self.add("software_vulnerabilities", **(usual | values))

    def antivirus(self, device: str, **values: Any) -> "Tenant":
        """A healthy antivirus of this month."""
        usual = {
            "id": device,
            "machine_id": device,
            "av_mode": "0",
            "av_engine_version": "1.1.26090.5",
            "av_platform_version": "4.18.26090.3",
            "av_signature_version": "1.443.820.0",
            "av_signature_publish_time": self.as_of - days(1),
            "av_signature_data_refresh_time": self.as_of - days(1),
            "data_refresh_timestamp": self.as_of - days(1),
            "av_is_engine_up_to_date": "True",
            "av_is_platform_up_to_date": "True",
            "av_is_signature_up_to_date": "True",
        }
        return self.add("av_health", **(usual | values))

    def control(self, device: str, control: str, **values: Any) -> "Tenant":
        """A configuration control that applies and is met."""
        usual = {
            "device_id": device,
            "configuration_id": control,
            "is_applicable": True,
            "is_compliant": True,
            "configuration_impact": 5.0,
        }
        return self.add("secure_configuration", **(usual | values))

    def change(self, device: str, status: str, at: datetime, cve: str = "CVE-2026-0001", **values: Any) -> "Tenant":
        """An event of the change feed."""
        usual = {
            "id": f"{device}_{cve}",
            "device_id": device,
            "rbac_group_id": 0,
            "software_vendor": "contoso",
            "software_name": "editor",
            "software_version": "1.2.3",
            "cve_id": cve,
            "vulnerability_severity_level": "High",
            "first_seen_timestamp": at - days(10),
            "status": status,
            "event_timestamp": at,
        }
        return self.add("software_vulnerability_changes", **(usual | values))

    def without(self, *names: str) -> "Tenant":
        """The same tenant where those tables are absent."""
        other = copy.deepcopy(self)
        for name in names:
            other.rows.pop(name, None)
        return other

    def later(self, by: timedelta) -> "Tenant":
        """The same tenant observed later: only the moment of judging moves."""
        moved = copy.deepcopy(self)
        moved.as_of = self.as_of + by
        for row in moved.rows["machines"]:
            row["observed_at"] = moved.as_of
        return moved

    @property
    def inputs(self) -> Inputs:
        return {name: table(name, rows) for name, rows in self.rows.items()}

    def derive(self, *tables: str, policy: Policy | str = "default") -> dict[str, list[Row]]:
        """Derived tables as rows; lists and times as Python has them."""
        chosen = policy if isinstance(policy, Policy) else preset(policy)
        found = derived(self.inputs, chosen, *tables)
        return {name: found[name].to_pylist() for name in tables}

    def one(self, name: str, policy: Policy | str = "default") -> list[Row]:
        """One derived table as rows."""
        return self.derive(name, policy=policy)[name]

    def by_device(self, name: str, policy: Policy | str = "default") -> dict[str, Row]:
        """One derived table as rows by device."""
        return {row["device_id"]: row for row in self.one(name, policy)}

    def by_cve(self, policy: Policy | str = "default") -> dict[str, Row]:
        """The findings by CVE, for tenants in which every finding has a CVE of its own."""
        return {row["cve_id"]: row for row in self.one("patch_findings", policy)}
