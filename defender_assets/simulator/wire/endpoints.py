"""The endpoints of the service: paths, roles, quotas, page sizes.

Here: the service's side, written down from its documentation and not derived from the catalog, so that a wrong path or
permission there is noticed. Other datasets of the catalog are served as they are declared. Not here: lists and
single answers (``list_endpoints.py``), vulnerability management's assessments (``assessment_endpoints.py``), the
responses (``api_service.py``).
"""

from collections.abc import Iterable

from ...catalog import CursorPages, Dataset, ExportFiles, ODataPages, OneAnswer, PerDevice, QuotaFamily
from .assessment_endpoints import ASSESSMENT_ENDPOINTS
from .endpoint import Endpoint, EndpointKind
from .list_endpoints import LIST_ENDPOINTS
from .quota_limits import GENERAL_LIMIT, LIMITS, LOGON_USERS_LIMIT, QuotaLimit

ENDPOINTS = (
    *LIST_ENDPOINTS,
    Endpoint(
        "/api/machines/{id}/logonusers",
        "machine_users",
        EndpointKind.USERS,
        ("User.Read.All",),
        LOGON_USERS_LIMIT,
        ("#Users",),
    ),
    *ASSESSMENT_ENDPOINTS,
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
                    found.append(_export(dataset, files, roles))
            case ExportFiles() as files:
                found.append(_export(dataset, files, roles))
    return found


def _export(dataset: Dataset, files: ExportFiles, roles: tuple[str, ...]) -> Endpoint:
    folder = f"{dataset.name}Export"
    return Endpoint(files.path, dataset.name, EndpointKind.EXPORT, roles, _limit_of(files.quota), folder=folder)


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
