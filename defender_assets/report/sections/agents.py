"""Agents and the antivirus: states, releases in use, and how fresh the antivirus is.

Here: counts over eligible devices; of the antivirus over eligible Windows devices. Not here: what makes an agent
unsupported (``compliance/tables/agent_compliance.sql``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from .excerpt import Excerpt

SOURCES = {"feed": "live feed", "catalogue": "dated list", "fleet": "inferred from the fleet"}
"""What told a newest release."""

PARTS = {"engine": "Engine", "platform": "Platform", "intelligence": "Security intelligence"}

_MODE_NAMES = {
    "0": "active",
    "1": "passive",
    "2": "disabled",
    "3": "other",
    "4": "EDR in block mode",
    "5": "passive audit",
}  # https://learn.microsoft.com/defender-endpoint/device-health-api-methods-properties


@dataclass(frozen=True)
class PlatformAgents:
    """Eligible devices of a platform by the state of their agent."""

    platform_family: str | None
    devices: int
    current: int
    behind: int
    unsupported: int
    unknown: int
    compliant: int
    noncompliant: int
    newest_release: str | None
    newest_source: str | None


@dataclass(frozen=True)
class ReleaseInUse:
    """A release of the agent on a platform, and the devices that run it."""

    platform_family: str | None
    agent_release: str | None
    devices: int
    agent_state: str
    releases_behind: int | None
    agent_age_months: int | None


@dataclass(frozen=True)
class AntivirusFreshness:
    """One part of the antivirus on eligible Windows devices: our verdicts, Microsoft's, and where they contradict."""

    part: str
    up_to_date: int
    out_of_date: int
    unknown: int
    microsoft_up_to_date: int
    microsoft_out_of_date: int
    microsoft_unknown: int
    only_microsoft_up_to_date: int
    only_we_up_to_date: int
    newest: str | None
    newest_source: str | None

    @property
    def disagreements(self) -> int:
        return self.only_microsoft_up_to_date + self.only_we_up_to_date


@dataclass(frozen=True)
class IntelligenceLag:
    """By how many known versions the security intelligence of eligible Windows devices is behind the newest."""

    devices: int
    median_behind: float | None
    most_behind: int | None


@dataclass(frozen=True)
class AntivirusMode:
    """Windows devices by antivirus mode."""

    mode: str | None
    devices: int

    @property
    def name(self) -> str:
        return "not reported" if self.mode is None else _MODE_NAMES.get(self.mode, self.mode)


@dataclass(frozen=True)
class NoncomplianceReason:
    """Why agents are noncompliant or unknown, and on how many devices; a device may have several reasons."""

    reason: str
    devices: int


def agents_by_platform(snapshot: DaySnapshot) -> list[PlatformAgents]:
    """Platforms, the most common first."""
    return snapshot.all(PlatformAgents, "agents_by_platform")


def releases(snapshot: DaySnapshot) -> Excerpt[ReleaseInUse]:
    """Releases by platform, newest first."""
    sql = f"""
        SELECT platform_family, agent_release, agent_state, count(*) AS devices FROM agent_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible' GROUP BY ALL ORDER BY 1, 4 DESC
    """
    return Excerpt(*snapshot.first(ReleaseInUse, "agent_releases_in_use"), sql)


def reasons(snapshot: DaySnapshot) -> list[NoncomplianceReason]:
    """Why agents are noncompliant or unknown, the most common reason first."""
    return snapshot.all(NoncomplianceReason, "agent_noncompliance_reasons")


def freshness(snapshot: DaySnapshot) -> list[AntivirusFreshness]:
    """Engine, platform and security intelligence, in this order; nothing without eligible Windows devices."""
    return snapshot.all(AntivirusFreshness, "antivirus_freshness")


def intelligence_lag(snapshot: DaySnapshot) -> IntelligenceLag:
    """Over the devices whose version can be read."""
    return snapshot.one(IntelligenceLag, "intelligence_lag")


def modes(snapshot: DaySnapshot) -> list[AntivirusMode]:
    """Windows devices by antivirus mode, the most common first."""
    return snapshot.all(AntivirusMode, "antivirus_modes")


def sql_of_outdated(snapshot: DaySnapshot) -> str:
    """The SQL that lists the Windows devices with an antivirus that is out of date, for the reader."""
    return f"""
        SELECT device_id, engine_state, platform_state, intelligence_state, disagrees FROM agent_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible'
        AND 'out_of_date' IN (engine_state, platform_state, intelligence_state)
    """
