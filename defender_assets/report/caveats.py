"""What a reader should know before trusting the numbers: absent and old inputs, another policy, assumptions.

Here: when a caveat applies, and its sentence. Not here: the facts behind it (``sections/inputs.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..catalog import DERIVED
from ..catalog.derived.agents import COMPONENTS
from ..compliance import Policy, rest_in
from .formatting import counted, duration, number, percent, share, shown
from .sections.inputs import InputAge, JudgedTable
from .snapshot import DaySnapshot
from .trend import FleetSummary, Trend


@dataclass(frozen=True)
class Caveat:
    """A sentence; ``level`` is warning or note."""

    level: str
    text: str


@dataclass(frozen=True)
class Assumptions:
    """Findings that were decided although an input of the policy was unknown, and those that were not; of the latter,
    those for which the KEV catalogue was absent or too old."""

    assumed: int
    undecided: int
    without_kev: int


def caveats(
    snapshot: DaySnapshot,
    policy: Policy,
    trend: Trend,
    ages: list[InputAge],
    judged: list[JudgedTable],
    absent: list[str],
) -> list[Caveat]:
    """Every caveat of the day but that of its scope, warnings first. ``absent`` are the titles of the derived tables
    that the day lacks."""
    raised = [
        *_about_patches(trend.now, snapshot.left_out),
        *_limits_of_scope(snapshot, trend),
        *_about_policy(policy, trend, judged),
        *_about_inputs(ages, absent, snapshot.left_out),
        *_about_judgements(snapshot, policy, trend),
    ]
    return sorted(raised, key=lambda caveat: caveat.level != "warning")


def about_scope(now: FleetSummary) -> Caveat | None:
    """Which part of the tenant the day is about, and what that leaves out; None where it is the whole tenant."""
    if not now.fleet_scope:
        return None
    machines, findings = now.machines_out_of_scope, now.findings_out_of_scope
    left_out = [
        *([counted(machines, "machine record")] if machines else []),
        *([f"{counted(findings, 'row', 'rows')} of software_vulnerabilities"] if findings else []),
    ]
    return Caveat(
        "warning",
        f"This is about a part of the tenant: {shown(now.fleet_scope, 300)}. "
        + (
            f"The scope leaves out {' and '.join(left_out)}, which are in no number here."
            if left_out
            else "On this day nothing was out of it."
        ),
    )


def _about_patches(now: FleetSummary, left_out: Mapping[str, str]) -> Iterator[Caveat]:
    """That nothing is known of patches, where a page without findings would look like a fleet without any."""
    if now.patch_compliant_devices is None or now.open_findings is None:
        table = "patch_findings" if now.open_findings is None else "patch_compliance"
        why = f" ({left_out[table]})" if table in left_out else ""
        yield Caveat(
            "warning",
            f"Patch compliance is unknown on this day: {table} is absent{why}. No device is called patch compliant, "
            "and that no finding is here does not mean that there is none.",
        )


_TELL_OF_REST = ("machines", "av_health")


def _limits_of_scope(snapshot: DaySnapshot, trend: Trend) -> Iterator[Caveat]:
    if _some_devices_are_out(trend.now):
        yield _use_of_rest(snapshot)
    if days := trend.days_of_another_scope:
        yield Caveat(
            "note",
            f"{counted(len(days), 'former day of the trend is', 'former days of the trend are')} about another part of "
            f"the tenant ({days[0]} to {days[-1]}): a step between them is the scope's, not the fleet's.",
        )


def _use_of_rest(snapshot: DaySnapshot) -> Caveat:
    """What the devices out of the scope decide, or that they could not."""
    if _rest_is_known(snapshot, *_TELL_OF_REST):
        return Caveat(
            "note",
            "Devices out of the scope are used for two decisions only: which release is the newest that the fleet "
            "runs, where no feed says so, and which records are older duplicates.",
        )
    duplicates = (
        ""
        if _rest_is_known(snapshot, "machines")
        else " A record whose later record is out of the scope may count as a device of its own."
    )
    return Caveat(
        "warning",
        "What the devices out of the scope run is not known, so no agent and no antivirus is called up to date by what "
        f"the fleet runs.{duplicates} Refresh machines and av_health.",
    )


def _rest_is_known(snapshot: DaySnapshot, *tables: str) -> bool:
    return rest_in(snapshot.metadata[name] for name in tables if snapshot.has(name)).is_known


def _some_devices_are_out(now: FleetSummary) -> bool:
    return now.fleet_scope is not None and now.machines_out_of_scope != 0


def _about_policy(policy: Policy, trend: Trend, judged: list[JudgedTable]) -> Iterator[Caveat]:
    others = sorted(
        {
            f"{shown(table.policy)} ({shown(table.digest)})"
            for table in judged
            if table.digest and table.digest != policy.digest
        }
    )
    if others:
        yield Caveat(
            "warning",
            f"Tables of this day were judged by another policy than the one described below: {', '.join(others)}. "
            "Compute the day again (defender-assets refresh, or a backfill in the UI).",
        )
    if policy.is_legacy:
        yield Caveat(
            "warning", f"The policy {shown(policy.name)} is legacy: its owner has withdrawn the rules it follows."
        )
    if days := trend.days_under_another_policy:
        yield Caveat(
            "note",
            f"{counted(len(days), 'former day of the trend was', 'former days of the trend were')} judged by "
            f"another policy ({days[0]} to {days[-1]}), so their numbers measure something else: a backfill applies "
            "the present one to them.",
        )


def _about_inputs(ages: list[InputAge], absent: list[str], left_out: Mapping[str, str]) -> Iterator[Caveat]:
    # Tables that nothing in the report is made from are not named.
    here = {*DERIVED, *(age.table for age in ages)} & left_out.keys()
    if here:
        tables = ", ".join(f"{name} ({left_out[name]})" for name in sorted(here))
        yield Caveat("note", f"Left out: {tables}. Results do without them, or are left out too.")
    if absent:
        yield Caveat("warning", f"Not computed on this day: {', '.join(absent)}. What needs them is left out below.")
    missing = [age for age in ages if age.is_absent and age.table not in left_out]
    if missing:
        yield Caveat(
            "note",
            f"Absent inputs: {', '.join(age.table for age in missing)}. Results do without them, or are left out.",
        )
    for age in ages:
        if age.is_old:
            yield Caveat(
                "warning",
                f"{age.title} ({age.table}) was {duration(age.age)} old when judged; the policy's limit is "
                f"{duration(age.limit)}.",
            )
        if age.kept_because:
            yield Caveat(
                "note", f"{age.title} ({age.table}): older rows were kept, because {shown(age.kept_because, 200)}."
            )


def _about_judgements(snapshot: DaySnapshot, policy: Policy, trend: Trend) -> Iterator[Caveat]:
    now = trend.now
    differing = share(now.av_disagreements, now.windows_devices)
    allowed = policy.document.checks.disagreement_max_pct
    if differing is not None and differing > allowed:
        yield Caveat(
            "warning",
            f"Microsoft's verdict on the antivirus differs from ours on {percent(differing)} of the Windows devices; "
            f"more than {percent(allowed)} asks for a look.",
        )
    yield from _about_agents(snapshot, policy, trend)
    if snapshot.has("patch_findings"):
        judged = snapshot.one(Assumptions, "findings_on_assumptions")
        if judged.undecided:
            remedy = (
                "the KEV catalogue was absent or too old. Fetch it (DEFENDER_KEV takes a file too), or say in the "
                "policy that the unknown is not exploited (patch.unknown.in_kev: no)"
                if judged.without_kev == judged.undecided
                else "decided_by says what is missing"
            )
            yield Caveat(
                "warning",
                f"{counted(judged.undecided, 'finding is', 'findings are')} neither overdue nor known not to be, and "
                f"{'its device is' if judged.undecided == 1 else 'their devices are'} not called compliant: {remedy}.",
            )
        if judged.assumed:
            yield Caveat(
                "note",
                f"{counted(judged.assumed, 'finding was', 'findings were')} decided although an input of the policy "
                "was unknown; decided_by says which.",
            )
    if now.other_findings:
        findings = counted(
            now.other_findings, "open finding is on a record that is", "open findings are on records that are"
        )
        yield Caveat(
            "note", f"{findings} not judged, and counted nowhere else in this report (patch_findings has them)."
        )


_UNKNOWN_ANTIVIRUS = {
    "unknown": "They are not called compliant.",
    "noncompliant": "The policy calls them noncompliant.",
    "ignore": "The policy judges them without it.",
}


def _about_agents(snapshot: DaySnapshot, policy: Policy, trend: Trend) -> Iterator[Caveat]:
    now = trend.now
    if now.av_unknown:
        consequence = _UNKNOWN_ANTIVIRUS[policy.document.agent.antivirus_unknown]
        yield Caveat(
            "warning" if now.av_unknown == now.windows_devices else "note",
            f"The state of the antivirus, or of a part of it, is not known of {number(now.av_unknown)} of "
            f"{counted(now.windows_devices, 'Windows device')}. {consequence}",
        )
    if now.agent_newest_inferred:
        fleet = "the fleet runs"
        if _some_devices_are_out(now):
            is_known = _rest_is_known(snapshot, *_TELL_OF_REST)
            fleet = f"the fleet, devices out of the scope {'included' if is_known else 'not included'}, runs"
        names = ", ".join(COMPONENTS.get(component, component) for component in now.agent_newest_inferred)
        yield Caveat(
            "note",
            f"The newest release of these is inferred from what {fleet}, because no list tells a later one: {names}.",
        )
