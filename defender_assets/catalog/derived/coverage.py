"""Coverage: which of the known devices are protected.

Here: the declaration. Not here: whether a device is reporting and who manages it (``endpoints.py``), whether its agent
is supported (``agents.py``).
"""

from ..column import text, time, whole
from ..table import Group
from .identity import AS_OF, DAYS_SILENT, PLATFORM_FAMILY, POPULATION
from .table import ABSENT_INPUTS, DerivedTable, Headline

COVERAGE = DerivedTable(
    name="coverage",
    title="Coverage",
    description="One row per device that the service knows, onboarded or only discovered: is it protected, and what "
    "does it lack. Records that were merged or are duplicates are no devices of their own and have no row; devices "
    "that are excluded in the portal have one, and are counted apart.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "machines"),
    optional_inputs=("av_health",),
    key=("device_id",),
    columns=(
        text("device_id", "The device.", sampled=True),
        text("device_name", "Name as reported."),
        PLATFORM_FAMILY,
        text("os_platform", "Operating system as reported.", sampled=True),
        POPULATION,
        whole("rbac_group_id", "Device group; 0 means none."),
        text("rbac_group_name", "Name of the device group."),
        text("onboarding_status", "Onboarding status as sent.", sampled=True),
        text(
            "subnet",
            "Network of the last local IP address: /24 of IPv4, /64 of IPv6; null without an address, or with one of "
            "loopback or link-local.",
        ),
        time("first_seen", "First report."),
        time("last_seen", "Last full report."),
        DAYS_SILENT,
        text("sensor_state", "healthy, inactive, impaired or unknown.", sampled=True),
        text(
            "av_mode",
            "active, passive, disabled, other, edr_blocked or passive_audit; null when not reported.",
            sampled=True,
        ),
        text(
            "protection",
            "unprotected (not onboarded, or not seen for the policy's coverage.not_seen_days), unknown (what decides "
            "is missing), partly (sensor or antivirus do not work as they should) or protected: the first that holds.",
            sampled=True,
        ),
        text(
            "gaps",
            "What it lacks. Unprotected: can_be_onboarded, onboarding_unsupported, insufficient_info, not_onboarded, "
            "not_seen. Unknown: onboarding_unknown, last_seen_unknown, platform_unknown, sensor_unknown, "
            "antivirus_mode_unknown, antivirus_unknown (av_health is absent). Partly: sensor_impaired, sensor_inactive "
            "and, on Windows, antivirus_passive (EDR in block mode included), antivirus_disabled, no_antivirus_report "
            "(none within the policy's antivirus.refresh_max_days). Empty where it is protected.",
            many=True,
        ),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        Headline("known", "Devices that the service knows, save for those excluded in the portal."),
        Headline("protected", "Of these, protected.", "known"),
        Headline("partly", "Of these, protected partly.", "known"),
        Headline("unprotected", "Of these, not protected.", "known"),
        Headline("unknown", "Of these, not known to be protected or not.", "known"),
        Headline("not_onboarded", "Of these, discovered and not onboarded.", "known"),
        Headline("excluded", "Devices excluded in the portal, counted apart."),
    ),
)
