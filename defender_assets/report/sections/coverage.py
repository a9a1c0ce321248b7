"""Which of the known devices are protected, and where the others are.

Here: counts over the devices that the service knows, save for those excluded in the portal. Not here: what makes a
device protected (``compliance/tables/coverage.sql``), compliance of the eligible ones (``patching.py``, ``agents.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ...compliance import Policy
from ..formatting import share
from ..snapshot import DaySnapshot
from .excerpt import Excerpt

ONBOARDING = {
    "onboarded": "onboarded",
    "canbeonboarded": "discovered, can be onboarded",
    "unsupported": "discovered, not supported",
    "insufficientinfo": "discovered, too little is known",
    "": "not told",
}


@dataclass(frozen=True)
class PlatformCoverage:
    """Known devices of a platform by their protection. ``excluded`` ones are not among the known."""

    platform_family: str
    known: int
    protected: int
    partly: int
    unprotected: int
    unknown: int
    excluded: int

    @property
    def pct(self) -> float | None:
        return share(self.protected, self.known)


@dataclass(frozen=True)
class OnboardingCoverage:
    """Known devices of an onboarding status (lower case; empty where it is not told)."""

    onboarding: str
    known: int
    protected: int
    first_seen: datetime | None

    @property
    def name(self) -> str:
        return ONBOARDING.get(self.onboarding, self.onboarding)


@dataclass(frozen=True)
class Gap:
    """Something that devices lack, and how many do; a device may lack several things."""

    gap: str
    devices: int


@dataclass(frozen=True)
class UnprotectedSubnet:
    """A subnet (None: no address is known) with devices that are not protected."""

    subnet: str | None
    known: int
    unprotected: int
    not_onboarded: int


@dataclass(frozen=True)
class UnprotectedDevice:
    """A device that is not protected, and what it lacks."""

    device_id: str
    device_name: str | None
    os_platform: str | None
    subnet: str | None
    gaps: list[str]
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True)
class FleetCoverage:
    """Protection by platform and onboarding, gaps, and what is not protected. ``meanings`` are the gaps in words."""

    platforms: list[PlatformCoverage]
    onboarding: list[OnboardingCoverage]
    gaps: list[Gap]
    subnets: Excerpt[UnprotectedSubnet]
    devices: Excerpt[UnprotectedDevice]
    meanings: dict[str, str]

    @property
    def excluded(self) -> int:
        """Devices that are excluded in the portal, which are counted nowhere else here."""
        return sum(platform.excluded for platform in self.platforms)


def fleet_coverage(snapshot: DaySnapshot, policy: Policy) -> FleetCoverage | None:
    """None where the table is absent."""
    if not snapshot.has("coverage"):
        return None
    of_the_day = f"WHERE snapshot_date = '{snapshot.day}' AND population <> 'excluded' AND protection = 'unprotected'"
    subnets_sql = (
        f"SELECT subnet, count(*) AS unprotected FROM coverage_history {of_the_day} GROUP BY 1 ORDER BY 2 DESC"
    )
    devices_sql = (
        f"SELECT device_id, device_name, subnet, gaps, last_seen FROM coverage_history {of_the_day} "
        "ORDER BY last_seen DESC"
    )
    return FleetCoverage(
        platforms=snapshot.all(PlatformCoverage, "coverage_by_platform"),
        onboarding=snapshot.all(OnboardingCoverage, "coverage_by_onboarding"),
        gaps=snapshot.all(Gap, "coverage_gaps"),
        subnets=Excerpt(*snapshot.first(UnprotectedSubnet, "unprotected_subnets"), subnets_sql),
        devices=Excerpt(*snapshot.first(UnprotectedDevice, "unprotected_devices"), devices_sql),
        meanings=_meanings(policy),
    )


def _meanings(policy: Policy) -> dict[str, str]:
    not_seen = policy.document.coverage.not_seen_days
    refresh = policy.document.antivirus.refresh_max_days
    return {
        "can_be_onboarded": "discovered on the network; it can be onboarded",
        "onboarding_unsupported": "discovered on the network; Defender does not support it",
        "insufficient_info": "discovered on the network; the service knows too little of it",
        "not_onboarded": "not onboarded",
        "not_seen": f"onboarded, and not seen for more than {not_seen} days",
        "onboarding_unknown": "the service does not tell whether it is onboarded",
        "last_seen_unknown": "when it was last seen is not known, or lies ahead",
        "platform_unknown": "its operating system is not known",
        "sensor_unknown": "the health of its sensor is not known",
        "sensor_impaired": "its sensor is impaired: no data, or no communication",
        "sensor_inactive": "its sensor is inactive",
        "antivirus_passive": "its antivirus is passive, or EDR in block mode stands in",
        "antivirus_disabled": "its antivirus is disabled",
        "antivirus_mode_unknown": "the mode of its antivirus is not known",
        "antivirus_unknown": "nothing is known of its antivirus: av_health was absent",
        "no_antivirus_report": f"its antivirus has not reported within {refresh} days",
    }
