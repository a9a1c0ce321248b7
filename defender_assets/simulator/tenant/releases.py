"""The releases of the sensor and the antivirus, and when they came out, relative to the tenant's time.

Here: the release catalogue as data and as a catalogue file. Not here: the feeds of it (``release_feeds.py``), which
device runs which (``machines.py``, ``antivirus.py``).

As observed (see the documentation of each component): Windows sensors are ordered by their second number, macOS
and Linux builds by the YYMM in them, engine and platform by the month in their third number.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from .shape import TenantShape


@dataclass(frozen=True)
class DefenderRelease:
    """``release`` is the part of the version that orders releases; ``released`` the day it came out."""

    release: str
    version: str
    released: date


_SENSE = (8830, 8821, 8815, 8804, 8797, 8790, 8780, 8760, 8750, 8735, 8710)
_SENSE_AGENT_BUILD = 25857
_CATALOGUED = 8
_WEEK = timedelta(days=7)
_FIRST_SERIES = 410
_BUILDS_PER_WEEK = 1_400
SENSE_PREVIEW = 8842
"""A sensor release that a few devices run although the catalogue does not have it."""


def months_before(moment: datetime, months: int) -> tuple[int, int]:
    """Year and month, ``months`` calendar months earlier."""
    count = moment.year * 12 + moment.month - 1 - months
    return count // 12, count % 12 + 1


def yymm(moment: datetime, months: int) -> str:
    year, month = months_before(moment, months)
    return f"{year % 100:02d}{month:02d}"


def intelligence_at(moment: datetime) -> str:
    """The security intelligence that was the newest at a moment, ``1.456.820.0``: the second number grows by the week,
    the third within it."""
    since = moment - datetime(2026, 1, 5, tzinfo=moment.tzinfo)
    week, within = divmod(since, _WEEK)
    return f"1.{_FIRST_SERIES + week}.{int(within / _WEEK * _BUILDS_PER_WEEK)}.0"


class Releases:
    """The releases at the tenant's time, newest first in every family."""

    def __init__(self, shape: TenantShape) -> None:
        self.epoch = shape.as_of
        today = shape.as_of.date()
        self.agent_windows = tuple(
            DefenderRelease(
                str(sense), f"10.{sense}.{_SENSE_AGENT_BUILD + 7 * (11 - k)}.1000", today - timedelta(days=24 + 31 * k)
            )
            for k, sense in enumerate(_SENSE)
        )
        # The month in a macOS or Linux build is that of the code branch; the release follows one to two months later.
        self.agent_linux = tuple(self._app(months, 1) for months in range(2, 14))
        self.agent_macos = tuple(self._app(months, 7) for months in range(1, 12))
        # The engine's newest release is old enough to count, the platform's still within three days of grace.
        self.av_engine = tuple(self._monthly("1.1", 12, k) for k in range(9))
        self.av_platform = tuple(self._monthly("4.18", 2, k) for k in range(9))

    def _app(self, months: int, revision: int) -> DefenderRelease:
        year, month = months_before(self.epoch, months)
        label = f"{year % 100:02d}{month:02d}"
        branch = date(year, month, 12)
        return DefenderRelease(
            label,
            f"101.{label}2.{revision:04d}",
            min(branch + timedelta(days=35), self.epoch.date() - timedelta(days=3)),
        )

    def _monthly(self, prefix: str, newest_age_days: int, k: int) -> DefenderRelease:
        newest = self.epoch - timedelta(days=newest_age_days)
        label = f"{yymm(newest, k)}0"
        year, month = months_before(newest, k)
        released = newest.date() if k == 0 else date(year, month, min(newest.day, 28))
        return DefenderRelease(label, f"{prefix}.{label}.{5 + k % 3}", released)

    def catalogue(self) -> dict[str, tuple[DefenderRelease, ...]]:
        """The releases that a maintained catalogue lists: the newest ones of each family."""
        return {
            "agent_windows": self.agent_windows[:_CATALOGUED],
            "agent_macos": self.agent_macos[:_CATALOGUED],
            "agent_linux": self.agent_linux[: _CATALOGUED + 2],
            "av_engine": self.av_engine[:_CATALOGUED],
            "av_platform": self.av_platform[:_CATALOGUED],
        }

    def feed(self, now: datetime) -> dict[str, Any]:
        """The catalogue as the JSON document that is served under ``/feeds/defender_releases.json``."""
        return {
            "title": "Microsoft Defender for Endpoint releases",
            "source": "https://learn.microsoft.com/en-us/defender-endpoint/microsoft-defender-endpoint-versions",
            "updated": now.date().isoformat(),
            "families": {
                family: [
                    {"release": r.release, "version": r.version, "released": r.released.isoformat()} for r in releases
                ]
                for family, releases in self.catalogue().items()
            },
        }
