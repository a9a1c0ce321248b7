"""The simulated tenant: its data by dataset, as the service sends them.

Here: which rows each dataset has, in which order and form. Not here: HTTP (``wire/``), how the tenant changes
(``timeline.py``), the rows themselves (the other modules).
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import count, islice
from typing import Any, Literal, Protocol

from ...catalog import DATASETS, CursorPages, Dataset, ExportFiles
from .alerts import Alerts
from .antivirus import Antivirus
from .baseline_lists import configuration_rows, permission_rows, profile_rows
from .baselines import Baselines
from .browser_extensions import BrowserExtensions
from .certificates import Certificates
from .changes import CHANGES_KEPT_FOR, Changes, window_of
from .configurations import Configurations
from .cves import CveCatalog
from .declared_rows import DeclaredAssessment, DeclaredRows
from .device_cves import DeviceCves
from .device_groups import GROUPS
from .feeds import Feeds
from .findings import Findings
from .fleet import Device, Fleet
from .formats import Row
from .gathered_info import GatheredInformation
from .hardware import Hardware
from .installed_software import InstalledSoftware
from .inventory import Inventory
from .machines import Machines
from .non_cpe_software import NonCpeSoftware
from .people import People
from .products import ProductCatalog, SoftwareProduct
from .recommendations import Recommendations
from .releases import Releases
from .responses import Responses
from .scans import Scans
from .scores import Scores
from .shape import TenantShape
from .state import Assessment, TenantState
from .timeline import Timeline

Form = Literal["pages", "files"]
_DEVICES_PER_PART = 2_500


class AssessmentSource(Protocol):
    """A dataset of vulnerability management: rows of a stored assessment, device by device."""

    def count(self, device: Device, assessment: Assessment) -> int: ...
    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]: ...
    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]: ...


@dataclass(frozen=True)
class RowList:
    """A list that is paged by position: the number of rows, and the rows from one position to another.

    Two lists with the same ``serial`` have the same rows.
    """

    size: int
    slice: Callable[[int, int], Iterator[Row]]
    serial: int = field(default_factory=count().__next__)


@dataclass(frozen=True)
class AssessmentPart:
    """A piece of an assessment: some devices of one device group."""

    group_id: int
    indices: "array[int]"


class SimulatedTenant:
    """Seeded data in which joins hold. ``rows(dataset)`` is what a complete fetch must give."""

    def __init__(self, shape: TenantShape | None = None) -> None:
        self.shape = shape or TenantShape()
        self.fleet = Fleet(self.shape)
        self.releases = Releases(self.shape)
        self.people = People(self.fleet)
        self.machines = Machines(self.fleet, self.releases)
        products, self.cve_catalog = _catalogs(self.shape)
        self.software = InstalledSoftware(self.shape, self.fleet, products, self.cve_catalog)
        self.inventory = Inventory(self.software)
        self.findings = Findings(self.software, self.inventory)
        self.changes = Changes(self.software, self.findings)
        self.configurations = Configurations(self.software)
        self.antivirus = Antivirus(self.fleet, self.software, self.releases)
        self.alerts = Alerts(self.fleet, self.people)
        self.feeds = Feeds(self.cve_catalog, self.releases)
        self.timeline = Timeline(self.fleet, self.alerts)
        self.baselines = Baselines(self.software)
        self.assessment_sources: dict[str, AssessmentSource] = {
            "software_inventory": self.inventory,
            "software_vulnerabilities": self.findings,
            "secure_configuration": self.configurations,
            "software_inventory_non_cpe": NonCpeSoftware(self.software),
            "browser_extensions": BrowserExtensions(self.software),
            "hardware_firmware": Hardware(self.software),
            "certificates": Certificates(self.software),
            "baseline_assessment": self.baselines,
            "information_gathering": GatheredInformation(self.software, self.antivirus),
        }
        self.recommendations = Recommendations(self.software, self.configurations)
        self.scores = Scores(self.findings, self.recommendations)
        self.device_cves = DeviceCves(self.findings)
        self.responses = Responses(self.alerts)
        self.scans = Scans(self.fleet)
        self.lists: dict[str, Callable[[], RowList]] = {
            "recommendations": lambda: _of_rows(self.recommendations.rows(self.assessment)),
            "remediation_activities": lambda: _of_rows(self.recommendations.activities(self.assessment)),
            "exposure_score": lambda: _of_rows([self.scores.exposure(self.assessment, self.as_of)]),
            "exposure_score_by_group": lambda: _of_rows(self.scores.exposure_by_group(self.assessment, self.as_of)),
            "configuration_score": lambda: _of_rows([self.scores.configuration(self.assessment, self.as_of)]),
            "machines_vulnerabilities": self._device_cves,
            "baseline_profiles": lambda: _of_rows(profile_rows(self.baselines, self.fleet, self.assessment)),
            "baseline_configurations": lambda: _of_rows(configuration_rows()),
            "browser_extension_permissions": lambda: _of_rows(permission_rows()),
            "machine_actions": lambda: _of_rows(self.responses.machine_actions(self.live)),
            "investigations": lambda: _of_rows(self.responses.investigations(self.live)),
            "authenticated_scans": lambda: _of_rows(self.scans.definitions(self.live)),
            "scan_agents": lambda: _of_rows(self.scans.agents(self.live)),
        }
        self.declared: dict[str, DeclaredRows] = {}
        self._listings: dict[str, tuple[object, RowList]] = {}
        self._parts: dict[str, tuple[AssessmentPart, ...]] = {}
        self.declare(DATASETS)

    def declare(self, datasets: Mapping[str, Dataset]) -> None:
        """Makes up rows for the datasets that the tenant has no data for."""
        for name, dataset in datasets.items():
            if name not in {*_KNOWN, *self.assessment_sources, *self.lists, *self.declared}:
                self.declared[name] = declared = DeclaredRows(self.fleet, dataset)
                if isinstance(dataset.fetch, CursorPages | ExportFiles):
                    self.assessment_sources[name] = DeclaredAssessment(declared)

    @property
    def as_of(self) -> datetime:
        """The tenant's present time."""
        return self.timeline.live.now

    @property
    def live(self) -> TenantState:
        return self.timeline.live

    @property
    def assessment(self) -> Assessment:
        return self.timeline.assessment

    def rows(self, dataset: str, form: Form = "pages") -> Iterator[Row]:
        """All present rows of a dataset with the service's own members.

        ``form``: as JSON pages or as export files, which differ in spelling and members. Alerts have their evidence;
        rows of ``machine_users`` have the ``machineId`` that in the service only the request's path has. Raises
        KeyError for an unknown dataset.
        """
        if dataset in self.assessment_sources:
            return self._assessed_rows(dataset, form)
        if form == "files":
            raise KeyError(f"{dataset} has no export files")
        if dataset == "machine_users":
            return self.people.rows(self.live)
        if dataset == "software_vulnerability_changes":
            return self._change_rows()
        if dataset in self.declared and self.declared[dataset].per_device:
            return self._declared_per_device(self.declared[dataset])
        listing = self.listing(dataset)
        return listing.slice(0, listing.size)

    def _assessed_rows(self, dataset: str, form: Form) -> Iterator[Row]:
        source, assessment = self.assessment_sources[dataset], self.assessment
        for part in self.parts(assessment):
            for index in part.indices:
                device = self.fleet.device(index, assessment.state)
                yield from (source.rows if form == "pages" else source.file_rows)(device, assessment)

    def _declared_per_device(self, declared: DeclaredRows) -> Iterator[Row]:
        for device in self.fleet.devices(self.live):
            yield from declared.device_rows(device)

    def _change_rows(self) -> Iterator[Row]:
        assessment = self.assessment
        since = window_of(assessment.generated) - CHANGES_KEPT_FOR
        for index in self.changes.indices(assessment.state):
            yield from self.changes.rows(index, assessment, since)

    def users_of(self, device: Device) -> list[Row]:
        return self.people.users_of(device)

    def device(self, device_id: str) -> Device | None:
        """The device with an id, None if the tenant does not have it (any more)."""
        index = self.fleet.index_of(device_id, self.live)
        return None if index is None else self.fleet.device(index, self.live)

    def parts(self, assessment: Assessment) -> tuple[AssessmentPart, ...]:
        """The parts of an assessment, group by group: the order of export files and cursor pages."""
        found = self._parts.get(assessment.time_path)
        if found is None:
            by_group: dict[int, array[int]] = {group.id: array("I") for group in GROUPS}
            for device in self.fleet.devices(assessment.state):
                by_group[device.group.id].append(device.number)
            found = tuple(
                AssessmentPart(group_id, indices[start : start + _DEVICES_PER_PART])
                for group_id, indices in by_group.items()
                for start in range(0, len(indices), _DEVICES_PER_PART)
            )
            kept = {stored.time_path for stored in self.timeline.assessments}
            self._parts = {path: parts for path, parts in self._parts.items() if path in kept} | {
                assessment.time_path: found
            }
        return found

    def listing(self, dataset: str, *, expanded: bool = True) -> RowList:
        """The present rows of a dataset as a list; without ``expanded``, alerts have no evidence."""
        key = dataset if expanded else f"{dataset} bare"
        basis: object = self.assessment if dataset in _OF_ASSESSMENT else self.live
        kept = self._listings.get(key)
        if kept is not None and kept[0] is basis:
            return kept[1]
        listing = self._make_listing(dataset, expanded)
        self._listings[key] = (basis, listing)
        return listing

    def _device_cves(self) -> RowList:
        cves, assessment = self.device_cves, self.assessment
        return RowList(cves.size(assessment), lambda start, stop: cves.slice(assessment, start, stop))

    def _make_listing(self, dataset: str, expanded: bool) -> RowList:
        if make := self.lists.get(dataset):
            return make()
        live, assessment = self.live, self.assessment
        match dataset:
            case "machines":
                indices: Sequence[int] = live.present
                return _by_device(self.fleet, live, indices, lambda device: self.machines.row(device, live))
            case "av_health":
                indices = array("I", (d.number for d in self.fleet.devices(live) if self.antivirus.has_row(d)))
                return _by_device(self.fleet, live, indices, lambda device: self.antivirus.row(device, live))
            case "alerts":
                refs = self.alerts.refs(live)
                return RowList(
                    len(refs),
                    lambda start, stop: (self.alerts.row(ref, live, expanded=expanded) for ref in refs[start:stop]),
                )
            case "vulnerabilities":
                census = self.software.census(assessment.state)
                cves, exposed, detected = self.cve_catalog.cves, census.cves, census.first_detected
                return RowList(
                    len(cves),
                    lambda start, stop: (
                        self.cve_catalog.row(cve, exposed[cve.number], detected.get(cve.number))
                        for cve in cves[start:stop]
                    ),
                )
            case "software":
                return _of_rows(list(self.inventory.products(self.software.census(assessment.state))))
        declared = self.declared[dataset]
        rows, size = declared.rows, 1 if declared.is_object else len(live.present)
        return RowList(size, lambda start, stop: islice(rows(live), start, stop))


@lru_cache(maxsize=4)
def _catalogs(shape: TenantShape) -> tuple[tuple[SoftwareProduct, ...], CveCatalog]:
    """The products and CVEs of a shape: never changed, so tenants of one shape share them."""
    products = ProductCatalog(shape.seed, shape.machines).products
    return products, CveCatalog(shape, products)


_OF_ASSESSMENT = frozenset(
    {"vulnerabilities", "software", "recommendations", "remediation_activities", "machines_vulnerabilities"}
)
_KNOWN = frozenset(
    {
        "machines",
        "machine_users",
        "av_health",
        "alerts",
        "software",
        "vulnerabilities",
        "software_vulnerability_changes",
    }
)
"""Datasets with rows of the tenant's own, beside its assessments and ``lists``."""


def _by_device(
    fleet: Fleet, state: TenantState, indices: Sequence[int], row: Callable[[Device], dict[str, Any]]
) -> RowList:
    return RowList(len(indices), lambda start, stop: (row(fleet.device(index, state)) for index in indices[start:stop]))


def _of_rows(rows: list[Row]) -> RowList:
    return RowList(len(rows), lambda start, stop: iter(rows[start:stop]))
