"""The endpoints of vulnerability management's assessments: pages by cursor, the change feed, export files.

Here: the service's side, written down from its documentation and not derived from the catalog. Not here: other
endpoints (``endpoints.py``).
"""

from .endpoint import Endpoint, EndpointKind
from .quota_limits import TVM_FILES_LIMIT, TVM_PAGES_LIMIT

_SOFTWARE, _VULNERABILITY = ("Software.Read.All",), ("Vulnerability.Read.All",)
_BASELINES = ("SecurityBaselinesAssessment.Read.All",)
_PREFIX = "#Collection(microsoft.windowsDefenderATP.api."

ASSESSMENT_ENDPOINTS = (
    Endpoint(
        "/api/machines/SoftwareInventoryByMachine",
        "software_inventory",
        EndpointKind.CURSOR,
        _SOFTWARE,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetSoftware)",),
    ),
    Endpoint(
        "/api/machines/SoftwareVulnerabilitiesByMachine",
        "software_vulnerabilities",
        EndpointKind.CURSOR,
        _VULNERABILITY,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetVulnerability)",),
    ),
    Endpoint(
        "/api/machines/SecureConfigurationsAssessmentByMachine",
        "secure_configuration",
        EndpointKind.CURSOR,
        _VULNERABILITY,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetConfiguration)",),
    ),
    Endpoint(
        "/api/machines/SoftwareVulnerabilityChangesByMachine",
        "software_vulnerability_changes",
        EndpointKind.DELTA,
        _VULNERABILITY,
        TVM_PAGES_LIMIT,
        (_PREFIX + "DeltaAssetVulnerability)",),
    ),
    Endpoint(
        "/api/machines/SoftwareInventoryExport",
        "software_inventory",
        EndpointKind.EXPORT,
        _SOFTWARE,
        TVM_FILES_LIMIT,
        folder="SoftwareInventory",
    ),
    Endpoint(
        "/api/machines/SoftwareVulnerabilitiesExport",
        "software_vulnerabilities",
        EndpointKind.EXPORT,
        _VULNERABILITY,
        TVM_FILES_LIMIT,
        folder="VaExport",
    ),
    Endpoint(
        "/api/machines/SecureConfigurationsAssessmentExport",
        "secure_configuration",
        EndpointKind.EXPORT,
        _VULNERABILITY,
        TVM_FILES_LIMIT,
        folder="ScaExport",
    ),
    Endpoint(
        "/api/machines/SoftwareInventoryNoProductCodeByMachine",
        "software_inventory_non_cpe",
        EndpointKind.CURSOR,
        _SOFTWARE,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetNonCpeSoftware)",),
    ),
    Endpoint(
        "/api/Machines/BrowserExtensionsInventoryByMachine",
        "browser_extensions",
        EndpointKind.CURSOR,
        _SOFTWARE,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetBrowserExtension)",),
    ),
    Endpoint(
        "/api/machines/HardwareFirmwareInventoryByMachine",
        "hardware_firmware",
        EndpointKind.CURSOR,
        _SOFTWARE,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetHardwareFirmware)",),
    ),
    Endpoint(
        "/api/machines/certificateAssessmentByMachine",
        "certificates",
        EndpointKind.CURSOR,
        _VULNERABILITY,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetCertificateAssessment)",),
    ),
    Endpoint(
        "/api/machines/BaselineComplianceAssessmentByMachine",
        "baseline_assessment",
        EndpointKind.CURSOR,
        _BASELINES,
        TVM_PAGES_LIMIT,
        (_PREFIX + "AssetBaselineAssessment)",),
    ),
    Endpoint(
        "/api/machines/SoftwareInventoryNonCpeExport",
        "software_inventory_non_cpe",
        EndpointKind.EXPORT,
        _SOFTWARE,
        TVM_FILES_LIMIT,
        folder="NonCpeSoftwareInventory",
    ),
    Endpoint(
        "/api/machines/browserextensionsinventoryExport",
        "browser_extensions",
        EndpointKind.EXPORT,
        _SOFTWARE,
        TVM_FILES_LIMIT,
        folder="BrowserExtensions",
    ),
    Endpoint(
        "/api/machines/HardwareFirmwareInventoryExport",
        "hardware_firmware",
        EndpointKind.EXPORT,
        _SOFTWARE,
        TVM_FILES_LIMIT,
        folder="FirmwareHardwareExport",
    ),
    Endpoint(
        "/api/machines/certificateAssessmentExport",
        "certificates",
        EndpointKind.EXPORT,
        _VULNERABILITY,
        TVM_FILES_LIMIT,
        folder="CertificateAssessmentExport",
    ),
    Endpoint(
        "/api/machines/BaselineComplianceAssessmentExport",
        "baseline_assessment",
        EndpointKind.EXPORT,
        _BASELINES,
        TVM_FILES_LIMIT,
        folder="BaselineAssessmentExport",
    ),
    Endpoint(
        "/api/machines/InfoGatheringExport",
        "information_gathering",
        EndpointKind.EXPORT,
        _VULNERABILITY,
        TVM_FILES_LIMIT,
        folder="InfoGatheringExport",
    ),
)
