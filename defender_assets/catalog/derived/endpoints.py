"""Endpoints: is a device reporting, is it onboarded, and who manages it.

Here: the declaration. Not here: everything that is known of a device (``inventory.py``).
"""

from ..column import flag, text, time
from ..table import Group
from .identity import AS_OF, DAYS_SILENT, PLATFORM_FAMILY, POPULATION
from .table import DerivedTable, Headline

ENDPOINT_STATUS = DerivedTable(
    name="endpoint_status",
    title="Endpoint status",
    description="One row per machine record: is it reporting, is it onboarded, how much at risk, and who manages it.",
    group=Group.INVENTORY,
    inputs=("machines", "device_identity"),
    key=("device_id",),
    columns=(
        text("device_id", "The device.", sampled=True),
        text("device_name", "Name as reported."),
        POPULATION,
        PLATFORM_FAMILY,
        text("os_platform", "Operating system as reported.", sampled=True),
        time("first_seen", "First report."),
        time("last_seen", "Last full report."),
        DAYS_SILENT,
        text("health_status", "Sensor health as sent.", sampled=True),
        text("sensor_state", "healthy, inactive, impaired or unknown.", sampled=True),
        text("onboarding_status", "Onboarding status as sent.", sampled=True),
        text("risk_score", "Risk from alerts.", sampled=True),
        text("exposure_level", "Exposure from vulnerabilities.", sampled=True),
        text("device_value", "Value set by the administrator.", sampled=True),
        text("managed_by", "What manages the security settings.", sampled=True),
        text("managed_by_status", "Whether that management works.", sampled=True),
        flag("is_managed", "Intune or Defender for Endpoint manages the security settings."),
        AS_OF,
    ),
    headlines=(
        Headline("onboarded", "Onboarded records that are not merged, excluded or duplicates."),
        Headline("healthy", "Of these, with a healthy sensor.", "onboarded"),
        Headline(
            "managed", "Of these, with security settings managed by Intune or Defender for Endpoint.", "onboarded"
        ),
    ),
)
