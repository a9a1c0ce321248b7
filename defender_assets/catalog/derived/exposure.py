"""Exposure per product: how many devices have it, and what its findings amount to.

Here: the declaration. Not here: single findings (``patches.py``).
"""

from ..column import real, time, whole
from ..table import Group
from .identity import AS_OF
from .patches import PRODUCT
from .table import DerivedTable, Headline

SOFTWARE_EXPOSURE = DerivedTable(
    name="software_exposure",
    title="Software exposure",
    description="One row per vendor and product: how many eligible devices have it, how many of them are exposed by "
    "which CVEs, and what of it is overdue or out of support.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "patch_findings", "software_inventory"),
    key=("software_vendor", "software_name"),
    columns=(
        *PRODUCT,
        whole("devices", "Eligible devices that have it (installed, or with a finding in it)."),
        whole("eligible_devices", "All eligible devices: the denominator."),
        whole("other_devices", "Records that are not eligible and have it."),
        whole("versions", "Distinct versions on eligible devices."),
        whole("exposed_devices", "Eligible devices with an open finding in it."),
        whole("cves", "Distinct CVEs on eligible devices."),
        whole("critical_cves", "Of these, of severity critical."),
        whole("kev_cves", "Of these, in the KEV catalogue; null when the catalogue is absent or too old."),
        whole("exploited_cves", "Of these, with an exploit of the policy's exploited_levels."),
        real("worst_cvss", "Highest CVSS score."),
        real("highest_epss", "Highest EPSS."),
        whole("open_findings", "Open findings on eligible devices."),
        whole("overdue_findings", "Of these, overdue."),
        whole("accepted_findings", "Of these, accepted in Defender."),
        whole("overdue_devices", "Eligible devices with an overdue finding in it."),
        whole(
            "end_of_support_versions", "Distinct versions past their end of support, by the date or the service's word."
        ),
        whole("end_of_support_devices", "Eligible devices with such a version."),
        time("end_of_support_date", "Earliest end of support of an installed version."),
        AS_OF,
    ),
    headlines=(
        Headline("products", "Products on eligible devices."),
        Headline("exposed_products", "Products with an open finding.", "products"),
        Headline("overdue_products", "Products with an overdue finding.", "products"),
        Headline("end_of_support_products", "Products of which a version out of support is installed.", "products"),
    ),
)
