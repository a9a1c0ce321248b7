"""Which record is which device, and who counts."""

from datetime import datetime, timedelta

from ..tenant import Row

LINUX = {"linux", "ubuntu", "debian", "redhatenterpriselinux", "centos", "fedora", "sles", "rocky", "almalinux"}


def family(platform: str | None) -> str:
    name = (platform or "").lower()
    if name.startswith("windows"):
        return "windows"
    return {"macos": "macos", "android": "android", "ios": "ios"}.get(name, "linux" if name in LINUX else "other")


def _counts(record: Row) -> bool:
    """Onboarded, not merged, not excluded: what another record can be a duplicate of."""
    onboarded = (record.get("onboarding_status") or "").lower() == "onboarded"
    return onboarded and not record.get("merged_into_machine_id") and not record.get("is_excluded")


def _survivor(record: Row, machines: dict[str, Row]) -> str:
    """The end of a chain of merges."""
    seen = {record["id"]}
    target = record["merged_into_machine_id"]
    while target in machines and machines[target].get("merged_into_machine_id") and target not in seen:
        seen.add(target)
        target = machines[target]["merged_into_machine_id"]
    return target


def device_identity(rows: dict[str, list[Row]], as_of: datetime) -> dict[str, Row]:
    machines = {machine["id"]: machine for machine in rows["machines"]}
    assessed = {row["device_id"] for row in rows["software_inventory"] + rows["software_vulnerabilities"]}
    result = {}
    for device, record in machines.items():
        name, seen = record.get("computer_dns_name"), record.get("last_seen")
        twins = [
            other
            for other in machines.values()
            if other is not record
            and name
            and (other.get("computer_dns_name") or "").lower() == name.lower()
            and _counts(other)
            and other.get("last_seen")
            and seen
            and other["last_seen"] > seen
        ]
        primary = device
        if record.get("merged_into_machine_id"):
            population, primary = "merged", _survivor(record, machines)
        elif record.get("is_excluded"):
            population = "excluded"
        elif (record.get("onboarding_status") or "").lower() != "onboarded":
            population = "not_onboarded"
        elif seen and as_of - seen > timedelta(days=7) and twins:
            population = "duplicate"
            primary = min(twins, key=lambda twin: (-twin["last_seen"].timestamp(), twin["id"]))["id"]
        elif seen and as_of - seen > timedelta(days=30):
            population = "inactive"
        elif device not in assessed:
            population = "not_assessed"
        else:
            population = "eligible"
        result[device] = {
            "device_id": device,
            "device_name": name,
            "os_platform": record.get("os_platform"),
            "platform_family": family(record.get("os_platform")),
            "rbac_group_id": record.get("rbac_group_id"),
            "rbac_group_name": record.get("rbac_group_name"),
            "machine_tags": record.get("machine_tags"),
            "last_seen": seen,
            "onboarding_status": record.get("onboarding_status"),
            "health_status": record.get("health_status"),
            "primary_device_id": primary,
            "population": population,
            "as_of": as_of,
        }
    return result
