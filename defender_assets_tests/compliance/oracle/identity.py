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


def _entra_id(record: Row) -> str | None:
    entra = (record.get("aad_device_id") or "").lower()
    return entra if entra.replace("-", "").strip("0") else None


def _hardware(record: Row) -> set[str]:
    """Hardware addresses: loopbacks, empty ones and zeros are none."""
    return {
        interface["mac_address"].lower().replace(":", "")
        for interface in record.get("ip_addresses") or []
        if (interface.get("mac_address") or "").strip("0") and "loopback" not in (interface.get("type") or "").lower()
    }


SHARED_NAMES = {"iphone", "localhost"}
"""The names of the policy that the random tenants use."""


def _is_one_device(record: Row, other: Row) -> bool:
    """An equal Entra id, or an equal name that nothing contradicts."""
    if _entra_id(record) and _entra_id(record) == _entra_id(other):
        return True
    name = (record.get("computer_dns_name") or "").lower()
    if not name or name != (other.get("computer_dns_name") or "").lower():
        return False
    mine, theirs = _hardware(record), _hardware(other)
    contradicted = (
        (_entra_id(record) and _entra_id(other))
        or family(record.get("os_platform")) != family(other.get("os_platform"))
        or (mine and theirs and not mine & theirs)
    )
    return not contradicted and (name.split(".")[0] not in SHARED_NAMES or bool(mine & theirs))


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
    a_day = timedelta(days=1)
    believable = {
        device: record
        for device, record in machines.items()
        if record.get("last_seen") and record["last_seen"] <= as_of + a_day
    }

    def gives_way_to(device: str) -> str | None:
        """The latest record of the same device, if this one is an older one."""
        record = machines[device]
        if device not in believable or as_of - record["last_seen"] <= timedelta(days=7) or not _counts(record):
            return None
        twins = [
            other
            for other in believable.values()
            if _counts(other) and other["last_seen"] > record["last_seen"] and _is_one_device(record, other)
        ]
        return min(twins, key=lambda twin: (-twin["last_seen"].timestamp(), twin["id"]))["id"] if twins else None

    for device, record in machines.items():
        name, seen = record.get("computer_dns_name"), record.get("last_seen")
        later = gives_way_to(device)
        primary = device
        if record.get("merged_into_machine_id"):
            population, primary = "merged", _survivor(record, machines)
        elif record.get("is_excluded"):
            population = "excluded"
        elif (record.get("onboarding_status") or "").lower() != "onboarded":
            population = "not_onboarded"
        elif later:
            population = "duplicate"
            while later:
                primary, later = later, gives_way_to(later)
        elif seen and as_of - seen > timedelta(days=30):
            population = "inactive"
        elif device not in believable or device not in assessed:
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
