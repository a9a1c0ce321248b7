"""Datasets about software: the product list and what is installed on each device.

Here: the declarations. Not here: exposure per product, which is computed (``derived/patches.py``).
"""

from .column import flag, real, text, time, whole
from .dataset import GENERAL_QUOTA, TVM_PAGES_QUOTA, CursorPages, Dataset, ExportFiles, ODataPages
from .devices import device_columns
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

SOFTWARE = Dataset(
    name="software",
    title="Software",
    description="The organisation's software products with their weaknesses and exposed devices.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/Software",
    permission="Software.Read.All",
    documentation=_DOCS + "get-software",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(halves="vendor {} 'microsoft'"),
    key=("id",),
    columns=(
        text("id", "vendor-_-name.", sampled=True),
        text("name", "Product name."),
        text("vendor", "Vendor.", sampled=True),
        whole("weaknesses", "Number of known vulnerabilities."),
        flag("publicExploit", "A public exploit exists for one of them."),
        flag("activeAlert", "An active alert involves the product."),
        whole("exposedMachines", "Devices exposed by the product."),
        whole("installedMachines", "Devices the product is installed on."),
        real("impactScore", "Impact on the organisation's exposure score."),
        flag("isNormalized", "The product has a CPE name, so that weaknesses can be matched."),
        text("category", "Category of the product.", sampled=True),
    ),
)

SOFTWARE_INVENTORY = Dataset(
    name="software_inventory",
    title="Software inventory per device",
    description="What is installed where: one row per device, vendor, product and version (software with a CPE name).",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/SoftwareInventoryByMachine",
    permission="Software.Read.All",
    documentation=_DOCS + "get-assessment-software-inventory",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/SoftwareInventoryExport")),
    key=("device_id", "software_vendor", "software_name", "software_version", "rbac_group_id"),
    columns=(
        *device_columns(),
        text("softwareVendor", "Vendor; null occurs.", sampled=True),
        text("softwareName", "Product name, as sent (a trailing NUL character was seen).", sampled=True),
        text("softwareVersion", "Installed version.", sampled=True),
        whole("numberOfWeaknesses", "Known vulnerabilities of this version."),
        text("diskPaths", "Where on disk the product was found.", many=True, personal=True),
        text("registryPaths", "Where in the registry the product was found.", many=True),
        time("softwareFirstSeenTimestamp", "When this version was first seen on the device."),
        text(
            "endOfSupportStatus",
            "None, EOS Version, Upcoming EOS Version, EOS Software or Upcoming EOS Software.",
            sampled=True,
        ),
        time("endOfSupportDate", "When support ends or ended."),
    ),
)
