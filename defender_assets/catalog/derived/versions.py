"""Versions of software: how many devices run which.

Here: the declaration. Not here: exposure per product (``exposure.py``), what is left of a version's support
(``support.py``).
"""

from ..column import real, text, time, whole
from ..table import Group
from .identity import AS_OF
from .patches import PRODUCT
from .table import DerivedTable, Headline

SOFTWARE_VERSIONS = DerivedTable(
    name="software_versions",
    title="Software versions",
    description="One row per vendor, product and version of the inventory: how many devices run it, which share of the "
    "product's devices and of the fleet that is, its known weaknesses, and what is left of its support. Only software "
    "that the service knows by a CPE name has weaknesses, and is in this inventory.",
    group=Group.INVENTORY,
    inputs=("device_identity", "software_inventory", "software_end_of_support"),
    key=("software_vendor", "software_name", "software_version"),
    columns=(
        *PRODUCT,
        text("software_version", "Installed version.", sampled=True),
        whole("devices", "Eligible devices that have it installed."),
        whole("product_devices", "Eligible devices that have the product, in any version."),
        whole("eligible_devices", "All eligible devices: the denominator."),
        real("product_pct", "devices over product_devices, 0 to 100; null where no eligible device has the product."),
        real("fleet_pct", "devices over eligible_devices, 0 to 100."),
        whole("other_devices", "Records that are not eligible and have it."),
        whole(
            "weaknesses",
            "Known vulnerabilities of the version as the inventory says; the largest number where its rows differ, "
            "null where none says.",
        ),
        text(
            "support",
            "The worst status of its editions in software_end_of_support: ended, ends_soon, unknown or "
            "supported_until; null where the service tells nothing of its support.",
            sampled=True,
        ),
        time("end_of_support_date", "When support ends or ended; the earliest where editions differ."),
        time("first_seen_at", "When it was first seen on one of the devices."),
        AS_OF,
    ),
    headlines=(
        Headline("versions", "Versions on eligible devices."),
        Headline("with_weaknesses", "Of these, with a known weakness.", "versions"),
        Headline("weaknesses_unknown", "Of these, of which the inventory tells no number of weaknesses.", "versions"),
        Headline("ended", "Of these, past their end of support.", "versions"),
        Headline("products", "Products on eligible devices."),
        Headline("in_several_versions", "Of these, in more than one version.", "products"),
    ),
)
