"""Looks at the service from schedules and sensors: brief, on the common budget, and honest about failing.

Here: opening client and lake of a tenant for a look, and the looks. Not here: what follows from them
(``decisions.py``).
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from ...api import DefenderClient, list_export, open_client
from ...api.exports import moment
from ...catalog import DATASETS, CursorPages, Dataset, ExportFiles
from ...lake import Lake
from ...refresh import Staleness, note_caught_up, stale_days
from ...settings import Settings, tenant_names
from ..resources import DefenderApplication, ParquetLake

_ATTEMPTS, _PATIENCE = 2, 15.0
"""A tick has 60 seconds: who cannot be reached now is asked at the next one."""


@dataclass(frozen=True)
class Service:
    """One tenant, to look at: its service and its lake."""

    tenant: str
    client: DefenderClient
    lake: Lake


class Looker:
    """Opens tenants for a look. The resources are the definitions' own, so that a tick needs none handed in."""

    def __init__(self, application: DefenderApplication, lake: ParquetLake) -> None:
        self._application = application
        self._lake = lake

    def tenants(self) -> tuple[str, ...]:
        return tenant_names(Settings.load())

    @contextmanager
    def at(self, tenant: str) -> Iterator[Service]:
        """Raises SettingsError when the tenant's settings are not usable."""
        with ExitStack() as stack:
            application = stack.enter_context(self._application.process_config_and_initialize_cm())
            lake = stack.enter_context(self._lake.process_config_and_initialize_cm())
            opened = open_client(
                application.connection(tenant),
                application.settings(),
                attempts=_ATTEMPTS,
                patience=_PATIENCE,
                pacing_patience=_PATIENCE,
            )
            yield Service(tenant, stack.enter_context(opened), lake.lake(tenant))


def look_for_changes(service: Service, dataset: Dataset, now: datetime) -> Staleness:
    """The stale days of an event table; what is known to be published is noted in the lake."""
    staleness = stale_days(service.client, dataset, service.lake, now)
    note_caught_up(service.lake, dataset, staleness.caught_up_to)
    return staleness


def exported_datasets() -> dict[str, ExportFiles]:
    """The datasets of which the service keeps exports.

    Their list tells when the assessment was made, also where its rows are read in pages: both come from the same
    stored snapshot.
    """
    return {
        name: dataset.fetch.files
        for name, dataset in DATASETS.items()
        if isinstance(dataset.fetch, CursorPages) and dataset.fetch.files is not None
    }


def feeds_of(table: str) -> list[str]:
    """The feeds of changes between the assessments of a table: event tables that are read by cursor and have its
    columns. The service makes them together."""
    return [
        name
        for name, dataset in DATASETS.items()
        if isinstance(dataset.fetch, CursorPages)
        and dataset.fetch.since is not None
        and dataset.columns == DATASETS[table].columns
    ]


def generated(service: Service, dataset: str, files: ExportFiles) -> tuple[str, datetime] | None:
    """When the service made the newest export, as it says it and as a time; None where it does not say."""
    told = list_export(service.client, DATASETS[dataset], files).generated_time
    made = moment(told)
    return (told, made) if told and made else None


def observed(lake: Lake, table: str) -> datetime | None:
    """When the newest partition was observed; None where there is none."""
    day = lake.newest(table)
    return None if day is None else datetime.fromisoformat(lake.metadata(table, day)["observed_at"])


def slowest_needed(exports: Iterable[ExportFiles]) -> float:
    """Seconds between looks that leave half of the hourly quota of export lists to the refreshes, which ask for the
    same lists."""
    families: dict[str, list[ExportFiles]] = {}
    for export in exports:
        families.setdefault(export.quota.name, []).append(export)
    return max((3_600 * len(members) / (members[0].quota.per_hour / 2) for members in families.values()), default=0)
