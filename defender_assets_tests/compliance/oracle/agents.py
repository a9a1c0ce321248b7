"""Agents and their antivirus."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ..tenant import Row

FAMILIES = ("windows", "macos", "linux", "android", "ios", "other")


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


def _is_before_months(platform: str, version: str | None) -> bool:
    """A build of macOS or Linux from before its number told the month: 100.x, 101.98.64, 20.198."""
    first, second = [*(version or "").split("."), "", ""][:2]
    if platform not in ("macos", "linux") or _numbers(first) is None or _numbers(second) is None:
        return False
    most_digits = {"100": 9, "101": 3, {"macos": "20", "linux": "30"}[platform]: 4}
    return len(second) <= most_digits.get(first, 0)


def _order(release: str | None) -> tuple[int, ...] | None:
    return None if release is None else _numbers(release)


class _Known:
    """The releases of a component that are known: (release, source), and the newest of them."""

    def __init__(
        self, listed: list[Row], ran: Counter[tuple[int, ...]], devices: int, as_of: datetime, *,
        grace: timedelta | None = None, later_count: bool = False,
    ) -> None:  # fmt: skip
        by_feed: dict[str | None, datetime] = {}
        for row in listed:
            last = row.get("listed_at") or row["observed_at"]
            by_feed[row.get("feed")] = max(last, by_feed.get(row.get("feed"), last))
        current = {feed: as_of - last <= timedelta(days=45) for feed, last in by_feed.items()}
        common = {
            release
            for release, number in ran.items()
            if (sum(n for other, n in ran.items() if other >= release) if later_count else number) * 100 >= devices
        }
        newest_run = max(common, default=None)
        dates: dict[tuple[int, ...], list[datetime | None]] = defaultdict(list)
        live: set[tuple[int, ...]] = set()
        for row in listed:
            release = _numbers(row["version"] if row["component"] == "av_intelligence" else row["release"])
            assert release is not None
            dates[release].append(row["released_at"])
            if row.get("feed") not in (None, "file") and current[row.get("feed")]:
                live.add(release)
        out = {release for release, told in dates.items() if None in told or min(filter(None, told)) <= as_of}
        # What nobody has looked at for long counts only where it is later than the fleet.
        if not any(current.values()):
            out = {release for release in out if newest_run is None or release > newest_run}
        self.known = out | set(ran)
        in_grace = {
            release
            for release in self.known
            if grace is not None
            and (told := [date for date in dates[release] if date])
            and timedelta(0) <= as_of - min(told) <= grace
        }
        candidates = out | common
        self.newest = max(candidates - in_grace, default=max(candidates, default=None))
        self.source = None
        if self.newest is not None:
            in_list = self.newest in out
            self.source = "feed" if in_list and self.newest in live else "catalogue" if in_list else "fleet"

    def behind(self, release: tuple[int, ...] | None) -> int | None:
        if release is None:
            return None
        newest = self.newest
        return sum(1 for other in self.known if newest is not None and release < other <= newest)


def _third(version: str | None) -> tuple[int, ...] | None:
    numbers = _numbers(version)
    return numbers[2:3] if numbers and len(numbers) > 2 else None


def _intelligence(version: str | None) -> tuple[int, ...] | None:
    numbers = _numbers(version)
    return numbers if numbers and len(numbers) > 1 else None


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
    listed: dict[str, list[Row]] = defaultdict(list)
    for entry in rows.get("agent_releases", []):
        listed[entry["component"]].append(entry)

    agents = {
        platform: _Known(
            listed[f"agent_{platform}"],
            Counter(order for device in devices if (order := _order(release[device])) is not None),
            len(devices),
            as_of,
        )
        for platform, devices in ({family: [] for family in FAMILIES} | eligible).items()
    }

    def antivirus(component: str, column: str, part: Callable[[str | None], Any], **more: Any) -> _Known:
        ran = Counter(
            order
            for device in eligible["windows"]
            if device in health and (order := part(health[device].get(column))) is not None
        )
        return _Known(listed[component], ran, len(eligible["windows"]), as_of, **more)

    three_days = timedelta(days=3)
    engines = antivirus("av_engine", "av_engine_version", _third, grace=three_days)
    platforms = antivirus("av_platform", "av_platform_version", _third, grace=three_days)
    intelligence = antivirus("av_intelligence", "av_signature_version", _intelligence, later_count=True)
    result = {}
    for device, record in identity.items():
        platform, own = record["platform_family"], release[device]
        behind = agents[platform].behind(_order(own))
        age = None
        if platform in ("macos", "linux") and own:
            age = (as_of.year - 2000 - int(own[:2])) * 12 + as_of.month - int(own[2:])
        if _is_before_months(platform, machines[device].get("agent_version")):
            agent_state = "unsupported"
        elif own is None or behind is None:
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
        fresh = refreshed is not None and timedelta(days=-1) <= as_of - refreshed <= timedelta(days=7)
        windows = platform == "windows"
        ours = {}
        for part, month, limit in (
            ("engine", _third(av.get("av_engine_version")), engines.newest),
            ("platform", _third(av.get("av_platform_version")), platforms.newest),
        ):
            if not windows:
                ours[part] = "not_applicable"
            elif not fresh or month is None or limit is None:
                ours[part] = "unknown"
            else:
                ours[part] = "up_to_date" if month >= limit else "out_of_date"
        published = av.get("av_signature_publish_time")
        if not windows:
            ours["intelligence"] = "not_applicable"
        elif not fresh:
            ours["intelligence"] = "unknown"
        else:
            recent = published is not None and as_of - published <= timedelta(days=7)
            ours["intelligence"] = "up_to_date" if recent else "out_of_date"
            if published is not None and published - as_of > timedelta(days=1):
                ours["intelligence"] = "unknown"
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
        of_antivirus = [f"{part}_out_of_date" for part in ours if ours[part] == "out_of_date"]
        failures = [*of_antivirus]
        failures += ["agent_unsupported"] if agent_state == "unsupported" else []
        failures += ["sensor_impaired"] if sensor == "impaired" else []
        unknown = [f"{part}_unknown" for part in ours if ours[part] == "unknown"]
        mode = {"1": ["antivirus_passive"], "2": ["antivirus_disabled"], "5": ["antivirus_passive"]}.get(
            av.get("av_mode") or "", []
        )
        if record["population"] != "eligible":
            verdict, reasons = "unknown", [f"population_{record['population']}"]
        elif failures:
            verdict, reasons = "noncompliant", sorted([*failures, *(mode if of_antivirus else [])])
        elif agent_state == "unknown" or unknown:
            doubt = ["agent_unknown"] if agent_state == "unknown" else []
            verdict, reasons = "unknown", sorted([*doubt, *unknown, *(mode if unknown else [])])
        else:
            verdict, reasons = "compliant", []
        result[device] = {
            "device_id": device,
            "population": record["population"],
            "platform_family": platform,
            "agent_version": machines[device].get("agent_version"),
            "agent_release": own,
            # Spellings of one release may differ (1.0 and 1.00): compared as numbers.
            "newest_release": agents[platform].newest,
            "newest_source": agents[platform].source,
            "releases_behind": behind,
            "agent_age_months": age,
            "agent_state": agent_state,
            "av_mode": av.get("av_mode"),
            "newest_engine": engines.newest if windows else None,
            "newest_engine_source": engines.source if windows else None,
            "newest_platform": platforms.newest if windows else None,
            "newest_platform_source": platforms.source if windows else None,
            "intelligence_version": av.get("av_signature_version"),
            "newest_intelligence": intelligence.newest if windows else None,
            "newest_intelligence_source": intelligence.source if windows else None,
            "intelligence_releases_behind": (
                intelligence.behind(_intelligence(av.get("av_signature_version"))) if windows else None
            ),
            **{f"{part}_state": state for part, state in ours.items()},
            **{f"microsoft_{part}_state": state for part, state in theirs.items()},
            "disagrees": any({ours[part], theirs[part]} == {"up_to_date", "out_of_date"} for part in ours),
            "sensor_state": sensor,
            "verdict": verdict,
            "reasons": reasons,
            "as_of": as_of,
        }
    return result
