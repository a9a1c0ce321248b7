"""Everything the page says, gathered: the sections, the headline tiles, what stands out, and what to beware of.

Here: putting the sections' answers together. Not here: the questions (``sections/``), HTML (``page.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..compliance import Policy
from .notices import Notice, notices
from .sections import agents, controls, exposure, patching, population, remediation
from .sections.inputs import InputAge, Result, input_ages, results_of
from .sections.listing import Listing
from .snapshot import DaySnapshot
from .tiles import Tile, tiles
from .trend import Trend, read_trend
from .words import counted, number, percent, share, shown


@dataclass(frozen=True)
class Patching:
    """What the patch tables say."""

    groups: Listing[patching.Judged]
    platforms: list[patching.Judged]
    overdue: patching.Overdue
    devices: Listing[patching.OverdueDevice]


@dataclass(frozen=True)
class Agents:
    """What the agent table says."""

    platforms: list[agents.PlatformAgents]
    releases: Listing[agents.Release]
    reasons: list[agents.Reason]
    freshness: list[agents.Freshness]
    modes: list[agents.Mode]
    sql_of_outdated: str


@dataclass(frozen=True)
class Content:
    """A section is None where the tables it needs are absent."""

    title: str
    tenant: str
    day: date
    as_of: datetime | None
    policy: Policy
    trend: Trend
    tiles: list[Tile]
    in_short: list[str]
    notices: list[Notice]
    patching: Patching | None
    products: Listing[exposure.Product] | None
    known_exploited: Listing[exposure.KnownExploited] | None
    agents: Agents | None
    controls: Listing[controls.FailedControl] | None
    fixes: list[remediation.Fixes] | None
    populations: list[population.Population]
    left_out: Listing[population.LeftOut] | None
    inputs: list[InputAge]
    results: list[Result]

    @property
    def shares(self) -> dict[str, float | None]:
        """Percent of the eligible devices that are compliant, in three ways."""
        now = self.trend.now
        return {
            "Patches": share(now.patch_compliant_devices, now.eligible),
            "Agents": share(now.agent_compliant_devices, now.eligible),
            "Configuration": share(now.policy_compliant_devices, now.eligible),
        }

    @property
    def facts(self) -> Mapping[str, str]:
        """The headline numbers, each with its denominator."""
        return {tile.title: " · ".join(words for words in (tile.value, tile.of) if words) for tile in self.tiles}


def gather(snapshot: DaySnapshot, policy: Policy) -> Content:
    """Asks the day everything. Raises UnreadableSnapshot."""
    trend = read_trend(snapshot)
    as_of = trend.now.as_of or snapshot.observed_at
    ages = input_ages(snapshot, policy, as_of)
    results, absent = results_of(snapshot)
    tenant = str(snapshot.lake.tenant)
    return Content(
        title=f"Compliance report, {snapshot.day}" + ("" if tenant == "default" else f", {shown(tenant)}"),
        tenant=tenant,
        day=snapshot.day,
        as_of=as_of,
        policy=policy,
        trend=trend,
        tiles=tiles(trend),
        in_short=in_short(trend),
        notices=notices(snapshot, policy, trend, ages, results, absent),
        patching=_patching(snapshot),
        products=exposure.top_products(snapshot) if snapshot.has("software_exposure") else None,
        known_exploited=_known_exploited(snapshot, trend),
        agents=_agents(snapshot),
        controls=controls.failed_controls(snapshot) if snapshot.has("policy_compliance") else None,
        fixes=remediation.fixes(snapshot) if snapshot.has("remediation_times") else None,
        populations=population.populations(trend.now, policy),
        left_out=population.left_out(snapshot) if snapshot.has("device_identity") else None,
        inputs=ages,
        results=results,
    )


def _patching(snapshot: DaySnapshot) -> Patching | None:
    if not snapshot.has("device_identity", "patch_compliance", "patch_findings"):
        return None
    return Patching(
        groups=patching.by_group(snapshot),
        platforms=patching.by_platform(snapshot),
        overdue=patching.overdue_by_age(snapshot),
        devices=patching.devices_to_begin_with(snapshot),
    )


def _known_exploited(snapshot: DaySnapshot, trend: Trend) -> Listing[exposure.KnownExploited] | None:
    # The summary knows whether findings could be compared with the catalogue at all.
    if not snapshot.has("device_identity", "patch_findings"):
        return None
    return exposure.known_exploited(snapshot) if trend.now.kev_cves is not None else None


def _agents(snapshot: DaySnapshot) -> Agents | None:
    if not snapshot.has("agent_compliance"):
        return None
    return Agents(
        platforms=agents.by_platform(snapshot),
        releases=agents.releases(snapshot),
        reasons=agents.reasons(snapshot),
        freshness=agents.freshness(snapshot),
        modes=agents.modes(snapshot),
        sql_of_outdated=agents.sql_of_outdated(snapshot),
    )


def in_short(trend: Trend) -> list[str]:
    """The day in a few sentences."""
    now = trend.now
    if not now.machines:
        return ["The tenant has no device: there is nothing to judge."]
    if not now.eligible:
        return [f"None of the {counted(now.machines, 'machine record')} is eligible: there is nothing to judge."]
    told = []
    if now.patch_compliant_devices is not None:
        compliant = percent(share(now.patch_compliant_devices, now.eligible))
        told.append(
            f"{compliant} of the {number(now.eligible)} eligible devices have no overdue finding; "
            f"{counted(now.patch_noncompliant_devices, 'device has', 'devices have')} one or more."
        )
    if now.overdue_findings:
        worst = now.overdue_critical + now.overdue_high
        told.append(
            f"{number(now.overdue_findings)} of {counted(now.open_findings, 'open finding')} "
            f"{'is' if now.overdue_findings == 1 else 'are'} overdue, {number(worst)} of them critical or high."
        )
    elif now.open_findings:
        told.append(f"None of the {counted(now.open_findings, 'open finding')} is overdue.")
    if now.kev_cves:
        told.append(
            f"{counted(now.kev_cves, 'vulnerability', 'vulnerabilities')} known to be exploited "
            f"{'is' if now.kev_cves == 1 else 'are'} open on {counted(now.kev_devices, 'device')}; "
            f"{counted(now.kev_overdue_findings, 'of these findings is', 'of these findings are')} overdue."
        )
    if now.agents_unsupported:
        told.append(
            f"{counted(now.agents_unsupported, 'device runs', 'devices run')} a Defender agent that is no longer "
            "supported."
        )
    left_out = now.machines - now.eligible
    if left_out:
        told.append(
            f"{number(left_out)} of {counted(now.machines, 'machine record')} "
            f"{'is' if left_out == 1 else 'are'} not judged; the section on population says why."
        )
    return told
