"""Checks of derived tables: what must hold for every tenant, and what deserves a warning.

Here: which checks there are, and judging the numbers that ``checks/NAME.sql`` counts. Not here: checks of the policy
(``policy_checks.py``), when checks run (``refresh/derived.py``).

Checks run in bounded memory, like the computation of the tables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from ..catalog import TABLES
from ..catalog.derived.agents import COMPONENTS
from ..checks import Check, Severity
from .engine import Engine
from .errors import failures_of
from .inputs import Inputs
from .policy import Policy
from .policy_checks import POLICY_CHECKS, PolicyCheck
from .sql_files import check_sql

Numbers: TypeAlias = Mapping[str, Any]
"""What a check's SQL counted: numbers, and names or None where the check asks for them."""

CHECKED = "checked_table"
"""The checked table's name in a check's SQL, for a check that several tables have."""


@dataclass(frozen=True)
class TableCheck:
    """A check of ``table``, which reads ``inputs`` (the table itself among them).

    ``judge`` decides from the counted numbers whether the check passes, and says in one sentence what was found;
    ``severity`` is what a failure means.
    """

    name: str
    table: str
    description: str
    inputs: tuple[str, ...]
    severity: Severity
    judge: Callable[[Numbers, Policy], tuple[bool, str]]

    def run(self, inputs: Inputs, policy: Policy, *, engine: Engine) -> Check:
        """The verdict. Raises DerivationFailed where a table cannot be read."""
        with failures_of(self.table), engine.session() as session:
            for name in self.inputs:
                session.register(TABLES[name], inputs.get(name))
            session.register(TABLES[self.table], inputs.get(self.table), name=CHECKED)
            numbers = session.row(check_sql(self.name))
        passed, message = self.judge(numbers, policy)
        known = {name: number for name, number in numbers.items() if number is not None}
        return Check(self.name, passed, message, self.severity, known)


def inputs_are_fresh(ages: Mapping[str, timedelta], freshness_hours: Mapping[str, int]) -> Check:
    """No input is older, at the moment of judging, than its limit. Inputs without a limit are not looked at."""
    hours = {name: age / timedelta(hours=1) for name, age in ages.items()}
    late = {name: hours[name] for name, limit in freshness_hours.items() if hours.get(name, 0) > limit}
    message = (
        "every input is as fresh as it should be"
        if not late
        else "rests on old data: "
        + ", ".join(f"{name} is {age:,.0f} hours old (limit {freshness_hours[name]})" for name, age in late.items())
    )
    numbers = {f"{name}_hours": round(age, 1) for name, age in hours.items()}
    return Check("inputs_are_fresh", not late, message, Severity.WARNING, numbers)


def _listed(numbers: Numbers) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in numbers.items())


def _nonzero(numbers: Numbers, *names: str) -> Numbers:
    return {name: numbers[name] for name in names or numbers if numbers[name]}


def _machines_judged_once(table: str) -> TableCheck:
    """Every machine record has exactly one row in ``table``, and nothing else has one."""

    def judge(numbers: Numbers, _: Policy) -> tuple[bool, str]:
        wrong = _nonzero(numbers, "repeated", "missing", "unknown")
        if wrong:
            return False, f"{table} does not have one row per machine record: {_listed(wrong)}"
        return True, f"{table} has one row for each of {numbers['machines']:,} machine records"

    return TableCheck(
        "machines_judged_once",
        table,
        "Every machine record is judged exactly once.",
        ("machines", table),
        Severity.ERROR,
        judge,
    )


def _findings_have_devices(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    """A finding on a device that is no machine record: the assessment is of another hour than the machine list."""
    if numbers["without_device"]:
        return False, (
            f"{numbers['without_device']:,} of {numbers['findings']:,} findings are on "
            f"{numbers['unknown_devices']:,} devices that the machine list lacks; they are in no device's verdict"
        )
    return True, f"each of {numbers['findings']:,} findings is on a known device"


def _verdicts_agree_with_findings(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    if wrong := _nonzero(numbers, "other_counts", "other_verdicts", "other_reasons"):
        return False, f"devices that contradict their findings: {_listed(wrong)}"
    return True, f"verdicts of {numbers['devices']:,} devices agree with their findings"


def _antivirus_verdicts_agree(numbers: Numbers, policy: Policy) -> tuple[bool, str]:
    """Microsoft's verdicts and ours differ on no more eligible Windows devices than the policy expects."""
    limit = policy.document.checks.disagreement_max_pct
    if numbers["windows_devices"] and not numbers["compared_devices"]:
        return True, (
            f"on none of {numbers['windows_devices']:,} eligible Windows devices are Microsoft's antivirus verdict and "
            "ours both known: nothing to compare"
        )
    return numbers["disagreement_pct"] <= limit, (
        f"Microsoft's antivirus verdict differs from ours on {numbers['disagreements']:,} of "
        f"{numbers['windows_devices']:,} eligible Windows devices (at most {limit:g} % are expected): a release "
        "catalogue that is behind, or devices that report late"
    )


def _newest_releases_are_told(numbers: Numbers, policy: Policy) -> tuple[bool, str]:
    """What was inferred from the fleet, and why. The Windows sensor passes: there is no feed that tells its release."""
    limit = policy.document.agent.releases_max_days
    own = {release.component for release in policy.document.releases}
    said: dict[str, list[str]] = {"feed": [], "catalogue": [], "fleet": [], "none": []}
    avoidable = False
    for component, name in COMPONENTS.items():
        source, age = numbers.get(f"{component}_source"), numbers.get(f"{component}_listed_days")
        if source is None:  # no eligible device has it, or it is that of phones, which nothing lists
            continue
        is_current = component in own or (age is not None and age <= limit)
        if source == "feed" or (source == "catalogue" and is_current):
            said["feed"].append(name)
            continue
        why = (
            "what is listed is older"
            if is_current
            else f"it was last listed {age:,} days ago, the limit is {limit}"
            if age is not None
            else "no feed tells it"
            if component == "agent_windows"
            else "no list has it"
        )
        said[source].append(f"{name} {numbers[component]} ({why})" if source != "none" else f"{name} ({why})")
        avoidable |= not is_current and component != "agent_windows"
    parts = [
        f"{heading}: {', '.join(said[source])}"
        for source, heading in (
            ("feed", "the newest release is listed"),
            ("catalogue", "told by an old list alone"),
            ("fleet", "inferred from what the fleet runs"),
            ("none", "not known"),
        )
        if said[source]
    ]
    parts += ["refresh agent_releases, or list releases in the policy"] if avoidable else []
    return not avoidable, "; ".join(parts) or "no eligible device has a component with releases"


def _every_verdict_has_a_reason(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    if wrong := _nonzero(numbers, "without_record", "other_patch_verdicts", "other_agent_verdicts", "without_sentence"):
        return False, f"devices whose reasons are not those of their verdicts: {_listed(wrong)}"
    return True, f"the verdicts of {numbers['devices']:,} devices have their reasons"


def _missing_updates_cover_findings(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    """Findings that name no update are told, and no mistake: only some vendors' products have one that is named."""
    if wrong := _nonzero(numbers, "other_findings", "other_overdue"):
        return False, f"what is missing is not what the findings say: {_listed(wrong)}"
    naming = numbers["findings"] - numbers["naming_none"]
    return True, (
        f"{naming:,} of {numbers['findings']:,} open findings name the update that they lack; the other "
        f"{numbers['naming_none']:,} are in no row"
    )


def _versions_add_up(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    if wrong := _nonzero(numbers, "larger_than_product", "without_version", "larger_than_fleet"):
        return False, f"products whose versions contradict each other: {_listed(wrong)}"
    return True, f"the versions of {numbers['products']:,} products add up"


def _shares_add_up(numbers: Numbers, _: Policy) -> tuple[bool, str]:
    if wrong := _nonzero(numbers):
        return False, f"parts that do not add up, by how much: {_listed(wrong)}"
    return True, "the parts of every number add up"


TABLE_CHECKS: tuple[TableCheck | PolicyCheck, ...] = (
    *POLICY_CHECKS,
    _machines_judged_once("device_identity"),
    _machines_judged_once("patch_compliance"),
    _machines_judged_once("agent_compliance"),
    _machines_judged_once("policy_compliance"),
    TableCheck(
        "findings_have_devices",
        "patch_findings",
        "Every finding's device is a machine record.",
        ("patch_findings", "device_identity"),
        Severity.WARNING,
        _findings_have_devices,
    ),
    TableCheck(
        "verdicts_agree_with_findings",
        "patch_compliance",
        "Counts, verdicts and reasons are what the findings say.",
        ("patch_compliance", "patch_findings"),
        Severity.ERROR,
        _verdicts_agree_with_findings,
    ),
    TableCheck(
        "antivirus_verdicts_agree",
        "agent_compliance",
        "Microsoft's own verdicts and ours differ on few devices.",
        ("agent_compliance",),
        Severity.WARNING,
        _antivirus_verdicts_agree,
    ),
    TableCheck(
        "newest_releases_are_told",
        "agent_compliance",
        "The newest release of every component is told by a list that is current; what is inferred is named.",
        ("agent_compliance", "agent_releases"),
        Severity.WARNING,
        _newest_releases_are_told,
    ),
    TableCheck(
        "every_verdict_has_a_reason",
        "verdict_reasons",
        "Every record and every verdict has its sentence.",
        ("verdict_reasons", "patch_compliance", "agent_compliance"),
        Severity.ERROR,
        _every_verdict_has_a_reason,
    ),
    TableCheck(
        "missing_updates_cover_findings",
        "missing_updates",
        "Every finding that names an update is in one row; how many name none.",
        ("missing_updates", "patch_findings"),
        Severity.ERROR,
        _missing_updates_cover_findings,
    ),
    TableCheck(
        "versions_add_up",
        "software_versions",
        "The versions of a product are on no more devices than it is, and each of these has one.",
        ("software_versions",),
        Severity.ERROR,
        _versions_add_up,
    ),
    TableCheck(
        "shares_add_up",
        "fleet_summary",
        "The parts of every number add up to it.",
        ("fleet_summary",),
        Severity.ERROR,
        _shares_add_up,
    ),
)
"""The checks of derived tables. ``inputs_are_fresh`` is apart: it needs the ages that come with a derivation, not
tables."""
