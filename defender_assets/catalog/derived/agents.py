"""Agent compliance and configuration compliance: a verdict per machine record with its reasons.

Here: the declarations. Not here: the rules, which are SQL (``compliance/tables/``).
"""

from ..column import flag, real, text, whole
from ..table import Group
from .identity import AS_OF, PLATFORM_FAMILY, judged
from .table import ABSENT_INPUTS, DerivedTable, Headline

_SOURCE = (
    "feed (a live feed), catalogue (a dated file or page, the policy's own list, or a feed that was not read for long) "
    "or fleet (inferred from what the devices run)."
)
_STATE = "up_to_date, out_of_date, unknown or not_applicable (anything but Windows)."


COMPONENTS = {
    "agent_windows": "the Windows sensor",
    "agent_macos": "the macOS agent",
    "agent_linux": "the Linux agent",
    "agent_android": "the Android agent",
    "agent_ios": "the iOS agent",
    "agent_other": "other agents",
    "av_engine": "the antivirus engine",
    "av_platform": "the antivirus platform",
    "av_intelligence": "security intelligence",
}
"""What has releases, and how it is called in a sentence."""


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
        text("device_id", "The device.", sampled=True),
        text("population", "Population of the record (device_identity).", sampled=True),
        PLATFORM_FAMILY,
        text("agent_version", "Version of the sensor as sent.", sampled=True),
        text(
            "agent_release",
            "What orders releases: second number on Windows, yymm of the build on macOS and Linux, the whole version "
            "elsewhere; null where the version is missing or not of that form, as in builds from before mid-2023 "
            "(101.98.64), whose month is not told.",
            sampled=True,
        ),
        text(
            "newest_release",
            "Newest release of those that are listed (agent_releases, the policy's own) and those that at least 1 % of "
            "the family's eligible devices run.",
            sampled=True,
        ),
        text("newest_source", f"What told newest_release: {_SOURCE}", sampled=True),
        whole(
            "releases_behind",
            "Known releases after agent_release, up to newest_release: those that are listed by a source that is "
            "current, and those that eligible devices of the family run.",
        ),
        whole("agent_age_months", "Calendar months since the build's month (macOS and Linux)."),
        text(
            "agent_state",
            "unknown, unsupported (also a macOS or Linux build from before mid-2023), behind or current.",
            sampled=True,
        ),
        text(
            "av_mode",
            "Antivirus mode as sent: 0 active, 1 passive, 2 disabled, 3 other, 4 EDR blocked, 5 passive audit.",
            sampled=True,
        ),
        text(
            "newest_engine",
            "Newest month of the antivirus engine (third number of its version) that counts: listed for longer than "
            "the policy's days of grace, or run by at least 1 % of the eligible Windows devices. Windows only.",
            sampled=True,
        ),
        text("newest_engine_source", f"What told newest_engine: {_SOURCE}", sampled=True),
        text("engine_state", f"Antivirus engine: {_STATE}", sampled=True),
        text("newest_platform", "The same of the antivirus platform.", sampled=True),
        text("newest_platform_source", f"What told newest_platform: {_SOURCE}", sampled=True),
        text("platform_state", f"Antivirus platform: {_STATE}", sampled=True),
        text("intelligence_version", "Version of the security intelligence as sent.", sampled=True),
        text(
            "newest_intelligence",
            "Newest version of the security intelligence that is listed, or that at least 1 % of the eligible Windows "
            "devices run or have passed. Windows only.",
            sampled=True,
        ),
        text("newest_intelligence_source", f"What told newest_intelligence: {_SOURCE}", sampled=True),
        whole(
            "intelligence_releases_behind",
            "Known versions of the security intelligence after the device's, up to newest_intelligence; judged only "
            "if the policy sets intelligence_max_behind. Windows only.",
        ),
        text("intelligence_state", f"Security intelligence, by the day it was published: {_STATE}", sampled=True),
        text("microsoft_engine_state", "Microsoft's own verdict on the engine, in the same words.", sampled=True),
        text("microsoft_platform_state", "Microsoft's own verdict on the platform, in the same words.", sampled=True),
        text(
            "microsoft_intelligence_state",
            "Microsoft's own verdict on the security intelligence, in the same words.",
            sampled=True,
        ),
        flag("disagrees", "One says up to date and the other out of date."),
        text("sensor_state", "healthy, inactive, impaired or unknown.", sampled=True),
        text(
            "verdict",
            "compliant, noncompliant or unknown (not eligible, or the agent's release or, on Windows, a state of the "
            "antivirus is not known).",
            sampled=True,
        ),
        text(
            "reasons",
            "Why the verdict is not compliant, as short codes; empty when it is: agent_unsupported, agent_behind, "
            "agent_unknown, engine_, platform_ and intelligence_ with out_of_date or unknown, intelligence_behind, "
            "sensor_impaired, sensor_inactive, population_ with the population; antivirus_disabled or "
            "antivirus_passive beside a code of the antivirus that this may explain.",
            many=True,
        ),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        *judged("agent"),
        *(
            _eligible(f"agent_{state}", f"Eligible devices whose agent is {state}.")
            for state in ("current", "behind", "unsupported", "unknown")
        ),
        _eligible("windows", "Eligible Windows devices: the denominator of the antivirus."),
        *(
            Headline(f"{part}_out_of_date", f"Windows devices whose {part} is out of date.", "windows")
            for part in ("engine", "platform", "intelligence")
        ),
        Headline(
            "antivirus_unknown",
            "Windows devices of which the state of engine, platform or intelligence is not known.",
            "windows",
        ),
        Headline("disagrees", "Windows devices on which Microsoft and we differ.", "windows"),
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
        text("device_id", "The device.", sampled=True),
        text("population", "Population of the record (device_identity).", sampled=True),
        whole("controls_applicable", "Controls that apply to the device."),
        whole("controls_compliant", "Of these, met."),
        text("failed_control_ids", "Of these, not met (scid-…).", many=True),
        text("failed_required_control_ids", "Of these, required by the policy.", many=True),
        text(
            "unknown_required_control_ids",
            "Required controls that other devices of the operating system have and of which nothing says whether this "
            "one meets them.",
            many=True,
        ),
        real("weighted_score", "Impact of the controls met over the impact of those that apply, 0 to 1."),
        text(
            "verdict",
            "compliant, noncompliant (a required control is not met, or the score is under the policy's minimum) or "
            "unknown (not eligible, no control applies, or a required control or whether the score reaches the minimum "
            "is not known).",
            sampled=True,
        ),
        text(
            "reasons",
            "Why the verdict is not compliant, as short codes; empty when it is: required_controls_failed, "
            "score_under_minimum, no_control_applies, required_controls_unknown, score_unknown, population_ with the "
            "population.",
            many=True,
        ),
        text("policy", "Name of the policy that judged.", sampled=True),
        AS_OF,
    ),
    headlines=judged("policy"),
)
