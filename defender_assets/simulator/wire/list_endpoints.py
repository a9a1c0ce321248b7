"""The endpoints of the service that send a list by ``$top`` and ``$skip``, or everything in one answer.

Here: the service's side, written down from its documentation. Not here: assessments
(``assessment_endpoints.py``), the others (``endpoints.py``).
"""

from .endpoint import Endpoint, EndpointKind
from .quota_limits import (
    ALERTS_LIMIT,
    AUTHENTICATED_SCANS_LIMIT,
    AV_HEALTH_LIMIT,
    GENERAL_LIMIT,
    INVESTIGATIONS_LIMIT,
    MACHINE_ACTIONS_LIMIT,
    MACHINES_LIMIT,
)

_MACHINE = ("Machine.Read.All", "Machine.ReadWrite.All")
_ALERT = ("Alert.Read.All", "Alert.ReadWrite.All")
_SCORE, _BASELINE = ("Score.Read.All",), ("SecurityBaselinesAssessment.Read.All",)
_SOFTWARE, _VULNERABILITY = ("Software.Read.All",), ("Vulnerability.Read.All",)
_VULNERABILITY_CONTEXTS = (
    "#Vulnerabilities",
    "#Vulnerabilities/microsoft.windowsDefenderATP.api.PublicVulnerabilityDto",
    "#Collection(microsoft.windowsDefenderATP.api.PublicVulnerabilityDto)",
)
_PREFIX = "#Collection(microsoft.windowsDefenderATP.api."


def _members(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ALERT_MEMBERS = _members(
    "alertCreationTime lastUpdateTime incidentId investigationId id assignedTo detectionSource lastEventTime status "
    "severity category"
)
_MACHINE_MEMBERS = _members(
    "computerDnsName id version deviceValue aadDeviceId machineTags lastSeen exposureLevel onboardingStatus "
    "lastIpAddress healthStatus osPlatform riskScore rbacGroupId"
)
_AV_MEMBERS = _members(
    "machineId computerDnsName osKind osPlatform osVersion avMode avSignatureVersion avEngineVersion avPlatformVersion "
    "quickScanResult quickScanError fullScanResult fullScanError avIsSignatureUpToDate avIsEngineUpToDate "
    "avIsPlatformUpToDate rbacGroupId"
)
_RECOMMENDATION_MEMBERS = _members(
    "id productName vendor recommendedVersion recommendationCategory subCategory severityScore remediationType "
    "recommendedProgram recommendedVendor status"
)
_DEVICE_CVE_MEMBERS = _members("id cveId machineId fixingKbId productName productVersion severity productVendor")
_ACTION_MEMBERS = _members("id status machineId type requestor creationDateTimeUtc")
_PROFILE_MEMBERS = _members(
    "id name operatingSystem operatingSystemVersion status settingsNumber passedDevices totalDevices"
)
_VULNERABILITY_MEMBERS = _members("id name description cvssV3 publishedOn severity updatedOn")


LIST_ENDPOINTS = (
    Endpoint(
        "/api/machines",
        "machines",
        EndpointKind.LIST,
        _MACHINE,
        MACHINES_LIMIT,
        ("#Machines",),
        filterable=_MACHINE_MEMBERS,
    ),
    Endpoint(
        "/api/deviceavinfo",
        "av_health",
        EndpointKind.LIST,
        _MACHINE,
        AV_HEALTH_LIMIT,
        ("#DeviceAvInfo",),
        default_page=20,
        filterable=_AV_MEMBERS,
    ),
    Endpoint("/api/alerts", "alerts", EndpointKind.LIST, _ALERT, ALERTS_LIMIT, ("#Alerts",), filterable=_ALERT_MEMBERS),
    Endpoint(
        "/api/Software",
        "software",
        EndpointKind.LIST,
        _SOFTWARE,
        GENERAL_LIMIT,
        ("#Software",),
        filterable=_members("id name vendor"),
    ),
    Endpoint(
        "/api/vulnerabilities",
        "vulnerabilities",
        EndpointKind.LIST,
        _VULNERABILITY,
        GENERAL_LIMIT,
        _VULNERABILITY_CONTEXTS,
        default_page=8_000,
        top_max=8_000,
        counted=True,
        filterable=_VULNERABILITY_MEMBERS,
    ),
    Endpoint(
        "/api/recommendations",
        "recommendations",
        EndpointKind.LIST,
        ("SecurityRecommendation.Read.All",),
        GENERAL_LIMIT,
        ("#Recommendations",),
        counted=True,
        filterable=_RECOMMENDATION_MEMBERS,
    ),
    Endpoint(
        "/api/remediationTasks",
        "remediation_activities",
        EndpointKind.LIST,
        ("RemediationTasks.Read.All",),
        GENERAL_LIMIT,
        ("#RemediationTasks",),
        filterable=_members("createdOn status"),
    ),
    Endpoint(
        "/api/vulnerabilities/machinesVulnerabilities",
        "machines_vulnerabilities",
        EndpointKind.LIST,
        _VULNERABILITY,
        GENERAL_LIMIT,
        (_PREFIX + "PublicAssetVulnerabilityDto)",),
        counted=True,
        filterable=_DEVICE_CVE_MEMBERS,
    ),
    Endpoint(
        "/api/exposureScore", "exposure_score", EndpointKind.OBJECT, _SCORE, GENERAL_LIMIT, ("#ExposureScore/$entity",)
    ),
    Endpoint(
        "/api/exposureScore/ByMachineGroups",
        "exposure_score_by_group",
        EndpointKind.WHOLE,
        _SCORE,
        GENERAL_LIMIT,
        ("#ExposureScore",),
    ),
    Endpoint(
        "/api/configurationScore",
        "configuration_score",
        EndpointKind.OBJECT,
        _SCORE,
        GENERAL_LIMIT,
        ("#ConfigurationScore/$entity",),
    ),
    Endpoint(
        "/api/machineactions",
        "machine_actions",
        EndpointKind.LIST,
        _MACHINE,
        MACHINE_ACTIONS_LIMIT,
        ("#MachineActions",),
        filterable=_ACTION_MEMBERS,
    ),
    Endpoint(
        "/api/investigations",
        "investigations",
        EndpointKind.LIST,
        _ALERT,
        INVESTIGATIONS_LIMIT,
        ("#Investigations",),
        filterable=_members("startTime id state machineId triggeringAlertId"),
    ),
    Endpoint(
        "/api/baselineProfiles",
        "baseline_profiles",
        EndpointKind.LIST,
        _BASELINE,
        GENERAL_LIMIT,
        (_PREFIX + "PublicBaselineProfileDto)",),
        filterable=_PROFILE_MEMBERS,
    ),
    Endpoint(
        "/api/baselineConfigurations",
        "baseline_configurations",
        EndpointKind.LIST,
        _BASELINE,
        GENERAL_LIMIT,
        ("#BaselineConfigurations",),
        filterable=_members("id category name cce"),
    ),
    Endpoint(
        "/api/browserextensions/permissionsinfo",
        "browser_extension_permissions",
        EndpointKind.LIST,
        _SOFTWARE,
        GENERAL_LIMIT,
        ("#BrowserExtension",),
    ),
    Endpoint(
        "/api/DeviceAuthenticatedScanDefinitions",
        "authenticated_scans",
        EndpointKind.WHOLE,
        ("Machine.Read.All",),
        AUTHENTICATED_SCANS_LIMIT,
        ("#DeviceAuthenticatedScanDefinitions",),
    ),
    Endpoint(
        "/api/DeviceAuthenticatedScanAgents",
        "scan_agents",
        EndpointKind.WHOLE,
        ("Machine.Read.All",),
        AUTHENTICATED_SCANS_LIMIT,
        ("#DeviceAuthenticatedScanAgents",),
    ),
)
