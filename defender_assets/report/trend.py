"""The headline numbers of the last 90 days, and the earlier day that the newest is compared with.

Here: reading former summaries, choosing the earlier day. Not here: drawing (``plots.py``).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..catalog.derived.fleet import FLEET_SUMMARY
from ..lake import Lake
from .formatting import share
from .snapshot import DaySnapshot

WINDOW = timedelta(days=90)
WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class FleetSummary:
    """The numbers of ``fleet_summary`` that the page shows, of one day. None where the table they need was absent."""

    as_of: datetime | None
    policy: str | None
    policy_digest: str | None
    fleet_scope: str | None
    machines_out_of_scope: int | None
    findings_out_of_scope: int | None
    machines: int
    merged: int
    excluded: int
    not_onboarded: int
    duplicate: int
    inactive: int
    not_assessed: int
    eligible: int
    patch_compliant_devices: int | None
    patch_noncompliant_devices: int | None
    patch_unknown_devices: int | None
    unsupported_software_devices: int | None
    unsupported_products: int | None
    known_devices: int | None
    protected_devices: int | None
    unprotected_devices: int | None
    partly_protected_devices: int | None
    protection_unknown_devices: int | None
    open_findings: int | None
    exempt_findings: int | None
    accepted_findings: int | None
    undecided_findings: int | None
    overdue_findings: int | None
    other_findings: int | None
    overdue_critical: int | None
    overdue_high: int | None
    overdue_medium: int | None
    overdue_low: int | None
    cves: int | None
    kev_cves: int | None
    kev_devices: int | None
    kev_findings: int | None
    kev_overdue_findings: int | None
    accepted_kev_findings: int | None
    agent_compliant_devices: int | None
    agent_noncompliant_devices: int | None
    agent_unknown_devices: int | None
    agent_newest_inferred: list[str] | None
    agents_unsupported: int | None
    windows_devices: int | None
    intelligence_up_to_date: int | None
    intelligence_out_of_date: int | None
    av_unknown: int | None
    av_disagreements: int | None
    policy_compliant_devices: int | None
    policy_unknown_devices: int | None
    mean_weighted_score: float | None
    compliant_devices: int | None
    noncompliant_devices: int | None
    new_findings: int | None
    fixed_findings: int | None
    median_days_to_fix: float | None

    @property
    def records(self) -> dict[str, int]:
        """Machine records by population."""
        return {
            "merged": self.merged,
            "excluded": self.excluded,
            "not_onboarded": self.not_onboarded,
            "duplicate": self.duplicate,
            "inactive": self.inactive,
            "not_assessed": self.not_assessed,
            "eligible": self.eligible,
        }

    @property
    def compliant_pct(self) -> dict[str, float | None]:
        """Percent of the eligible devices that are compliant, by what is judged."""
        return {
            "Patches": share(self.patch_compliant_devices, self.eligible),
            "Agents": share(self.agent_compliant_devices, self.eligible),
            "Configuration": share(self.policy_compliant_devices, self.eligible),
        }

    @property
    def overdue_by_severity(self) -> dict[str, int]:
        """Overdue findings by severity; ``other`` are those of none of the four. Empty where findings were absent."""
        if self.overdue_findings is None:
            return {}
        rated = {
            "critical": self.overdue_critical or 0,
            "high": self.overdue_high or 0,
            "medium": self.overdue_medium or 0,
            "low": self.overdue_low or 0,
        }
        return rated | {"other": self.overdue_findings - sum(rated.values())}


@dataclass(frozen=True)
class PolicyChange:
    """The first day of a policy, with name and digest of the one before and its own."""

    day: date
    before: tuple[str | None, str | None]
    after: tuple[str | None, str | None]


@dataclass(frozen=True)
class ScopeChange:
    """The first day of a scope, with the scope of the day before and its own; None is the whole tenant."""

    day: date
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Trend:
    """The days up to and including the report's own, ascending. Changes are against ``earlier_day``."""

    days: tuple[tuple[date, FleetSummary], ...]
    earlier_day: date | None

    @property
    def now(self) -> FleetSummary:
        """The summary of the report's own day."""
        return self.days[-1][1]

    @property
    def earlier(self) -> FleetSummary | None:
        """The summary of ``earlier_day``."""
        return dict(self.days)[self.earlier_day] if self.earlier_day else None

    @property
    def is_one_day(self) -> bool:
        """Whether there is no earlier day to compare with."""
        return len(self.days) == 1

    @property
    def days_without_findings(self) -> int:
        """On how many of the days it is not known what was open or overdue."""
        return sum(summary.overdue_findings is None for _, summary in self.days)

    @property
    def policy_changes(self) -> list[PolicyChange]:
        """The days that were judged by another policy than the day before them, ascending."""
        pairs = zip(self.days[:-1], self.days[1:], strict=True)
        return [
            PolicyChange(day, (before.policy, before.policy_digest), (after.policy, after.policy_digest))
            for (_, before), (day, after) in pairs
            if _differ(before, after)
        ]

    @property
    def scope_changes(self) -> list[ScopeChange]:
        """The days that are about another part of the tenant than the day before them, ascending."""
        pairs = zip(self.days[:-1], self.days[1:], strict=True)
        return [
            ScopeChange(day, before.fleet_scope, after.fleet_scope)
            for (_, before), (day, after) in pairs
            if before.fleet_scope != after.fleet_scope
        ]

    @property
    def earlier_had_another_scope(self) -> bool:
        """Whether changes compare two parts of the tenant, too."""
        return self.earlier is not None and self.earlier.fleet_scope != self.now.fleet_scope

    @property
    def days_of_another_scope(self) -> list[date]:
        """Earlier days that are about another part of the tenant."""
        return [day for day, summary in self.days[:-1] if summary.fleet_scope != self.now.fleet_scope]

    @property
    def earlier_had_another_policy(self) -> bool:
        """Whether changes compare two policies, too."""
        return self.earlier is not None and _differ(self.earlier, self.now)

    @property
    def days_under_another_policy(self) -> list[date]:
        """Earlier days that were judged by another policy, whatever its name."""
        return [day for day, summary in self.days[:-1] if _differ(summary, self.now)]


def _differ(one: FleetSummary, other: FleetSummary) -> bool:
    """Whether two days were judged by different policies. A digest that is not known (a day judged by an older
    version) tells nothing."""
    digests = (one.policy_digest, other.policy_digest)
    return one.policy != other.policy or (None not in digests and digests[0] != digests[1])


def comparison_day(day: date, former: list[date]) -> date | None:
    """The newest former day that is a week or more before ``day``, else the oldest. None without former days."""
    if not former:
        return None
    return max((earlier for earlier in former if earlier <= day - WEEK), default=min(former))


def days_of_trend(lake: Lake, day: date) -> list[date]:
    """The days that have a summary, from ``WINDOW`` before the day up to the day itself."""
    return lake.dates(FLEET_SUMMARY.name, day - WINDOW, day)


def read_trend(snapshot: DaySnapshot) -> Trend:
    """The summaries of the days up to the snapshot's own."""
    former = snapshot.former_summaries(FleetSummary, days_of_trend(snapshot.lake, snapshot.day))
    points = {summary.as_of.date(): summary for summary in former if summary.as_of}
    # The day itself always counts, even without a single device.
    points[snapshot.day] = snapshot.one(FleetSummary, "fleet_summary")
    ascending = tuple(sorted((day, summary) for day, summary in points.items() if day <= snapshot.day))
    return Trend(ascending, comparison_day(snapshot.day, [former_day for former_day, _ in ascending[:-1]]))
