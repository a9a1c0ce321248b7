"""Datasets that vulnerability management assesses per device beside software, findings and secure configuration.

Here: software without a CPE name, browser extensions, hardware and firmware, certificates, security baselines, and what
was gathered from each device. Not here: the lists that say what a baseline or a permission of an extension is.
"""

from .column import Column, flag, nested, text, time, whole
from .dataset import (
    TVM_FILES_QUOTA,
    TVM_PAGES_QUOTA,
    VULNERABILITY_MANAGEMENT_ADD_ON,
    CursorPages,
    Dataset,
    ExportFiles,
)
from .devices import device_columns
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"


def _device_columns_without_platform() -> tuple[Column, ...]:
    return tuple(column for column in device_columns() if column.member != "osPlatform")


SOFTWARE_INVENTORY_NON_CPE = Dataset(
    name="software_inventory_non_cpe",
    title="Software without a CPE name per device",
    description="What is installed where, of the software that has no CPE name (its product code), so that the service "
    "cannot match vulnerabilities with it. Where there is one, software_inventory has it.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/SoftwareInventoryNoProductCodeByMachine",
    permission="Software.Read.All",
    documentation=_DOCS + "get-assessment-non-cpe-software-inventory",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/SoftwareInventoryNonCpeExport")),
    # The documentation says unique without the registry path, in a table that lacks that column.
    key=("device_id", "software_vendor", "software_name", "software_version", "registry_path", "rbac_group_id"),
    columns=(
        *device_columns(),
        text("softwareVendor", "Vendor; null occurs.", sampled=True),
        text("softwareName", "Name of the software, as sent: a NUL character at its end was seen.", sampled=True),
        text("softwareVersion", "Installed version; null occurs.", sampled=True),
        time("softwareLastSeenTimestamp", "When the software was last seen on the device."),
        text("registryPath", "Where in the registry it was found; not in the documentation, and not always sent."),
    ),
)

BROWSER_EXTENSIONS = Dataset(
    name="browser_extensions",
    title="Browser extensions per device",
    description="Which extension is installed in which browser of which device, what it may do, and how risky that is.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/Machines/BrowserExtensionsInventoryByMachine",
    permission="Software.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "get-assessment-browser-extensions",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/browserextensionsinventoryExport")),
    key=("device_id", "browser_name", "extension_id", "rbac_group_id"),
    columns=(
        *_device_columns_without_platform(),
        time("installationTime", "When the extension was installed."),
        text("browserName", "The browser: chrome, edge, firefox, …", sampled=True),
        text("extensionId", "Id of the extension in its store.", sampled=True),
        text("extensionName", "Name of the extension."),
        text("extensionDescription", "What its publisher says about it."),
        text("extensionVersion", "Installed version.", sampled=True),
        text(
            "extensionRisk",
            "The highest risk of its permissions: None (a word), Low, Medium, High or Critical.",
            sampled=True,
        ),
        text("extensionVendor", "Vendor; not in the documentation, and not always sent."),
        flag("isActivated", "The extension is turned on."),
        nested(
            "permissions",
            "What the extension may do.",
            text("id", "Name of the permission (storage, tabs, <all_urls>, …)."),
            flag("isRequired", "The extension does not work without it."),
            text("risk", "Risk of the permission: None, Low, Medium, High or Critical."),
            many=True,
        ),
    ),
)

HARDWARE_FIRMWARE = Dataset(
    name="hardware_firmware",
    title="Hardware and firmware per device",
    description="The model, processor and BIOS of each device: one row per device and component.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/HardwareFirmwareInventoryByMachine",
    permission="Software.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "export-firmware-hardware-assessment",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/HardwareFirmwareInventoryExport")),
    key=("device_id", "component_type", "component_name", "rbac_group_id"),
    columns=(
        *_device_columns_without_platform(),
        text("componentType", "Hardware, Bios, Processor, …", sampled=True),
        text("manufacturer", "Manufacturer, lower case.", sampled=True),
        text("componentName", "Name of the model or component, lower case, with underscores."),
        text("componentVersion", "Version, for instance of the BIOS.", sampled=True),
        nested(
            "additionalFields",
            "More about the component; the service writes it as JSON in a text.",
            text("systemSKU", "Stock-keeping unit of the system."),
            text("baseBoardManufacturer", "Manufacturer of the base board."),
            text("baseBoardProduct", "Product name of the base board."),
            text("baseBoardVersion", "Version of the base board."),
            text("deviceFamily", "Family of the device."),
            in_text=True,
        ),
    ),
)

CERTIFICATE_ENDS_SOON_DAYS = 60
"""How long before its end a certificate is told: renewing one may take that long in a large organisation."""

CERTIFICATES = Dataset(
    name="certificates",
    title="Certificates per device",
    description="Which certificate lies in which store of which device, and until when it is valid. The service has "
    "two sets of names for the same facts; both are read.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/certificateAssessmentByMachine",
    permission="Vulnerability.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "export-certificate-inventory-assessment",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/certificateAssessmentExport")),
    key=("device_id", "thumbprint", "path", "rbac_group_id"),
    columns=(
        *_device_columns_without_platform(),
        text("thumbprint", "Thumbprint of the certificate, 40 hexadecimal characters."),
        text("path", "The store that it lies in, and its place there."),
        text("signatureAlgorithm", "Algorithm of the signature (sha256RSA, …).", sampled=True),
        whole("keySize", "Size of the key in bits.", aliases=("keyLength",)),
        time("expirationDate", "End of its validity.", aliases=("notAfter",)),
        time("issueDate", "Beginning of its validity.", aliases=("notBefore",)),
        text("subjectType", "End entity, CA, …"),
        text("serialNumber", "Serial number."),
        text(
            "issuedTo",
            "Subject, as a text; an object, were one sent, is in extra.",
            personal=True,
            aliases=("subjectObject",),
        ),
        text("issuedBy", "Issuer, as a text; an object, were one sent, is in extra.", aliases=("issuerObject",)),
        text("keyUsage", "What the key may be used for.", many=True, aliases=("keyUsageArray",)),
        text("extendedKeyUsage", "What the certificate is for.", many=True, aliases=("extendedKeyUsageArray",)),
        flag("isSelfSigned", "The certificate is its own issuer; not in every answer."),
    ),
)

BASELINE_ASSESSMENT = Dataset(
    name="baseline_assessment",
    title="Security baseline assessment per device",
    description="Which settings of the organisation's security baseline profiles each device complies with: one row "
    "per device, profile and configuration.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/BaselineComplianceAssessmentByMachine",
    permission="SecurityBaselinesAssessment.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "export-security-baseline-assessment",
    quota=TVM_PAGES_QUOTA,
    fetch=CursorPages(files=ExportFiles("/api/machines/BaselineComplianceAssessmentExport")),
    key=("id", "rbac_group_id"),
    columns=(
        text("id", "Device, profile and configuration, joined; never parse it.", sampled=True),
        text("configurationId", "Number of the configuration in its benchmark (1.1.1).", sampled=True),
        *device_columns(),
        text("profileId", "The baseline profile.", sampled=True),
        text("osVersion", "Operating system version.", sampled=True),
        flag("isApplicable", "The configuration applies to the device."),
        flag("isCompliant", "The device complies."),
        time("dataCollectionTimeOffset", "When the device's settings were collected; null where none were."),
        time("complianceCalculationTimeOffset", "When the compliance was computed."),
        text("recommendedValue", "What the setting should be.", many=True),
        text("currentValue", "What it is, in words.", many=True),
        text("rawValue", "What it is, as collected; not in the documentation.", many=True),
        text("source", "Where the setting was read: registry keys, policies.", many=True),
        flag("isExempt", "An exception covers it; not in the documentation."),
        text("complianceEvaluationDetails", "More about the evaluation; not in the documentation."),
    ),
)


def _scan(member: str, what: str) -> Column:
    return nested(
        member,
        f"The last {what} scan.",
        text("scanStatus", "How it ended."),
        text("errorCode", "Its error code."),
        time("timestamp", "When it was."),
    )


INFORMATION_GATHERING = Dataset(
    name="information_gathering",
    title="Information gathered per device",
    description="What vulnerability management gathered from each device beside its software: antivirus, TLS and .NET "
    "settings, mitigations of well-known vulnerabilities. The service has it as export files only.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/InfoGatheringExport",
    permission="Vulnerability.Read.All",
    documentation=_DOCS + "get-assessment-information-gathering",
    quota=TVM_FILES_QUOTA,
    fetch=ExportFiles("/api/machines/InfoGatheringExport"),
    key=("device_id", "rbac_group_id"),
    columns=(
        *device_columns(),
        text("osVersion", "Operating system version (10.0.17763.2330, ubuntu_linux_22.04).", sampled=True),
        time("timestamp", "When the information was last gathered."),
        time("lastSeenTime", "When the device was last seen."),
        nested(
            "deviceGatheredInfo",
            "What was gathered; the service writes it as JSON in a text. Which members there are depends on the "
            "operating system; those that are not listed here are in its extra.",
            text("avMode", "Mode of the antivirus as a digit in a text (see av_health)."),
            text("avEngineVersion", "Engine version."),
            text("avSignatureVersion", "Security intelligence version."),
            text("avPlatformVersion", "Platform version."),
            nested(
                "avScanResults",
                "The last scans; JSON in a text once more.",
                _scan("quick", "quick"),
                _scan("full", "full"),
                _scan("custom", "custom"),
                in_text=True,
            ),
            time("avModeDataRefreshTime", "When the mode was last received."),
            text("cloudProtectionState", "State of cloud protection."),
            time("avEngineUpdateTime", "When the engine was last updated."),
            time("avSignatureUpdateTime", "When the security intelligence was last updated."),
            time("avPlatformUpdateTime", "When the platform was last updated."),
            text("avIsSignatureUpToDate", "Security intelligence up to date, as sent: a truth value or a word."),
            text("avIsEngineUpToDate", "Engine up to date, as sent: a truth value or a word."),
            text("avIsPlatformUpToDate", "Platform up to date, as sent: a truth value or a word."),
            time("avSignaturePublishTime", "When Microsoft published the security intelligence in use."),
            time("avEnginePublishTime", "When Microsoft published the engine in use."),
            time("avPlatformPublishTime", "When Microsoft published the platform in use."),
            time("avPlatformExpirationTime", "When the platform in use expires."),
            text("avSignatureRing", "Channel of the security intelligence updates."),
            text("avEngineRing", "Channel of the engine updates."),
            text("avPlatformRing", "Channel of the platform updates."),
            time("avSignatureDataRefreshTime", "When the up-to-date status was last received."),
            text("wdavorHeartbeatEventType", "Kind of the antivirus's last heartbeat."),
            text("ebpfStatus", "State of the eBPF sensor (Linux)."),
            text("isAvEngineLoaded", "Whether the antivirus engine is loaded (Linux)."),
            text("asrConfigurationStates", "States of the attack surface reduction rules."),
            *(
                text(f"{protocol}{side}{version}", f"{name} as {role}: whether it is on.")
                for protocol, name, version in (
                    ("ssl", "SSL 2.0", "20"),
                    ("ssl", "SSL 3.0", "30"),
                    ("tls", "TLS 1.0", "10"),
                    ("tls", "TLS 1.1", "11"),
                    ("tls", "TLS 1.2", "12"),
                )
                for side, role in (("Client", "client"), ("Server", "server"))
            ),
            *(
                text(f"{member}{suffix}", f"{meaning} (.NET {framework}{words}).")
                for member, meaning in (
                    ("schUseStrongCrypto", "Only strong cryptography"),
                    ("systemDefaultTlsVersions", "The system's TLS versions by default"),
                )
                for suffix, framework, words in (
                    ("35", "3.5", ""),
                    ("35Wow6432", "3.5", ", 32-bit programs"),
                    ("40", "4.0", ""),
                    ("40Wow6432", "4.0", ", 32-bit programs"),
                )
            ),
            text("log4j_CVE_2021_44228", "Exposure to CVE-2021-44228 (Log4Shell)."),
            text("localCveScannerExecuted", "Whether the local scanner for it has run."),
            text("log4jLocalScanVulnerable", "Whether it found something."),
            text("log4jEnvironmentVariableMitigation", "Whether the environment variable mitigates it."),
            text("isWindowsLtscVersionRunning", "Windows is a long-term servicing release."),
            text("spring4shell_CVE_2022_22965", "Exposure to CVE-2022-22965 (Spring4Shell)."),
            text("cve_2022_30190_Mitigated", "CVE-2022-30190 (Follina) is mitigated."),
            text("bootiful_mind_status", "State of an assessment that the documentation only names."),
            in_text=True,
        ),
    ),
)
