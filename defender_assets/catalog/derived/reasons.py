"""Why each device was judged as it was: the sentences behind every verdict.

Here: the declaration. Not here: the sentences, which are SQL (``compliance/tables/verdict_reasons.sql``), the command
that prints them (``explanation/``).
"""

from ..column import text, whole
from ..table import Group
from .identity import AS_OF
from .table import ABSENT_INPUTS, DerivedTable, Headline

TOPICS = ("identity", "population", "patch", "agent", "configuration")
"""What a reason is about, in the order in which a device is judged."""

VERDICT_REASONS = DerivedTable(
    name="verdict_reasons",
    title="Verdict reasons",
    description="Why each machine record was judged as it was: which record stands for the device, whether it is "
    "judged, and what each verdict rests on, a sentence a row, with the line of the policy that says so.",
    group=Group.COMPLIANCE,
    inputs=("machines", "device_identity", "agent_compliance"),
    optional_inputs=(
        "patch_findings",
        "patch_compliance",
        "policy_compliance",
        "av_health",
        "software_inventory",
        "secure_configuration",
    ),
    key=("device_id", "topic", "position"),
    columns=(
        text("device_id", "The machine record.", sampled=True),
        text(
            "topic",
            "identity (which record is the device), population (is it judged), patch, agent or configuration (its "
            "verdicts).",
            sampled=True,
        ),
        whole("position", "Order of the sentences of a topic, from 1; there may be gaps."),
        text(
            "verdict",
            "The verdict of the topic: compliant, noncompliant or unknown; null for the first two topics.",
            sampled=True,
        ),
        text(
            "code",
            "The reason as a short code: a population, a reason of agent_compliance, overdue_findings, …",
            sampled=True,
        ),
        text("sentence", "The reason in words, with its numbers, limits and dates."),
        text(
            "setting", "The setting of the policy that decided, as a path (patch.severity_days.critical).", sampled=True
        ),
        text("policy_file", "The file, or the policy that ships, in which that is written."),
        whole("policy_line", "The line there, from 1."),
        text("policy", "Name of the policy that judged.", sampled=True),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        Headline("machines", "Machine records."),
        Headline("noncompliant", "Of these, with a verdict that is noncompliant.", "machines"),
        Headline("reasons", "Sentences."),
        Headline("with_policy_line", "Of these, with a line of the policy.", "reasons"),
    ),
)
