"""The contract once more, in plain Python: row by row, without SQL, for tenants small enough to loop over.

It shares nothing with the package but the names of columns. It is written from the wording of the contract for the
policy that ships; where it and the package differ, one of them has misread it.
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from .tenant import Row

DAYS = {"critical": 15, "high": 30, "medium": 90, "low": 180}
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


KEY = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")


def patch_findings(rows: dict[str, list[Row]], as_of: datetime) -> dict[tuple[Any, ...], Row]:
    kev = {entry["cve_id"]: entry for entry in rows.get("kev", [])}
    known = {entry["id"]: entry for entry in rows.get("vulnerabilities", [])}
    grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows["software_vulnerabilities"]:
        if row["cve_id"]:
            grouped[tuple(row[column] for column in KEY)].append(row)
    result = {}
    for key, same in grouped.items():
        cve = key[-1]
        first_seen = min((row["first_seen_timestamp"] for row in same if row["first_seen_timestamp"]), default=None)
        published = known.get(cve, {}).get("published_on")
        start, source = (first_seen, "first_seen") if first_seen else (published, "published" if published else None)
        severity = same[0]["vulnerability_severity_level"]
        allowed = DAYS.get((severity or "").lower())
        due = start + timedelta(days=allowed) if start and allowed else None
        decided_by = f"severity {severity.lower()}" if allowed else "no rule"
        if cve in kev:
            end_of_day = kev[cve]["due_date"].replace(hour=23, minute=59, second=59, microsecond=999_999)
            if due is None or end_of_day < due:
                due, decided_by = end_of_day, "KEV catalogue"
        fix = any(
            bool(row.get("recommended_security_update_id") or row.get("recommended_security_update"))
            if row["security_update_available"] is None
            else row["security_update_available"]
            for row in same
        )
        if not fix:
            state, decided_by = "no_fix", "no security update"
        elif due is None:
            state = "no_due_date"
        elif as_of > due:
            state = "overdue"
        elif due - as_of <= timedelta(days=7):
            state = "due_soon"
        else:
            state = "on_time"
        result[key] = {
            **dict(zip(KEY, key, strict=True)),
            "severity": severity,
            "cvss_score": same[0]["cvss_score"],
            "exploitability_level": same[0]["exploitability_level"],
            "in_kev": cve in kev if kev else None,
            "epss": known.get(cve, {}).get("epss"),
            "fix_available": fix,
            "fix_id": same[0]["recommended_security_update_id"],
            "first_seen_at": first_seen,
            "last_seen_at": max(row["last_seen_timestamp"] for row in same),
            "clock_start_at": start,
            "clock_source": source,
            "due_at": due,
            "state": state,
            "days_overdue": (as_of - due).days if state == "overdue" and due else None,
            "decided_by": decided_by,
            "as_of": as_of,
        }
    return result


def patch_compliance(identity: dict[str, Row], findings: dict[tuple[Any, ...], Row], as_of: datetime) -> dict[str, Row]:
    result = {}
    for device, record in identity.items():
        own = [finding for finding in findings.values() if finding["device_id"] == device]
        overdue = [finding for finding in own if finding["state"] == "overdue"]
        coming = [finding["due_at"] for finding in own if finding["state"] in ("on_time", "due_soon")]
        result[device] = {
            "device_id": device,
            "population": record["population"],
            "verdict": "unknown"
            if record["population"] != "eligible"
            else ("noncompliant" if overdue else "compliant"),
            "open_findings": len(own),
            "overdue_findings": len(overdue),
            "overdue_critical": sum((finding["severity"] or "").lower() == "critical" for finding in overdue),
            "overdue_high": sum((finding["severity"] or "").lower() == "high" for finding in overdue),
            "due_soon_findings": sum(finding["state"] == "due_soon" for finding in own),
            "exempt_findings": 0,
            "kev_findings": sum(finding["in_kev"] is True for finding in own),
            "oldest_overdue_days": max((finding["days_overdue"] for finding in overdue), default=None),
            "next_due_at": min(coming, default=None),
            "policy": "default",
            "as_of": as_of,
        }
    return result


def _numbers(text: str | None) -> tuple[int, ...] | None:
    parts = (text or "").split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() and part.isascii() for part in parts) else None


def agent_release(platform: str, version: str | None) -> str | None:
    numbers = _numbers(version)
    if version is None or numbers is None:
        return None
    if platform == "windows":
        return str(numbers[1]) if numbers[0] == 10 and len(numbers) > 1 else None
    if platform in ("macos", "linux"):
        first, second = [*version.split("."), ""][:2]
        if first == "101" and len(second) == 5:
            build = second
        elif first == {"macos": "20", "linux": "30"}[platform] and len(second) == 6 and second[0] == "1":
            build = second[1:]
        else:
            return None
        return build[:4] if 1 <= int(build[2:4]) <= 12 else None
    return version


def _order(platform: str, release: str | None) -> tuple[int, ...] | None:
    return None if release is None else _numbers(release)


def _newest(counts: Counter[Any], devices: int) -> Any:
    """The newest that at least one in a hundred devices run."""
    return max(
        (value for value, number in counts.items() if value is not None and number * 100 >= devices), default=None
    )


def _third(version: str | None) -> int | None:
    numbers = _numbers(version)
    return numbers[2] if numbers and len(numbers) > 2 else None


def _their_word(value: str | None) -> str:
    return {"true": "up_to_date", "false": "out_of_date"}.get((value or "").lower(), "unknown")


def agent_compliance(rows: dict[str, list[Row]], identity: dict[str, Row], as_of: datetime) -> dict[str, Row]:
    machines = {machine["id"]: machine for machine in rows["machines"]}
    health = {row["machine_id"]: row for row in rows.get("av_health", [])}
    release = {
        device: agent_release(record["platform_family"], machines[device].get("agent_version"))
        for device, record in identity.items()
    }
    eligible: dict[str, list[str]] = defaultdict(list)
    for device, record in identity.items():
        if record["population"] == "eligible":
            eligible[record["platform_family"]].append(device)
    catalogue: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    for entry in rows.get("agent_releases", []):
        if entry["released_at"] <= as_of and entry["component"].startswith("agent_"):
            catalogue[entry["component"].removeprefix("agent_")].add((int(entry["release"]),))

    def newest_and_known(platform: str) -> tuple[Any, set[Any]]:
        if catalogue[platform]:
            return max(catalogue[platform]), catalogue[platform]
        ran = Counter(_order(platform, release[device]) for device in eligible[platform])
        return _newest(ran, len(eligible[platform])), set(ran) - {None}

    def newest_month(component: str, column: str) -> int | None:
        out = [
            int(entry["release"])
            for entry in rows.get("agent_releases", [])
            if entry["component"] == component and as_of - entry["released_at"] > timedelta(days=3)
        ]
        if out:
            return max(out)
        ran = Counter(_third(health[device].get(column)) for device in eligible["windows"] if device in health)
        return _newest(ran, len(eligible["windows"]))

    newest_engine = newest_month("av_engine", "av_engine_version")
    newest_platform = newest_month("av_platform", "av_platform_version")
    result = {}
    for device, record in identity.items():
        platform, own = record["platform_family"], release[device]
        newest, known = newest_and_known(platform)
        order = _order(platform, own)
        behind = None if order is None else sum(1 for r in known if newest is not None and order < r <= newest)
        age = None
        if platform in ("macos", "linux") and own:
            age = (as_of.year - 2000 - int(own[:2])) * 12 + as_of.month - int(own[2:])
        if own is None or behind is None:
            agent_state = "unknown"
        elif (
            (platform == "windows" and behind > 2)
            or (platform == "linux" and age is not None and age >= 9)
            or (platform == "macos" and age is not None and age >= 6)
        ):
            agent_state = "unsupported"
        else:
            agent_state = "behind" if behind else "current"
        av = health.get(device, {})
        refreshed = av.get("av_signature_data_refresh_time") or av.get("data_refresh_timestamp")
        fresh = refreshed is not None and as_of - refreshed <= timedelta(days=7)
        ours = {}
        for part, month, limit in (
            ("engine", _third(av.get("av_engine_version")), newest_engine),
            ("platform", _third(av.get("av_platform_version")), newest_platform),
        ):
            if platform != "windows":
                ours[part] = "not_applicable"
            elif not fresh or month is None or limit is None:
                ours[part] = "unknown"
            else:
                ours[part] = "up_to_date" if month >= limit else "out_of_date"
        published = av.get("av_signature_publish_time")
        if platform != "windows":
            ours["intelligence"] = "not_applicable"
        elif not fresh:
            ours["intelligence"] = "unknown"
        else:
            recent = published is not None and as_of - published <= timedelta(days=7)
            ours["intelligence"] = "up_to_date" if recent else "out_of_date"
        theirs = {
            "engine": _their_word(av.get("av_is_engine_up_to_date")),
            "platform": _their_word(av.get("av_is_platform_up_to_date")),
            "intelligence": _their_word(av.get("av_is_signature_up_to_date")),
        }
        sensor = {
            "Active": "healthy",
            "Inactive": "inactive",
            "ImpairedCommunication": "impaired",
            "NoSensorData": "impaired",
            "NoSensorDataImpairedCommunication": "impaired",
        }.get(record["health_status"] or "", "unknown")
        failures = [f"{part}_out_of_date" for part in ours if ours[part] == "out_of_date"]
        failures += ["agent_unsupported"] if agent_state == "unsupported" else []
        failures += ["sensor_impaired"] if sensor == "impaired" else []
        if record["population"] != "eligible":
            verdict, reasons = "unknown", [f"population_{record['population']}"]
        elif failures:
            verdict, reasons = "noncompliant", sorted(failures)
        elif agent_state == "unknown":
            verdict, reasons = "unknown", ["agent_unknown"]
        else:
            verdict, reasons = "compliant", []
        result[device] = {
            "device_id": device,
            "population": record["population"],
            "platform_family": platform,
            "agent_version": machines[device].get("agent_version"),
            "agent_release": own,
            # Spellings of one release may differ (1.0 and 1.00): compared as numbers.
            "newest_release": newest,
            "releases_behind": behind,
            "agent_age_months": age,
            "agent_state": agent_state,
            "av_mode": av.get("av_mode"),
            **{f"{part}_state": state for part, state in ours.items()},
            **{f"microsoft_{part}_state": state for part, state in theirs.items()},
            "disagrees": any({ours[part], theirs[part]} == {"up_to_date", "out_of_date"} for part in ours),
            "sensor_state": sensor,
            "verdict": verdict,
            "reasons": reasons,
            "as_of": as_of,
        }
    return result
