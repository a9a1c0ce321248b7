"""The days before: what the headline numbers were, and against which day changes are told.

Here: reading former summaries, choosing the day of comparison. Not here: drawing (``plots.py``).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..lake import Lake
from .snapshot import NEEDED, DaySnapshot

WINDOW = timedelta(days=90)
A_WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The numbers of ``fleet_summary`` that the page shows, of one day; None where the table they need was absent."""

    as_of: datetime | None
    policy: str | None
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
    open_findings: int
    exempt_findings: int
    no_fix_findings: int
    no_due_date_findings: int
    overdue_findings: int
    due_soon_findings: int
    on_time_findings: int
    other_findings: int
    overdue_critical: int
    overdue_high: int
    overdue_medium: int
    overdue_low: int
    cves: int
    kev_cves: int | None
    kev_devices: int | None
    kev_findings: int | None
    kev_overdue_findings: int | None
    agent_compliant_devices: int | None
    agent_noncompliant_devices: int | None
    agent_unknown_devices: int | None
    agents_unsupported: int | None
    windows_devices: int | None
    engine_out_of_date: int | None
    platform_out_of_date: int | None
    intelligence_out_of_date: int | None
    av_unknown: int | None
    av_disagreements: int | None
    policy_compliant_devices: int | None
    policy_noncompliant_devices: int | None
    policy_unknown_devices: int | None
    mean_weighted_score: float | None
    new_findings: int | None
    fixed_findings: int | None
    median_days_to_fix: float | None

    @property
    def overdue_other(self) -> int:
        """Overdue findings of a severity that is none of the four."""
        return self.overdue_findings - (
            self.overdue_critical + self.overdue_high + self.overdue_medium + self.overdue_low
        )


@dataclass(frozen=True)
class Trend:
    """The days up to and including the report's own, ascending, and the former day that changes are told against."""

    days: tuple[tuple[date, Summary], ...]
    against: date | None

    @property
    def now(self) -> Summary:
        return self.days[-1][1]

    @property
    def then(self) -> Summary | None:
        """The summary of the day of comparison."""
        return dict(self.days)[self.against] if self.against else None

    @property
    def is_one_day(self) -> bool:
        return len(self.days) == 1

    @property
    def days_under_another_policy(self) -> list[date]:
        """Former days that a policy of another name judged."""
        return [day for day, summary in self.days[:-1] if summary.policy != self.now.policy]


def compared_with(day: date, former: list[date]) -> date | None:
    """The newest former day that is a week or more back, else the oldest there is."""
    if not former:
        return None
    return max((known for known in former if known <= day - A_WEEK), default=min(former))


def days_of_trend(lake: Lake, day: date) -> list[date]:
    """The days with a summary, up to the day and not more than ``WINDOW`` before it."""
    return [known for known in lake.dates(NEEDED) if day - WINDOW <= known <= day]


def read_trend(snapshot: DaySnapshot) -> Trend:
    """The summaries of the days up to the snapshot's own."""
    found = snapshot.former_summaries(Summary, days_of_trend(snapshot.lake, snapshot.day))
    points = {summary.as_of.date(): summary for summary in found if summary.as_of}
    # The day itself is always there, even one without a single device.
    points[snapshot.day] = snapshot.one(Summary, "fleet_summary")
    ascending = tuple(sorted((day, summary) for day, summary in points.items() if day <= snapshot.day))
    return Trend(ascending, compared_with(snapshot.day, [known for known, _ in ascending[:-1]]))
