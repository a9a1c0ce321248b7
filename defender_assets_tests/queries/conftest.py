"""A small lake of two days in which every question has an answer."""

from datetime import timedelta

import pytest

from defender_assets.compliance import Policy
from defender_assets.lake import Lake

from ..compliance.tenant import AS_OF, Tenant, days
from ..report.days import judge, store

TODAY = AS_OF.date()
YESTERDAY = TODAY - timedelta(days=1)
_ON_BOTH_DAYS = (
    "device_identity",
    "patch_findings",
    "patch_compliance",
    "agent_compliance",
    "policy_compliance",
    "devices",
    "fleet_summary",
)


def _tenant() -> Tenant:
    """A Windows server with everything that is wrong, a Linux server, a laptop, a phone that left, and a twin."""
    tenant = Tenant()
    tenant.machine("web", os_platform="WindowsServer2022", machine_tags=["internetFacing", "Finance"],
                   rbac_group_name="Servers", first_seen=AS_OF - days(2))  # fmt: skip
    tenant.machine("db", os_platform="Ubuntu", agent_version="30.126010.0000.0000", rbac_group_name="Servers")
    tenant.machine("desk", first_seen=AS_OF - days(400), agent_version="10.8700.22631.1")
    tenant.machine("newer", agent_version="10.8760.22631.1")
    tenant.machine("old", last_seen=AS_OF - days(20))
    tenant.machine("twin", computer_dns_name="desk.contoso.example", last_seen=AS_OF - days(30))
    tenant.machine("rogue", onboarding_status="CanBeOnboarded", assessed=False)
    tenant.antivirus("web", av_mode="1", av_signature_publish_time=AS_OF - days(30)).antivirus("desk")
    critical = {"vulnerability_severity_level": "Critical", "first_seen_timestamp": AS_OF - days(90)}
    tenant.finding("web", "CVE-2026-0001", **critical).finding("db", "CVE-2026-0001", **critical)
    tenant.finding("desk", "CVE-2026-0002", security_update_available=False, recommended_security_update_id=None)
    tenant.finding("desk", "CVE-2026-0003", first_seen_timestamp=AS_OF - days(20))
    tenant.add("kev", cve_id="CVE-2026-0001", date_added=AS_OF - days(80), due_date=AS_OF - days(60))
    tenant.add("epss", cve_id="CVE-2026-0001", epss=0.93)
    tenant.add("software_inventory", device_id="desk", software_vendor="contoso", software_name="reader",
               software_version="9", end_of_support_status="EOS Version",
               end_of_support_date=AS_OF - days(3))  # fmt: skip
    tenant.add("software_inventory", device_id="web", software_vendor="contoso", software_name="editor",
               software_version="1.2.3")  # fmt: skip
    tenant.control("web", "scid-2012", is_compliant=False, configuration_name="Turn it on").control("desk", "scid-2012")
    for device, user, admin in (("web", "contoso\\root", True), ("desk", "contoso\\ann", False)):
        tenant.add("machine_users", machine_id=device, id=user, account_name=user.split("\\")[1], is_domain_admin=admin,
                   last_seen=AS_OF - days(1), logon_types="Interactive")  # fmt: skip
    tenant.add("alerts", id="da-1", machine_id="web", severity="High", status="New", title="Alert",
               alert_creation_time=AS_OF - days(8), computer_dns_name="web.contoso.example")  # fmt: skip
    tenant.add("certificates", device_id="web", thumbprint="ab", issued_to="web", expiration_date=AS_OF + days(5))
    tenant.add("browser_extensions", device_id="desk", extension_id="x", extension_name="Clip", extension_risk="High",
               browser_name="edge", is_activated=True)  # fmt: skip
    tenant.add(
        "recommendations", id="va-1", recommendation_name="Update editor", status="Active", exposed_machines_count=3
    )
    tenant.change("desk", "Fixed", AS_OF - days(1)).change("web", "New", AS_OF - days(2))
    return tenant


def _day_before() -> Tenant:
    tenant = Tenant(AS_OF - days(1))
    for device in ("web", "db", "desk", "newer", "old", "phone"):
        tenant.machine(device)
    tenant.finding("desk", "CVE-2026-0002", security_update_available=False, recommended_security_update_id=None)
    tenant.finding("phone", "CVE-2026-0004").finding("newer", "CVE-2026-0004")
    tenant.finding("db", "CVE-2026-0001", vulnerability_severity_level="Low")
    return tenant


@pytest.fixture(scope="session")
def judged_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two days that were judged by one policy; tests must not change it."""
    lake = Lake(tmp_path_factory.mktemp("judged") / "lake")
    policy = Policy.load("default")
    for day, tenant, tables in ((YESTERDAY, _day_before(), _ON_BOTH_DAYS), (TODAY, _tenant(), None)):
        for name, rows in tenant.inputs.items():
            store(lake, day, name, rows)
        judge(lake, day, tenant.inputs, policy, *([] if tables is None else [tables]))
    return lake
