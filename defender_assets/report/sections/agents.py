"""Defender itself: which agents run where, what of them is behind, and how fresh the antivirus is.

Here: counts over eligible devices; the antivirus over eligible Windows devices. Not here: what makes an agent
unsupported (the policy says).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from .listing import Listing

STATES = ("current", "behind", "unsupported", "unknown")
FRESHNESS = ("up_to_date", "out_of_date", "unknown")
PARTS = {"engine": "Engine", "platform": "Platform", "intelligence": "Security intelligence"}
RELEASES_OF_A_PLATFORM, DISAGREEMENTS = 12, 10

_MODES = {
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


@dataclass(frozen=True)
class Release:
    """A release of the agent on a platform, and the devices that run it."""

    platform_family: str | None
    agent_release: str | None
    devices: int
    agent_state: str
    releases_behind: int | None
    agent_age_months: int | None


@dataclass(frozen=True)
class Freshness:
    """One part of the antivirus on eligible Windows devices: our states, Microsoft's, and where they contradict."""

    part: str
    up_to_date: int
    out_of_date: int
    unknown: int
    microsoft_up_to_date: int
    microsoft_out_of_date: int
    microsoft_unknown: int
    only_microsoft_up_to_date: int
    only_we_up_to_date: int

    @property
    def disagreements(self) -> int:
        return self.only_microsoft_up_to_date + self.only_we_up_to_date


@dataclass(frozen=True)
class Mode:
    """Windows devices by antivirus mode."""

    mode: str | None
    devices: int

    @property
    def name(self) -> str:
        return "not reported" if self.mode is None else _MODES.get(self.mode, self.mode)


@dataclass(frozen=True)
class Reason:
    """Why agents are noncompliant, and on how many devices; a device may have several reasons."""

    reason: str
    devices: int


def by_platform(snapshot: DaySnapshot) -> list[PlatformAgents]:
    """Platforms, the most common first."""
    counts = ", ".join(f"count(*) FILTER (WHERE agent_state = '{state}') AS {state}" for state in STATES)
    return snapshot.all(
        PlatformAgents,
        f"""
        SELECT platform_family, count(*) AS devices, {counts},
          count(*) FILTER (WHERE verdict = 'compliant') AS compliant,
          count(*) FILTER (WHERE verdict = 'noncompliant') AS noncompliant,
          max(newest_release) AS newest_release
        FROM agent_compliance WHERE population = 'eligible'
        GROUP BY platform_family ORDER BY devices DESC, platform_family
        """,
    )


def releases(snapshot: DaySnapshot) -> Listing[Release]:
    """Releases by platform, newest first; of a platform with very many, those that most devices run."""
    found = snapshot.all(
        Release,
        f"""
        WITH counted AS (
          SELECT platform_family, agent_release, agent_state, count(*) AS devices,
            max(releases_behind) AS releases_behind, max(agent_age_months) AS agent_age_months
          FROM agent_compliance WHERE population = 'eligible'
          GROUP BY platform_family, agent_release, agent_state
        ),
        ranked AS (
          SELECT *,
            row_number() OVER (PARTITION BY platform_family ORDER BY devices DESC, agent_release DESC) AS place,
            sum(devices) OVER (PARTITION BY platform_family) AS of_platform
          FROM counted
        )
        SELECT * FROM ranked WHERE place <= {RELEASES_OF_A_PLATFORM}
        ORDER BY of_platform DESC, platform_family, releases_behind NULLS LAST, agent_age_months,
          length(agent_release) DESC, agent_release DESC
        """,
    )
    total = snapshot.value(
        "SELECT count(*) FROM (SELECT DISTINCT platform_family, agent_release, agent_state FROM agent_compliance "
        "WHERE population = 'eligible')"
    )
    sql = f"""
        SELECT platform_family, agent_release, agent_state, count(*) AS devices FROM agent_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible' GROUP BY ALL ORDER BY 1, 4 DESC
    """
    return Listing(found, int(str(total)), sql)


def reasons(snapshot: DaySnapshot) -> list[Reason]:
    """Why agents are noncompliant, the most common reason first."""
    return snapshot.all(
        Reason,
        """
        SELECT reason, count(*) AS devices
        FROM (SELECT unnest(reasons) AS reason FROM agent_compliance
              WHERE population = 'eligible' AND verdict = 'noncompliant')
        GROUP BY reason ORDER BY devices DESC, reason
        """,
    )


def freshness(snapshot: DaySnapshot) -> list[Freshness]:
    """Engine, platform and security intelligence, in this order."""

    def part(name: str) -> str:
        ours, theirs = f"{name}_state", f"microsoft_{name}_state"
        counts = ", ".join(
            f"count(*) FILTER (WHERE {column} = '{state}') AS {prefix}{state}"
            for column, prefix in ((ours, ""), (theirs, "microsoft_"))
            for state in FRESHNESS
        )
        return f"""
            SELECT '{name}' AS part, {counts},
              count(*) FILTER (WHERE {ours} = 'out_of_date' AND {theirs} = 'up_to_date') AS only_microsoft_up_to_date,
              count(*) FILTER (WHERE {ours} = 'up_to_date' AND {theirs} = 'out_of_date') AS only_we_up_to_date
            FROM agent_compliance WHERE population = 'eligible' AND platform_family = 'windows'
        """

    return [snapshot.one(Freshness, part(name)) for name in PARTS]


def modes(snapshot: DaySnapshot) -> list[Mode]:
    """Windows devices by antivirus mode, the most common first."""
    return snapshot.all(
        Mode,
        """
        SELECT av_mode AS mode, count(*) AS devices FROM agent_compliance
        WHERE population = 'eligible' AND platform_family = 'windows'
        GROUP BY av_mode ORDER BY devices DESC, av_mode
        """,
    )


def sql_of_outdated(snapshot: DaySnapshot) -> str:
    """Which Windows devices have an antivirus that is out of date."""
    return f"""
        SELECT device_id, engine_state, platform_state, intelligence_state, disagrees FROM agent_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible'
        AND 'out_of_date' IN (engine_state, platform_state, intelligence_state)
    """
