"""Software past its end of support, or near it.

Here: the declaration. Not here: what the policy makes of it for a device (``patches.py``), exposure of all products
(``exposure.py``).
"""

from ..column import text, time, whole
from ..table import Group
from .identity import AS_OF
from .patches import PRODUCT
from .table import ABSENT_INPUTS, DerivedTable, Headline

SOFTWARE_END_OF_SUPPORT = DerivedTable(
    name="software_end_of_support",
    title="Software end of support",
    description="One row per vendor, product and version of which the service tells an end of support, and on how many "
    "devices it is installed. Where editions of a version differ, there is a row for each status. Products without a "
    "CVE count too.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "software_inventory"),
    optional_inputs=("patch_findings",),
    key=("software_vendor", "software_name", "software_version", "status"),
    columns=(
        *PRODUCT,
        text("software_version", "Installed version.", sampled=True),
        text(
            "status",
            "ended (the date is over, or the service says so), ends_soon (within the policy's ends_soon_days, or the "
            "service says so without a date), supported_until (a later date) or unknown (a word of the service that is "
            "not known).",
            sampled=True,
        ),
        text("end_of_support_status", "The service's word as sent.", sampled=True),
        time("end_of_support_date", "When support ends or ended: the end of that day in UTC; the earliest of several."),
        whole("days_since_end", "Whole days since that date; null unless ended, or where no date is known."),
        whole("days_until_end", "Whole days until that date; null where it has ended or no date is known."),
        whole("devices", "Eligible devices that have it installed."),
        whole("eligible_devices", "All eligible devices: the denominator."),
        whole("other_devices", "Records that are not eligible and have it."),
        whole("open_findings", "Open findings in it on these eligible devices; null without patch_findings."),
        whole("cves", "Distinct CVEs of these; null without patch_findings."),
        whole("kev_cves", "Of these, in the KEV catalogue; null when the catalogue is absent or too old."),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        Headline("products", "Products on eligible devices of which an end of support is told."),
        Headline("ended", "Of these, with a version past its end of support.", "products"),
        Headline("ends_soon", "Of these, with a version whose support ends soon.", "products"),
        Headline("ended_with_exploited", "Versions past their end of support with a known exploited CVE."),
    ),
)
