"""Checks of derived tables: what has to hold whatever the tenant, and what is worth a warning.

Here: functions over tables that return whether a check passed, how bad it is if not, and the numbers it went by.
Not here: when checks run (the orchestration). Each reads its tables with memory bounded, like the tables themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .engine import Engine
from .inputs import KNOWN, Inputs
from .policy import Policy

Numbers = dict[str, int | float]


class Severity(StrEnum):
    """What a failed check means: a table that contradicts itself, or a result to be read with care."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class CheckResult:
    """``numbers`` are what was counted; ``message`` says what was found, in one sentence."""

    passed: bool
    severity: Severity
    numbers: Numbers
    message: str


@dataclass(frozen=True)
class Check:
    """A check on ``table``; ``inputs`` are the tables it reads, the table itself among them."""

    name: str
    table: str
    description: str
    inputs: tuple[str, ...]
    run: Callable[[Inputs, Policy, Engine], CheckResult]


def _counted(inputs: Inputs, names: tuple[str, ...], query: str, engine: Engine) -> Numbers:
    """The one row of a query over tables, as numbers."""
    with engine.session() as session:
        for name in names:
            session.register(KNOWN[name], inputs.get(name))
        row = session.row(query)
    return {name: value or 0 for name, value in row.items()}


def machines_judged_once(table: str, inputs: Inputs, engine: Engine) -> CheckResult:
    """Every machine record has exactly one row in ``table``, and nothing else has one."""
    numbers = _counted(
        inputs,
        ("machines", table),
        f"""
        WITH judged AS (SELECT device_id, count(*) AS rows FROM {table} GROUP BY device_id),
        listed AS (SELECT DISTINCT id FROM machines)
        SELECT
          (SELECT count(*) FROM listed) AS machines,
          (SELECT count(*) FROM {table}) AS rows,
          (SELECT count(*) FROM judged WHERE rows > 1) AS repeated,
          (SELECT count(*) FROM listed WHERE id NOT IN (SELECT device_id FROM judged WHERE device_id IS NOT NULL))
            AS missing,
          (SELECT count(*) FROM judged WHERE device_id IS NULL OR device_id NOT IN (SELECT id FROM listed)) AS unknown
        """,
        engine,
    )
    wrong = {name: numbers[name] for name in ("repeated", "missing", "unknown") if numbers[name]}
    message = (
        f"{table} has one row for each of {numbers['machines']:,} machine records"
        if not wrong
        else f"{table} does not have one row per machine record: {_listed(wrong)}"
    )
    return CheckResult(not wrong, Severity.ERROR, numbers, message)


def shares_add_up(inputs: Inputs, engine: Engine) -> CheckResult:
    """The parts of fleet_summary add up to their wholes."""
    numbers = _counted(
        inputs,
        ("fleet_summary",),
        """
        SELECT
          coalesce(sum(abs(
            machines - merged - excluded - not_onboarded - duplicate - inactive - not_assessed - eligible)), 0)
            AS populations,
          coalesce(sum(abs(eligible - patch_compliant_devices - patch_noncompliant_devices)), 0) AS patch_verdicts,
          coalesce(sum(abs(
            eligible - agent_compliant_devices - agent_noncompliant_devices - agent_unknown_devices)), 0)
            AS agent_verdicts,
          coalesce(sum(abs(
            eligible - policy_compliant_devices - policy_noncompliant_devices - policy_unknown_devices)), 0)
            AS policy_verdicts,
          coalesce(sum(abs(
            open_findings - exempt_findings - no_fix_findings - no_due_date_findings - overdue_findings
            - due_soon_findings - on_time_findings)), 0) AS finding_states,
          coalesce(sum(abs(
            overdue_findings - overdue_0_7_days - overdue_8_30_days - overdue_31_90_days - overdue_over_90_days)), 0)
            AS overdue_ages,
          coalesce(sum(abs(
            eligible - agents_current - agents_behind - agents_unsupported - agents_unknown)), 0) AS agent_states,
          coalesce(sum(abs(
            eligible - sensors_healthy - sensors_inactive - sensors_impaired - sensors_unknown)), 0) AS sensor_states
        FROM fleet_summary
        """,
        engine,
    )
    wrong = {name: number for name, number in numbers.items() if number}
    message = (
        "the parts of every number add up" if not wrong else f"parts that do not add up, by how much: {_listed(wrong)}"
    )
    return CheckResult(not wrong, Severity.ERROR, numbers, message)


def findings_have_devices(inputs: Inputs, engine: Engine) -> CheckResult:
    """Every finding's device is a machine record. Where it is not, the assessment is of another hour than the list."""
    numbers = _counted(
        inputs,
        ("patch_findings", "device_identity"),
        """
        SELECT
          count(*) AS findings,
          count(*) FILTER (WHERE d.device_id IS NULL) AS without_device,
          count(DISTINCT f.device_id) FILTER (WHERE d.device_id IS NULL) AS unknown_devices
        FROM patch_findings AS f
        LEFT JOIN (SELECT DISTINCT device_id FROM device_identity) AS d ON d.device_id = f.device_id
        """,
        engine,
    )
    passed = numbers["without_device"] == 0
    message = (
        f"each of {numbers['findings']:,} findings is on a known device"
        if passed
        else f"{numbers['without_device']:,} of {numbers['findings']:,} findings are on "
        f"{numbers['unknown_devices']:,} devices that the machine list lacks; they are in no device's verdict"
    )
    return CheckResult(passed, Severity.WARNING, numbers, message)


def verdicts_agree_with_findings(inputs: Inputs, engine: Engine) -> CheckResult:
    """Counts and verdicts of patch_compliance are what patch_findings says, counted again."""
    numbers = _counted(
        inputs,
        ("patch_compliance", "patch_findings"),
        """
        WITH counted AS (
          SELECT device_id, count(*) AS findings, sum(CASE WHEN state = 'overdue' THEN 1 ELSE 0 END) AS overdue
          FROM patch_findings GROUP BY device_id
        )
        SELECT
          count(*) AS devices,
          count(*) FILTER (
            WHERE p.open_findings <> coalesce(c.findings, 0) OR p.overdue_findings <> coalesce(c.overdue, 0)
          ) AS other_counts,
          count(*) FILTER (
            WHERE p.verdict <> CASE
              WHEN p.population <> 'eligible' THEN 'unknown'
              WHEN coalesce(c.overdue, 0) > 0 THEN 'noncompliant'
              ELSE 'compliant' END
          ) AS other_verdicts
        FROM patch_compliance AS p LEFT JOIN counted AS c ON c.device_id = p.device_id
        """,
        engine,
    )
    wrong = {name: numbers[name] for name in ("other_counts", "other_verdicts") if numbers[name]}
    message = (
        f"verdicts of {numbers['devices']:,} devices agree with their findings"
        if not wrong
        else f"devices that contradict their findings: {_listed(wrong)}"
    )
    return CheckResult(not wrong, Severity.ERROR, numbers, message)


def antivirus_verdicts_agree(inputs: Inputs, max_pct: float, engine: Engine) -> CheckResult:
    """Microsoft's verdicts and ours differ on no more than ``max_pct`` percent of eligible Windows devices."""
    numbers = _counted(
        inputs,
        ("agent_compliance",),
        """
        SELECT count(*) AS windows_devices, count(*) FILTER (WHERE disagrees) AS disagreements
        FROM agent_compliance
        WHERE population = 'eligible' AND platform_family = 'windows'
        """,
        engine,
    )
    devices, differing = numbers["windows_devices"], numbers["disagreements"]
    numbers["disagreement_pct"] = 100.0 * differing / devices if devices else 0.0
    return CheckResult(
        numbers["disagreement_pct"] <= max_pct,
        Severity.WARNING,
        numbers,
        f"Microsoft's antivirus verdict differs from ours on {differing:,} of {devices:,} eligible Windows devices "
        f"(at most {max_pct:g} % are expected): a release catalogue that is behind, or devices that report late",
    )


def inputs_are_fresh(ages: Mapping[str, timedelta], freshness_hours: Mapping[str, int]) -> CheckResult:
    """No input is older, at the moment of judging, than its limit. Inputs without a limit are not looked at."""
    hours = {name: age / timedelta(hours=1) for name, age in ages.items()}
    late = {name: hours[name] for name, limit in freshness_hours.items() if hours.get(name, 0) > limit}
    message = (
        "every input is as fresh as it should be"
        if not late
        else "rests on old data: "
        + ", ".join(f"{name} is {age:,.0f} hours old (limit {freshness_hours[name]})" for name, age in late.items())
    )
    numbers: Numbers = {f"{name}_hours": round(age, 1) for name, age in hours.items()}
    return CheckResult(not late, Severity.WARNING, numbers, message)


def _listed(numbers: Mapping[str, int | float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in numbers.items())


def _judged_once(table: str) -> Check:
    return Check(
        "machines_judged_once",
        table,
        "Every machine record is judged exactly once.",
        ("machines", table),
        lambda inputs, _, engine: machines_judged_once(table, inputs, engine),
    )


CHECKS: tuple[Check, ...] = (
    _judged_once("device_identity"),
    _judged_once("patch_compliance"),
    _judged_once("agent_compliance"),
    _judged_once("policy_compliance"),
    Check(
        "findings_have_devices",
        "patch_findings",
        "Every finding's device is a machine record.",
        ("patch_findings", "device_identity"),
        lambda inputs, _, engine: findings_have_devices(inputs, engine),
    ),
    Check(
        "verdicts_agree_with_findings",
        "patch_compliance",
        "Counts and verdicts are what the findings say.",
        ("patch_compliance", "patch_findings"),
        lambda inputs, _, engine: verdicts_agree_with_findings(inputs, engine),
    ),
    Check(
        "antivirus_verdicts_agree",
        "agent_compliance",
        "Microsoft's own verdicts and ours differ on few devices.",
        ("agent_compliance",),
        lambda inputs, policy, engine: antivirus_verdicts_agree(
            inputs, policy.document.checks.disagreement_max_pct, engine
        ),
    ),
    Check(
        "shares_add_up",
        "fleet_summary",
        "The parts of every number add up to it.",
        ("fleet_summary",),
        lambda inputs, _, engine: shares_add_up(inputs, engine),
    ),
)
"""The checks over tables. ``inputs_are_fresh`` is apart: it needs the ages that come with a derivation, not tables."""
