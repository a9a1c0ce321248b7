"""Everything the page says: the sections, the headline tiles, a short text, and the caveats.

Here: gathering it from a day's tables. Not here: the queries (``sections/``), HTML (``page.py``, ``templates/``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..compliance import Policy
from ..tenant import DEFAULT_TENANT
from .caveats import Caveat, about_scope, caveats
from .files_beside import NO_FILES, CsvFiles
from .formatting import counted, number, percent, share, shown
from .sections import agents, controls, exposure, patching, population, remediation
from .sections.alerts import AlertsOfTheWeek, alerts_of_the_week
from .sections.arrivals import Arrivals, arrivals
from .sections.certificates import CertificateEnding, certificates_ending
from .sections.coverage import FleetCoverage, fleet_coverage
from .sections.excerpt import Excerpt
from .sections.exemptions import ExemptionInUse, exemptions_in_use
from .sections.inputs import InputAge, input_ages, judged_tables
from .sections.missing import DeviceLackingUpdates, devices_lacking_updates
from .sections.opened_devices import OpenedDevices, opened_devices
from .sections.reasons import NoncompliantDevices, noncompliant_devices
from .sections.support import SoftwareOutOfSupport, unsupported_software
from .sections.updates import UpdateToInstall, updates_to_install
from .sections.users import UsersInNumbers, users_in_numbers
from .sections.versions import WeakVersion, weak_versions
from .snapshot import DaySnapshot
from .tiles import Tile, tiles
from .trend import FleetSummary, Trend, read_trend


@dataclass(frozen=True)
class Patching:
    """Patch compliance by group and platform, and what is overdue."""

    groups: Excerpt[patching.PatchCompliance]
    platforms: list[patching.PatchCompliance]
    overdue: patching.OverdueFindings
    devices: Excerpt[patching.OverdueDevice]


@dataclass(frozen=True)
class Agents:
    """Agents by platform and release, and the state of the antivirus."""

    platforms: list[agents.PlatformAgents]
    releases: Excerpt[agents.ReleaseInUse]
    reasons: list[agents.NoncomplianceReason]
    freshness: list[agents.AntivirusFreshness]
    lag: agents.IntelligenceLag
    modes: list[agents.AntivirusMode]
    sql_of_outdated: str


@dataclass(frozen=True)
class Content:
    """The page's content. A section is None where a table that it needs is absent; ``absences`` says of such tables,
    where it is known, why."""

    title: str
    organisation: str | None
    tenant: str
    day: date
    as_of: datetime | None
    policy: Policy
    trend: Trend
    about_scope: Caveat | None
    tiles: list[Tile]
    in_short: list[str]
    more_may_be_accepted: bool
    caveats: list[Caveat]
    updates: Excerpt[UpdateToInstall] | None
    missing_updates: Excerpt[DeviceLackingUpdates] | None
    arrivals: Arrivals | None
    alerts: AlertsOfTheWeek | None
    certificates: Excerpt[CertificateEnding] | None
    versions: Excerpt[WeakVersion] | None
    users: UsersInNumbers | None
    absences: Mapping[str, str]
    patching: Patching | None
    noncompliant: NoncompliantDevices | None
    opened: OpenedDevices | None
    names_users: bool
    products: Excerpt[exposure.ExposedProduct] | None
    known_exploited: Excerpt[exposure.KnownExploitedCve] | None
    support: Excerpt[SoftwareOutOfSupport] | None
    agents: Agents | None
    controls: Excerpt[controls.FailedControl] | None
    remediation: list[remediation.RemediationTimes] | None
    coverage: FleetCoverage | None
    populations: list[population.PopulationCount]
    left_out: Excerpt[population.RecordLeftOut] | None
    exemptions: list[ExemptionInUse]
    inputs: list[InputAge]
    csv_files: CsvFiles

    @property
    def facts(self) -> Mapping[str, str]:
        """The headline numbers, each with its denominator."""
        return {tile.title: " · ".join(text for text in (tile.value, tile.denominator) if text) for tile in self.tiles}


def gather(
    snapshot: DaySnapshot,
    policy: Policy,
    organisation: str | None = None,
    names_users: bool = True,
    csv_files: CsvFiles = NO_FILES,
) -> Content:
    """Runs every query of the report. Raises UnreadableSnapshot."""
    trend = read_trend(snapshot)
    as_of = trend.now.as_of or snapshot.observed_at
    ages = input_ages(snapshot, policy, as_of)
    judged, absent = judged_tables(snapshot)
    more_may_be_accepted = patching.more_may_be_accepted(snapshot)
    tenant = str(snapshot.lake.tenant)
    return Content(
        title=", ".join(
            [
                "Compliance report",
                str(snapshot.day),
                *([shown(organisation)] if organisation else []),
                *([shown(tenant)] if tenant != DEFAULT_TENANT else []),
            ]
        ),
        organisation=organisation,
        tenant=tenant,
        day=snapshot.day,
        as_of=as_of,
        policy=policy,
        trend=trend,
        about_scope=about_scope(trend.now),
        tiles=tiles(trend),
        in_short=in_short(trend, more_may_be_accepted),
        more_may_be_accepted=more_may_be_accepted,
        caveats=caveats(snapshot, policy, trend, ages, judged, absent),
        updates=updates_to_install(snapshot),
        missing_updates=devices_lacking_updates(snapshot),
        arrivals=arrivals(snapshot, trend.earlier_day),
        alerts=alerts_of_the_week(snapshot, as_of),
        certificates=certificates_ending(snapshot),
        versions=weak_versions(snapshot),
        users=users_in_numbers(snapshot),
        absences=snapshot.left_out,
        patching=_patching(snapshot),
        noncompliant=noncompliant_devices(snapshot),
        opened=opened_devices(snapshot, names_users),
        names_users=names_users,
        products=exposure.top_products(snapshot) if snapshot.has("software_exposure") else None,
        known_exploited=_known_exploited(snapshot, trend),
        support=unsupported_software(snapshot),
        agents=_agents(snapshot),
        controls=controls.failed_controls(snapshot) if snapshot.has("policy_compliance") else None,
        remediation=remediation.remediation_times(snapshot) if snapshot.has("remediation_times") else None,
        coverage=fleet_coverage(snapshot, policy),
        populations=population.populations(trend.now, policy),
        left_out=population.left_out(snapshot) if snapshot.has("device_identity") else None,
        exemptions=exemptions_in_use(snapshot, policy),
        inputs=ages,
        csv_files=csv_files,
    )


def _patching(snapshot: DaySnapshot) -> Patching | None:
    if not snapshot.has("device_identity", "patch_compliance", "patch_findings"):
        return None
    return Patching(
        groups=patching.by_group(snapshot),
        platforms=patching.patch_compliance_by_platform(snapshot),
        overdue=patching.overdue_by_age(snapshot),
        devices=patching.most_overdue_devices(snapshot),
    )


def _known_exploited(snapshot: DaySnapshot, trend: Trend) -> Excerpt[exposure.KnownExploitedCve] | None:
    # Without kev_cves the catalogue was absent or too old when the day was judged.
    if trend.now.kev_cves is None or not snapshot.has("device_identity", "patch_findings"):
        return None
    return exposure.known_exploited(snapshot)


def _agents(snapshot: DaySnapshot) -> Agents | None:
    if not snapshot.has("agent_compliance"):
        return None
    return Agents(
        platforms=agents.agents_by_platform(snapshot),
        releases=agents.releases(snapshot),
        reasons=agents.reasons(snapshot),
        freshness=agents.freshness(snapshot),
        lag=agents.intelligence_lag(snapshot),
        modes=agents.modes(snapshot),
        sql_of_outdated=agents.sql_of_outdated(snapshot),
    )


def in_short(trend: Trend, more_may_be_accepted: bool) -> list[str]:
    """The day in a few sentences, its scope first."""
    now = trend.now
    sentences = []
    if now.fleet_scope:
        out = now.machines_out_of_scope
        sentences.append(
            f"Only a part of the tenant is judged: {shown(now.fleet_scope, 300)}"
            + (
                f"; {counted(out, 'machine record is', 'machine records are')} out of scope, and counted nowhere."
                if out
                else "."
            )
        )
    if not now.machines:
        return [*sentences, "The tenant has no device: there is nothing to judge."]
    if not now.eligible:
        none = f"None of the {counted(now.machines, 'machine record')} is eligible: there is nothing to judge."
        return [*sentences, none]
    if now.patch_compliant_devices is not None:
        compliant = percent(share(now.patch_compliant_devices, now.eligible))
        sentences.append(
            f"{compliant} of the {number(now.eligible)} eligible devices are patch compliant; "
            f"{counted(now.patch_noncompliant_devices, 'device is', 'devices are')} not"
            + (f", and of {number(now.patch_unknown_devices)} it is not known." if now.patch_unknown_devices else ".")
        )
    else:
        sentences.append(
            f"Whether the {counted(now.eligible, 'eligible device is', 'eligible devices are')} patch compliant is not "
            "known."
        )
    sentences += _about_findings(now, more_may_be_accepted)
    if now.known_devices and now.protected_devices is not None:
        sentences.append(
            f"{percent(share(now.protected_devices, now.known_devices))} of the {number(now.known_devices)} known "
            "devices are protected; "
            + (f"{number(now.partly_protected_devices)} partly; " if now.partly_protected_devices else "")
            + f"{counted(now.unprotected_devices, 'device is', 'devices are')} not"
            + (
                f", and of {number(now.protection_unknown_devices)} it is not known."
                if now.protection_unknown_devices
                else "."
            )
        )
    if now.unsupported_software_devices:
        sentences.append(
            f"{counted(now.unsupported_software_devices, 'device has', 'devices have')} software past its end of "
            "support."
        )
    if now.agents_unsupported:
        sentences.append(
            f"{counted(now.agents_unsupported, 'device runs', 'devices run')} a Defender agent that is no longer "
            "supported."
        )
    left_out = now.machines - now.eligible
    if left_out:
        sentences.append(
            f"{number(left_out)} of {counted(now.machines, 'machine record')} "
            f"{'is' if left_out == 1 else 'are'} not judged; the section on population says why."
        )
    return sentences


def _about_findings(now: FleetSummary, more_may_be_accepted: bool) -> list[str]:
    """What is open, overdue, accepted and exploited; nothing of a day without findings to count."""
    if now.open_findings is None:
        return []
    sentences = []
    # Accepted and exempt ones are open, and are none of those that can be overdue.
    not_counted = (now.accepted_findings or 0) + (now.exempt_findings or 0)
    of_open = counted(now.open_findings, "open finding")
    the_rest = (f"; of {number(now.undecided_findings)} it is not known" if now.undecided_findings else "") + (
        f"; of the open ones {number(not_counted)} {'is' if not_counted == 1 else 'are'} accepted or exempt."
        if not_counted
        else "."
    )
    if now.overdue_findings:
        worst = (now.overdue_critical or 0) + (now.overdue_high or 0)
        sentences.append(
            f"{'At least ' if now.undecided_findings else ''}{number(now.overdue_findings)} of "
            f"{of_open} {'is' if now.overdue_findings == 1 else 'are'} overdue, "
            f"{number(worst)} of them critical or high{the_rest}"
        )
    elif now.open_findings:
        sentences.append(f"None of the {of_open} is overdue{the_rest}")
    if now.accepted_findings:
        exploited = (
            f", {number(now.accepted_kev_findings)} of them known to be exploited" if now.accepted_kev_findings else ""
        )
        sentences.append(
            f"{'At least ' if more_may_be_accepted else ''}"
            f"{counted(now.accepted_findings, 'finding is', 'findings are')} accepted in Defender itself (a CVE under "
            f"exception, or a mitigation in force){exploited}: they do not count as overdue."
        )
    if now.kev_cves:
        sentences.append(
            f"{counted(now.kev_cves, 'vulnerability', 'vulnerabilities')} known to be exploited "
            f"{'is' if now.kev_cves == 1 else 'are'} open on {counted(now.kev_devices, 'device')}; "
            f"{counted(now.kev_overdue_findings, 'of these findings is', 'of these findings are')} overdue."
        )
    return sentences
