"""Agents and their antivirus."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from ..tenant import Row


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
