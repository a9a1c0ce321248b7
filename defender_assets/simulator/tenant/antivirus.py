"""Rows of the antivirus health of devices.

Here: mode, versions, scans and the service's up-to-date verdicts, by the service's rule. Not here: the releases that
the rule compares with (``releases.py``).
"""

from datetime import UTC, datetime, time, timedelta
from random import Random

from .device_kinds import RecordKind
from .fleet import Device, Fleet
from .formats import UNSET, Row, iso_seconds, iso_utc
from .installed_software import InstalledSoftware
from .randomness import rng_for, weighted_choice
from .releases import DefenderRelease, Releases, intelligence_at
from .state import TenantState

_MODES = (("0", 0.86), ("1", 0.06), ("2", 0.02), ("4", 0.03), ("5", 0.01), ("", 0.02))
_SCANS = ("Completed", "Completed", "Completed", "Canceled", "Failed")
_WITH_ROWS = frozenset(
    {RecordKind.REGULAR, RecordKind.SILENT, RecordKind.DUPLICATE, RecordKind.NOT_ASSESSED, RecordKind.EXCLUDED}
)
_FRESH = timedelta(days=7)
_GRACE = timedelta(days=3)
_LAGS = {
    "fresh": ((0, 0.9), (1, 0.1)),
    "lagging": ((0, 0.5), (1, 0.3), (2, 0.2)),
    "neglected": ((0, 0.25), (1, 0.25), (3, 0.25), (7, 0.25)),
}


class Antivirus:
    """The antivirus health of a tenant."""

    def __init__(self, fleet: Fleet, software: InstalledSoftware, releases: Releases) -> None:
        self.fleet = fleet
        self.software = software
        self.releases = releases
        self.seed = fleet.shape.seed

    def has_row(self, device: Device) -> bool:
        """Whether the device has a row. Phones, records without a sensor and one in fifty others have none."""
        if device.record_kind not in _WITH_ROWS or device.platform.kind == "phone":
            return False
        case = device.template.antivirus
        if case is not None:
            return case != "no_row"
        return rng_for(self.seed, "antivirus row", device.number).random() > 0.02

    def row(self, device: Device, state: TenantState) -> Row:
        rng = rng_for(self.seed, "antivirus", device.number)
        family = device.platform.family
        row = {
            "id": device.id,
            "machineId": device.id,
            "computerDnsName": device.name.split(".")[0],
            "osKind": {"macos": "mac"}.get(family, family),
            "osPlatform": device.platform.os_platform,
            "osVersion": self.software.os_version(device),
            "rbacGroupName": device.group.name,
            "rbacGroupId": device.group.id,
            "lastSeenTime": iso_seconds(device.last_seen) + ("Z" if rng.random() < 0.8 else "+00:00"),
            "cloudProtectionState": None if rng.random() < 0.7 else "Enabled",
        }
        if family == "windows":
            return row | self._windows(device, state, rng)
        return row | self._other_platforms(device, rng)

    def _other_platforms(self, device: Device, rng: Random) -> Row:
        """macOS and Linux report versions of the app and no verdicts."""
        macos = device.platform.family == "macos"
        releases = self.releases.agent_macos if macos else self.releases.agent_linux
        build = releases[min(int(rng.random() ** 3 * len(releases)), len(releases) - 1)].version
        reported = device.last_seen
        return {
            "avMode": "0" if rng.random() < 0.8 else "1",
            "avSignatureVersion": "87523" if macos and rng.random() < 0.3 else intelligence_at(reported),
            "avEngineVersion": "3.0" if macos else self.releases.av_engine[0].version,
            "avPlatformVersion": build,
            "quickScanResult": "-",
            "quickScanError": "-",
            "quickScanTime": None,
            "fullScanResult": "-",
            "fullScanError": "-",
            "fullScanTime": None,
            "dataRefreshTimestamp": iso_utc(reported, rng),
            "avEngineUpdateTime": None,
            "avSignatureUpdateTime": iso_utc(reported - timedelta(hours=5), rng),
            "avPlatformUpdateTime": None,
            "avIsSignatureUpToDate": "Unknown",
            "avIsEngineUpToDate": "Unknown",
            "avIsPlatformUpToDate": "Unknown",
            "avSignaturePublishTime": None,
            "avSignatureDataRefreshTime": None,
            "avModeDataRefreshTime": iso_utc(reported, rng),
        }

    def _windows(self, device: Device, state: TenantState, rng: Random) -> Row:
        case = device.template.antivirus
        now = state.now
        lags = _LAGS[device.discipline.value]
        engine = self._release(self.releases.av_engine, weighted_choice(rng.random(), lags), case == "old_engine")
        platform = self._release(self.releases.av_platform, weighted_choice(rng.random(), lags), case == "old_platform")
        if case == "fresh":
            engine, platform = self.releases.av_engine[0], self.releases.av_platform[0]
        u, v = rng.random(), rng.random()
        refreshed = device.last_seen
        if case == "stale_report" or (case is None and u < 0.03):
            refreshed = min(device.last_seen, now - timedelta(days=8 + 20 * v))
        published = refreshed - timedelta(hours=4 + 40 * v)
        if case == "stale_intelligence" or (case is None and 0.03 < u < 0.08):
            published = refreshed - timedelta(days=9 + 30 * v)
        without_refresh = case == "no_refresh_time"
        stale = now - refreshed > _FRESH or without_refresh
        verdicts = {
            "avIsSignatureUpToDate": _verdict(stale, now - published <= _FRESH),
            "avIsEngineUpToDate": _verdict(stale, self._is_current(engine, self.releases.av_engine, now)),
            "avIsPlatformUpToDate": _verdict(stale, self._is_current(platform, self.releases.av_platform, now)),
        }
        if case == "disagrees" or (case is None and 0.08 < u < 0.086):
            other = {"True": "False", "False": "True", "Unknown": "Unknown"}
            verdicts["avIsEngineUpToDate"] = other[verdicts["avIsEngineUpToDate"]]
        mode = "0" if case is not None and case != "unreadable" else weighted_choice(rng.random(), _MODES)
        scan = _SCANS[int(rng.random() * len(_SCANS))] if rng.random() < 0.9 else ""
        return {
            "avMode": "2" if case == "unreadable" else mode,
            "avSignatureVersion": intelligence_at(published),
            "avEngineVersion": "" if case == "unreadable" else engine.version,
            "avPlatformVersion": "unknown" if case == "unreadable" else platform.version,
            "quickScanResult": scan,
            "quickScanError": "0x80508023" if scan == "Failed" else "",
            "quickScanTime": iso_utc(refreshed - timedelta(hours=30 * v), rng) if scan else None,
            "fullScanResult": "Completed" if u > 0.6 else "",
            "fullScanError": "",
            "fullScanTime": iso_utc(refreshed - timedelta(days=1 + 40 * v), rng) if u > 0.6 else None,
            "dataRefreshTimestamp": UNSET if without_refresh else iso_utc(refreshed, rng),
            "avEngineUpdateTime": iso_utc(_installed_at(engine, refreshed, v), rng),
            "avSignatureUpdateTime": iso_utc(published + timedelta(hours=2), rng),
            "avPlatformUpdateTime": iso_utc(_installed_at(platform, refreshed, v), rng),
            **verdicts,
            "avSignaturePublishTime": iso_utc(published, rng),
            "avSignatureDataRefreshTime": None if without_refresh or 0.5 < u < 0.53 else iso_utc(refreshed, rng),
            "avModeDataRefreshTime": None if without_refresh else iso_utc(refreshed, rng),
        }

    @staticmethod
    def _release(releases: tuple[DefenderRelease, ...], lag: int, old: bool) -> DefenderRelease:
        return releases[min(4 if old else lag, len(releases) - 1)]

    @staticmethod
    def _is_current(release: DefenderRelease, releases: tuple[DefenderRelease, ...], now: datetime) -> bool:
        """Whether the release is at least the newest one that came out more than ``_GRACE`` ago, to the hour."""
        due = next(r for r in releases if now - datetime.combine(r.released, time(), UTC) > _GRACE)
        return int(release.release) >= int(due.release)


def _verdict(stale: bool, current: bool) -> str:
    return "Unknown" if stale else str(current)


def _installed_at(release: DefenderRelease, at_most: datetime, u: float) -> datetime:
    """When the device got the release: some days after it came out."""
    out = at_most.replace(year=release.released.year, month=release.released.month, day=release.released.day)
    return min(out + timedelta(days=6 * u), at_most)
