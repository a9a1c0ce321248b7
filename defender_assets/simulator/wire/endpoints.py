"""The endpoints of the service: paths, roles, quotas, page sizes.

Here: the service's side, written down from its documentation and not derived from the catalog, so that a wrong path or
permission there is noticed. Other datasets of the catalog are served as they are declared. Not here: the responses
(``api_service.py``).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ...catalog import CursorPages, Dataset, ODataPages, OneAnswer, PerDevice, QuotaFamily
from .quota_limits import (
    ALERTS_LIMIT,
    AV_HEALTH_LIMIT,
    GENERAL_LIMIT,
    LIMITS,
    LOGON_USERS_LIMIT,
    MACHINES_LIMIT,
    TVM_FILES_LIMIT,
    TVM_PAGES_LIMIT,
    QuotaLimit,
)


class EndpointKind(Enum):
    """What an endpoint responds with."""

    LIST = "list"  # pages by $top and $skip
    CURSOR = "cursor"  # pages of a stored assessment by $skiptoken
    DELTA = "delta"  # pages of the change feed, likewise
    EXPORT = "export"  # signed addresses of files
    USERS = "users"  # logon users of the device in the path
    WHOLE = "whole"  # every row in one answer
    OBJECT = "object"  # one row, without a list around it
    PER_DEVICE = "per device"  # rows of the device in the path, of a declared dataset


@dataclass(frozen=True)
class Endpoint:
    """``contexts`` are the forms of ``@odata.context`` that occur. ``counted`` lists have ``@odata.count``, the size of
    the page. A page without ``$top`` has ``default_page`` rows. ``folder`` is the folder of export files."""

    path: str
    dataset: str
    kind: EndpointKind
    roles: tuple[str, ...]
    quota: QuotaLimit
    contexts: tuple[str, ...] = ()
    default_page: int = 10_000
    top_max: int = 10_000
    counted: bool = False
    filterable: frozenset[str] = frozenset()
    folder: str = ""

    def context(self, base_url: str, number: int = 0) -> str:
        """The ``@odata.context`` of a response; the forms of a list alternate with the page number."""
        return f"{base_url}/api/$metadata{self.contexts[number % len(self.contexts)]}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Paths are matched without regard to case, below ``/api`` or ``/api/v1.0``."""
        escaped = re.sub(r"\\\{\w+\\\}", r"(?P<key>[^/]+)", re.escape(self.path.removeprefix("/api")))
        return re.compile(rf"/api(?:/v1\.0)?{escaped}/?", re.IGNORECASE)


_MACHINE = ("Machine.Read.All", "Machine.ReadWrite.All")
_ALERT = ("Alert.Read.All", "Alert.ReadWrite.All")
_SOFTWARE, _VULNERABILITY, _USER = ("Software.Read.All",), ("Vulnerability.Read.All",), ("User.Read.All",)
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
_VULNERABILITY_MEMBERS = _members("id name description cvssV3 publishedOn severity updatedOn")

ENDPOINTS = (
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
        "/api/machines/{id}/logonusers", "machine_users", EndpointKind.USERS, _USER, LOGON_USERS_LIMIT, ("#Users",)
    ),
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
)


def declared_endpoints(datasets: Iterable[Dataset]) -> list[Endpoint]:
    """Endpoints of the datasets that ``ENDPOINTS`` lacks, as the catalog declares them."""
    known = {endpoint.dataset for endpoint in ENDPOINTS}
    found = []
    for dataset in datasets:
        if dataset.name in known:
            continue
        roles = (dataset.permission, *dataset.also_permitted)
        quota = _limit_of(dataset.quota)
        context = (f"#{dataset.name}",)
        members = frozenset(column.member for column in dataset.columns)
        match dataset.fetch:
            case ODataPages(top=top):
                found.append(
                    Endpoint(
                        dataset.path,
                        dataset.name,
                        EndpointKind.LIST,
                        roles,
                        quota,
                        context,
                        default_page=top,
                        top_max=max(top, 10_000),
                        filterable=members,
                    )
                )
            case OneAnswer(is_object=is_object):
                kind = EndpointKind.OBJECT if is_object else EndpointKind.WHOLE
                found.append(Endpoint(dataset.path, dataset.name, kind, roles, quota, context))
            case PerDevice():
                found.append(Endpoint(dataset.path, dataset.name, EndpointKind.PER_DEVICE, roles, quota, context))
            case CursorPages(files=files):
                found.append(Endpoint(dataset.path, dataset.name, EndpointKind.CURSOR, roles, quota, context))
                if files is not None:
                    folder = f"{dataset.name}Export"
                    found.append(
                        Endpoint(
                            files.path, dataset.name, EndpointKind.EXPORT, roles, _limit_of(files.quota), folder=folder
                        )
                    )
    return found


def _limit_of(family: QuotaFamily) -> QuotaLimit:
    """The service's limit for a declared quota family; the general one for a family that it does not know."""
    return LIMITS.get(family.name, GENERAL_LIMIT)


class Routes:
    """Finds the endpoint of a path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        # Literal paths before patterns: /api/machines/SoftwareInventoryByMachine is not a device.
        ordered = sorted(endpoints, key=lambda endpoint: "{" in endpoint.path)
        self.endpoints = tuple(ordered)
        self._patterns = [(endpoint.pattern, endpoint) for endpoint in ordered]

    def find(self, path: str) -> tuple[Endpoint, str] | None:
        """The endpoint of a path, and the value in place of ``{…}`` ("" if there is none)."""
        for pattern, endpoint in self._patterns:
            if match := pattern.fullmatch(path):
                return endpoint, match.groupdict().get("key") or ""
        return None
