"""Agent compliance and configuration compliance: a verdict per machine record with its reasons.

Here: the declarations. Not here: the rules, which are SQL (``compliance/tables/``).
"""

from ..column import flag, real, text, whole
from ..table import Group
from .identity import AS_OF, PLATFORM_FAMILY, judged
from .table import ABSENT_INPUTS, DerivedTable, Headline

_STATE = "up_to_date, out_of_date, unknown or not_applicable (anything but Windows)."


def _eligible(name: str, description: str) -> Headline:
    return Headline(name, description, "eligible")


AGENT_COMPLIANCE = DerivedTable(
    name="agent_compliance",
    title="Agent compliance",
    description="One row per machine record: is the Defender agent supported, are engine, platform and security "
    "intelligence up to date, does the sensor work; our states beside Microsoft's own.",
    group=Group.COMPLIANCE,
    inputs=("machines", "device_identity"),
    optional_inputs=("av_health", "agent_releases"),
    key=("device_id",),
    columns=(
        text("device_id", "The device."),
        text("population", "Population of the record (device_identity)."),
        PLATFORM_FAMILY,
        text("agent_version", "Version of the sensor as sent."),
        text(
            "agent_release",
            "What orders releases: second number on Windows, yymm of the build on macOS and Linux, the whole version "
            "elsewhere; null where the version is missing or not of that form.",
        ),
        text(
            "newest_release",
            "Newest release of the catalogue, else the newest that at least 1 % of the family's eligible devices run.",
        ),
        whole("releases_behind", "Known releases after agent_release, up to newest_release."),
        whole("agent_age_months", "Calendar months since the build's month (macOS and Linux)."),
        text("agent_state", "unknown, unsupported, behind or current."),
        text(
            "av_mode",
            "Antivirus mode as sent: 0 active, 1 passive, 2 disabled, 3 other, 4 EDR blocked, 5 passive audit.",
        ),
        text("engine_state", f"Antivirus engine: {_STATE}"),
        text("platform_state", f"Antivirus platform: {_STATE}"),
        text("intelligence_state", f"Security intelligence: {_STATE}"),
        text("microsoft_engine_state", "Microsoft's own verdict on the engine, in the same words."),
        text("microsoft_platform_state", "Microsoft's own verdict on the platform, in the same words."),
        text(
            "microsoft_intelligence_state", "Microsoft's own verdict on the security intelligence, in the same words."
        ),
        flag("disagrees", "One says up to date and the other out of date."),
        text("sensor_state", "healthy, inactive, impaired or unknown."),
        text("verdict", "compliant, noncompliant or unknown."),
        text("reasons", "Why the verdict is not compliant, as short codes; empty when it is.", many=True),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        *judged("agent"),
        *(
            _eligible(f"agent_{state}", f"Eligible devices whose agent is {state}.")
            for state in ("current", "behind", "unsupported", "unknown")
        ),
        *(
            _eligible(f"{part}_out_of_date", f"Eligible devices whose {part} is out of date.")
            for part in ("engine", "platform", "intelligence")
        ),
        _eligible("disagrees", "Eligible devices on which Microsoft and we differ."),
    ),
)

POLICY_COMPLIANCE = DerivedTable(
    name="policy_compliance",
    title="Policy compliance",
    description="One row per machine record: which of the security settings that apply to it are met, and whether that "
    "meets the policy's minimum score and required controls.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "secure_configuration"),
    key=("device_id",),
    columns=(
        text("device_id", "The device."),
        text("population", "Population of the record (device_identity)."),
        whole("controls_applicable", "Controls that apply to the device."),
        whole("controls_compliant", "Of these, met."),
        text("failed_control_ids", "Of these, not met (scid-…).", many=True),
        text("failed_required_control_ids", "Of these, required by the policy.", many=True),
        real("weighted_score", "Impact of the controls met over the impact of those that apply, 0 to 1."),
        text(
            "verdict",
            "compliant, noncompliant (a required control is not met, or the score is under the policy's minimum) or "
            "unknown (not eligible, or no control applies).",
        ),
        text("policy", "Name of the policy that judged."),
        AS_OF,
    ),
    headlines=judged("policy"),
)
