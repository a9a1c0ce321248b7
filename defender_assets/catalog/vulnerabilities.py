"""Datasets of vulnerability management: CVEs, findings per device, their changes, secure configuration.

Here: the declarations, with pages and export files as two ways to the same rows. Not here: due dates and verdicts
(``derived/patches.py``).
"""

from .column import Column, flag, real, text, time, whole
from .dataset import GENERAL_QUOTA, TVM_PAGES_QUOTA, CursorPages, Dataset, ExportFiles, ODataPages
from .devices import device_columns
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

VULNERABILITIES = Dataset(
    name="vulnerabilities",
    title="Vulnerabilities",
    description="The CVEs (and Microsoft's own TVM placeholders) that the service knows for the organisation.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/vulnerabilities",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-all-vulnerabilities",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(top=8_000, halves="severity {} 'High'"),  # the one list whose page maximum is 8,000
    key=("id",),
    columns=(
        text("id", "CVE id, or a TVM placeholder (TVM-2020-0002).", sampled=True),
        text("name", "Name; mostly the id again."),
        text("description", "Description; may hold HTML entities."),
        text("severity", "Low, Medium, High, Critical.", sampled=True),
        real("cvssV3", "CVSS v3 base score."),
        text("cvssVector", "CVSS vector.", sampled=True),
        whole("exposedMachines", "Devices exposed."),
        time("publishedOn", "When the CVE was published."),
        time("updatedOn", "When the entry was last changed."),
        time("firstDetected", "When it was first detected in the organisation."),
        time("patchFirstAvailable", "When a fix first became available."),
        flag("publicExploit", "A public exploit exists."),
        flag("exploitVerified", "The exploit is verified."),
        flag("exploitInKit", "The exploit is part of a kit."),
        text("exploitTypes", "Kinds of exploit (Remote, Local, PrivilegeEscalation, Dos, …).", many=True),
        text("exploitUris", "Where exploits are published.", many=True),
        text(
            "cveSupportability",
            "Whether the service can detect it (Supported, NotSupported, SupportedInPremium).",
            sampled=True,
        ),
        text("tags", "Tags (ZeroDay, …).", many=True),
        real("epss", "Probability of exploitation within 30 days (FIRST EPSS), 0 to 1."),
        text(
            "status",
            "Exception status (RemediationRequired, NoActionRequired, UnderException, PartialException).",
            sampled=True,
        ),
    ),
)


def _finding_columns() -> tuple[Column, ...]:
    return (
        text("id", "Opaque id of the row; its form changed over the years, never parse it.", sampled=True),
        *device_columns(),
        text("osVersion", "Operating system version.", sampled=True),
        text("osArchitecture", "x64, …", sampled=True),
        text("softwareVendor", "Vendor.", sampled=True),
        text("softwareName", "Product name.", sampled=True),
        text("softwareVersion", "Installed version; may hold ':' and '+'.", sampled=True),
        text("cveId", "The CVE; null on rows that only say the software was assessed and has none.", sampled=True),
        text("vulnerabilitySeverityLevel", "Low, Medium, High, Critical.", sampled=True),
        real("cvssScore", "CVSS base score."),
        text("exploitabilityLevel", "NoExploit, ExploitIsPublic, ExploitIsVerified or ExploitIsInKit.", sampled=True),
        text("recommendedSecurityUpdate", "Name of the update that fixes it."),
        text("recommendedSecurityUpdateId", "Its id: KB digits, RHSA-…, USN-…", sampled=True),
        text("recommendedSecurityUpdateUrl", "Where to get it."),
        text("recommendationReference", "Id of the recommendation (va-_-vendor-_-product)."),
        flag("securityUpdateAvailable", "A security update is available; not in every export file."),
        text("diskPaths", "Where on disk the product was found.", many=True, personal=True),
        text("registryPaths", "Where in the registry the product was found.", many=True),
        time("firstSeenTimestamp", "When the CVE was first seen on the device."),
        time("lastSeenTimestamp", "When it was last seen on the device."),
        flag("isOnboarded", "The device is onboarded."),
        text("cveBatchTitle", "Title of the batch of CVEs that the update belongs to."),
        text("cveBatchUrl", "Address of that batch."),
        text("endOfSupportStatus", "End-of-support status of the software version.", sampled=True),
        time("endOfSupportDate", "When support ends or ended."),
        text("cveMitigationStatus", "Mitigation applied to the CVE on the device."),
        text("status", "New, Fixed or Updated.", sampled=True),
        time("eventTimestamp", "When that change was computed (6-hour grain)."),
    )


SOFTWARE_VULNERABILITIES = Dataset(
    name="software_vulnerabilities",
    title="Software vulnerabilities per device",
    description="Which CVE affects which software on which device: the whole assessment, rebuilt by the service every "
    "six hours. Rows without a CVE prove that the software was assessed.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/SoftwareVulnerabilitiesByMachine",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-assessment-software-vulnerabilities",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/SoftwareVulnerabilitiesExport")),
    key=("id", "rbac_group_id"),
    finding_severity="vulnerability_severity_level",
    columns=_finding_columns(),
)

SOFTWARE_VULNERABILITY_CHANGES = Dataset(
    name="software_vulnerability_changes",
    title="Software vulnerability changes per device",
    description="What changed between the assessments: findings that are new, fixed or updated, by the day of the "
    "event; the service remembers 14 days. A move between device groups is reported as Fixed and New of the same "
    "finding.",
    group=Group.DEFENDER,
    days=Days.EVENT,
    event_time="event_timestamp",
    remembered_days=14,
    path="/api/machines/SoftwareVulnerabilityChangesByMachine",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-assessment-software-vulnerabilities",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(since="sinceTime"),
    key=("id", "rbac_group_id", "event_timestamp", "status"),
    finding_severity="vulnerability_severity_level",
    columns=_finding_columns(),
)

SECURE_CONFIGURATION = Dataset(
    name="secure_configuration",
    title="Secure configuration per device",
    description="Which security settings apply to each device and whether it complies (controls scid-…).",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/SecureConfigurationsAssessmentByMachine",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-assessment-secure-config",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/SecureConfigurationsAssessmentExport")),
    key=("device_id", "configuration_id", "rbac_group_id"),
    columns=(
        *device_columns(),
        text("osVersion", "Operating system version, free text.", sampled=True),
        time("timestamp", "When the device was last assessed."),
        text("configurationId", "Control id (scid-2010).", sampled=True),
        text("configurationCategory", "Application, OS, Network, Accounts or Security controls.", sampled=True),
        text("configurationSubcategory", "Subcategory.", sampled=True),
        real("configurationImpact", "Impact of the control on the score, 0 to 10."),
        flag("isCompliant", "The device complies."),
        flag("isApplicable", "The control applies to the device."),
        flag("isExpectedUserImpact", "Applying it is expected to affect users."),
        text("configurationName", "Name of the control.", sampled=True),
        text("recommendationReference", "Id of the recommendation (sca-_-scid-n)."),
    ),
)

MACHINES_VULNERABILITIES = Dataset(
    name="machines_vulnerabilities",
    title="Vulnerabilities per device, with the update that fixes them",
    description="Which CVE affects which software on which device, and the number of the update that fixes it: the "
    "findings of software_vulnerabilities as one list, whole at once. It has no export files and takes two calls for "
    "every 10,000 rows, so that with more than 10,000 devices it is fetched only where DEFENDER_DATASETS names it "
    "or the lake has it already.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/vulnerabilities/machinesVulnerabilities",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-all-vulnerabilities-by-machines",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(halves="severity {} 'High'"),
    finding_severity="severity",
    largest_fleet=10_000,
    key=("id",),
    columns=(
        text("id", "Opaque: device, CVE, vendor, product, version and update, joined by -_-.", sampled=True),
        text("cveId", "The CVE (vulnerabilities.id).", sampled=True),
        text("machineId", "The device (machines.id).", sampled=True),
        text("fixingKbId", "Number of the update that fixes it, digits; null where there is none.", sampled=True),
        text("productName", "Product.", sampled=True),
        text("productVendor", "Vendor.", sampled=True),
        text("productVersion", "Version on the device.", sampled=True),
        text("severity", "Low, Medium, High or Critical.", sampled=True),
    ),
)
