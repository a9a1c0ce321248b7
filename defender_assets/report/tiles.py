"""The headline numbers, each with its denominator, its change and its history.

Here: which numbers, and whether rising is good. Not here: what they mean (``catalog/derived/fleet.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from .formatting import Change, change, counted, number, percent, share
from .trend import FleetSummary, Trend

Measure = Callable[[FleetSummary], float | None]


@dataclass(frozen=True)
class Tile:
    """A headline number. ``denominator`` is the line under it, ``history`` its value on each day of the trend."""

    title: str
    value: str
    denominator: str
    change: Change | None
    history: tuple[tuple[date, float | None], ...]


def _tile(
    trend: Trend,
    title: str,
    denominator: str,
    measure: Measure,
    *,
    unit: str = "",
    digits: int = 0,
    rising_is_good: bool | None = True,
    is_at_least: bool = False,
) -> Tile:
    """``is_at_least`` of a number that undecided findings could add to."""
    now = measure(trend.now)
    earlier = measure(trend.earlier) if trend.earlier else None
    changed = change(now, earlier, digits=1 if unit else digits, unit=unit, rising_is_good=rising_is_good)
    return Tile(
        title=title,
        value=percent(now) if unit else number(now, digits),
        denominator=denominator,
        change=_judged_by_decided_days(changed, trend) if is_at_least else changed,
        history=tuple((day, measure(summary)) for day, summary in trend.days),
    )


def _judged_by_decided_days(changed: Change | None, trend: Trend) -> Change | None:
    """The change of a number of findings that are overdue. Against a day that had undecided ones, more is not known to
    be worse; and where either day has them, fewer is not known to be better."""
    if changed is None or trend.earlier is None:
        return changed
    # None is not known either: a day that an older version judged.
    decided = trend.earlier.undecided_findings == 0 and (trend.now.undecided_findings == 0 or changed.sense == "worse")
    return changed if decided else replace(changed, sense="same")


def _of(part: int | None, whole: int | None, what: str, *more: str) -> str:
    """``more`` are the rest of the whole: nobody shall take what is unknown for the opposite of what is counted."""
    return (
        "not known" if part is None else "; ".join([f"{number(part)} of {number(whole)} {what}", *filter(None, more)])
    )


def _out_of_scope(now: FleetSummary) -> str:
    return f"; {number(now.machines_out_of_scope)} more out of scope" if now.machines_out_of_scope else ""


def _unknown(devices: int | None) -> str:
    return f"{number(devices)} not known" if devices else ""


def _in_all(now: FleetSummary) -> str:
    """Patches, agent and configuration; what is unknown in one of them is not compliant in all."""
    if now.compliant_devices is None or now.noncompliant_devices is None:
        return "not known of all three: patches, agent and configuration"
    unknown = now.eligible - now.compliant_devices - now.noncompliant_devices
    return _of(now.compliant_devices, now.eligible, "eligible devices", _unknown(unknown))


def _overdue(now: FleetSummary) -> str:
    if now.open_findings is None:
        return "not known: the findings are absent"
    return (
        f"of {counted(now.open_findings, 'open finding')} "
        f"({percent(share(now.overdue_findings, now.open_findings))}"
        f"{' or more' if now.undecided_findings else ''}); "
        f"{number(now.overdue_critical)} critical, {number(now.overdue_high)} high"
        + (f"; {number(now.findings_out_of_scope)} rows out of scope" if now.findings_out_of_scope else "")
    )


def _intelligence(now: FleetSummary) -> str:
    up, out = now.intelligence_up_to_date, now.intelligence_out_of_date
    if up is None or out is None or now.windows_devices is None:
        return f"not known of {counted(now.windows_devices, 'Windows device')}" if now.windows_devices else "not known"
    rest = ", ".join(filter(None, [f"{number(out)} out of date", _unknown(now.windows_devices - up - out)]))
    return _of(up, now.windows_devices, "Windows devices", rest)


def tiles(trend: Trend) -> list[Tile]:
    """The headline numbers, in the order of the page."""
    now = trend.now
    return [
        _tile(
            trend,
            "Compliant in all",
            _in_all(now),
            lambda summary: share(summary.compliant_devices, summary.eligible),
            unit="pt",
        ),
        _tile(
            trend,
            "Patch compliant",
            _of(now.patch_compliant_devices, now.eligible, "eligible devices", _unknown(now.patch_unknown_devices)),
            lambda summary: summary.compliant_pct["Patches"],
            unit="pt",
        ),
        _tile(
            trend,
            "Overdue findings",
            _overdue(now),
            lambda summary: summary.overdue_findings,
            rising_is_good=False,
            is_at_least=True,
        ),
        _tile(
            trend,
            "Known exploited, overdue",
            "not known: the findings are absent"
            if now.open_findings is None
            else "the KEV catalogue was absent or too old"
            if now.kev_findings is None
            else f"of {counted(now.kev_findings, 'finding')}, {counted(now.kev_cves, 'CVE')} on "
            f"{counted(now.kev_devices, 'device')}",
            lambda summary: summary.kev_overdue_findings,
            rising_is_good=False,
            is_at_least=True,
        ),
        _tile(
            trend,
            "Median days to fix",
            "not known"
            if now.fixed_findings is None
            else f"over {counted(now.fixed_findings, 'fix', 'fixes')}; {number(now.new_findings)} new findings",
            lambda summary: summary.median_days_to_fix,
            digits=1,
            rising_is_good=False,
        ),
        _tile(
            trend,
            "Agent compliant",
            _of(now.agent_compliant_devices, now.eligible, "eligible devices", _unknown(now.agent_unknown_devices)),
            lambda summary: summary.compliant_pct["Agents"],
            unit="pt",
        ),
        _tile(
            trend,
            # Not the share that is out of date: it would fall with every report that is missing.
            "Intelligence up to date",
            _intelligence(now),
            lambda summary: share(summary.intelligence_up_to_date, summary.windows_devices),
            unit="pt",
        ),
        _tile(
            trend,
            "Configuration compliant",
            _of(now.policy_compliant_devices, now.eligible, "eligible devices", _unknown(now.policy_unknown_devices)),
            lambda summary: summary.compliant_pct["Configuration"],
            unit="pt",
        ),
        _tile(
            trend,
            "Protected",
            _of(
                now.protected_devices,
                now.known_devices,
                "known devices",
                f"{number(now.partly_protected_devices)} partly" if now.partly_protected_devices else "",
                _unknown(now.protection_unknown_devices),
            )
            + _out_of_scope(now),
            lambda summary: share(summary.protected_devices, summary.known_devices),
            unit="pt",
        ),
        _tile(
            trend,
            "Unsupported software",
            "not known"
            if now.unsupported_software_devices is None
            else f"of {counted(now.eligible, 'eligible device')}; {counted(now.unsupported_products, 'product')}",
            lambda summary: summary.unsupported_software_devices,
            rising_is_good=False,
        ),
        _tile(
            trend,
            "Eligible devices",
            f"of {counted(now.machines, 'machine record')}; {number(now.machines - now.eligible)} left out"
            + _out_of_scope(now),
            lambda summary: summary.eligible,
            rising_is_good=None,
        ),
    ]
