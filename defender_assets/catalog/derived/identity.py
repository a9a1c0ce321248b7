"""Which record is which device, and who counts: the denominator of everything.

Here: the declaration, and what every table with a verdict repeats of it. Not here: the rules by which records are one
device, which are SQL (``compliance/tables/device_identity.sql``).
"""

from ..column import text, time, whole
from ..table import Group
from .table import ABSENT_INPUTS, DerivedTable, Headline

POPULATIONS = ("merged", "excluded", "not_onboarded", "duplicate", "inactive", "not_assessed", "eligible")
"""The populations, in the order in which they are tested: a record belongs to the first that fits."""

POPULATION = text("population", "Population of the record (device_identity).", sampled=True)
PLATFORM_FAMILY = text("platform_family", "windows, macos, linux, android, ios or other.", sampled=True)
DAYS_SILENT = whole(
    "days_silent", "Whole days since the last full report; null where its date is missing or more than a day ahead."
)
AS_OF = time("as_of", "When the day's machines were observed: the moment everything is judged at.")


def population_headlines(total: str) -> tuple[Headline, ...]:
    """One headline for each population, all over ``total``."""
    return tuple(
        Headline(population, f"Machine records that are {population.replace('_', ' ')}.", total)
        for population in POPULATIONS
    )


def judged(name: str) -> tuple[Headline, ...]:
    """Headlines of a table with a verdict on each machine record."""
    return (
        Headline("eligible", "Devices that are judged."),
        *(
            Headline(verdict, f"Eligible devices whose {name} verdict is {verdict}.", "eligible")
            for verdict in ("compliant", "noncompliant", "unknown")
        ),
        Headline("not_eligible", "Machine records left out of the percentages (population says why)."),
    )


DEVICE_IDENTITY = DerivedTable(
    name="device_identity",
    title="Device identity",
    description="One row per machine record: which record survives where a device has several, and which population "
    "the record belongs to. Only eligible records are in any percentage. Two records are one device if their Entra ids "
    "are equal, or if their names are and nothing contradicts it: not two Entra ids, platform families or sets of "
    "hardware addresses without a common one.",
    group=Group.INVENTORY,
    inputs=("machines",),
    optional_inputs=("software_inventory", "software_vulnerabilities"),
    key=("device_id",),
    columns=(
        text("device_id", "The machine record (machines.id).", sampled=True),
        text("device_name", "Name as reported."),
        text("os_platform", "Operating system as reported.", sampled=True),
        PLATFORM_FAMILY,
        whole("rbac_group_id", "Device group; 0 means none."),
        text("rbac_group_name", "Name of the device group."),
        text("machine_tags", "Tags.", many=True),
        time("last_seen", "Last full report of the device."),
        text("onboarding_status", "Onboarding status as sent.", sampled=True),
        text("health_status", "Sensor health as sent.", sampled=True),
        text(
            "primary_device_id",
            "The surviving record of the same device; its own id where there is no other.",
            sampled=True,
        ),
        text(
            "population",
            "The first that holds of: merged, excluded, not_onboarded, duplicate (an older record of a device that has "
            "a later one), inactive, not_assessed (no row of vulnerability management, or last_seen is missing or more "
            "than a day after as_of), eligible. Where software_inventory or software_vulnerabilities is absent, the "
            "other alone tells which devices were assessed; where both are, nobody knows, and no device is "
            "not_assessed for that.",
            sampled=True,
        ),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        Headline("machines", "Machine records."),
        *population_headlines("machines"),
    ),
)
