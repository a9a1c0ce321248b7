"""The service: the login, then one cheap request per dataset, each refusal explained.

Here: the probes. Not here: what an error means (``api/error_mapping.py``, ``api/entra.py``), what else is examined
(``examination.py``).

Each dataset that is chosen is probed: a test that reads only one of them would pass while another permission is
missing. An extra dataset that this tenant cannot have is a finding, and no failure: a refresh leaves it out too.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from ..api import (
    LACKS,
    ApiResponse,
    Clock,
    DefenderClient,
    DefenderError,
    LoginError,
    NotFound,
    Throttled,
    Unreachable,
    UntrustedCertificate,
    odata_time,
    open_client,
)
from ..catalog import DATASETS, CursorPages, Dataset, ExportFiles, ODataPages, OneAnswer, PerDevice
from ..settings import NOT_CHOSEN, ChosenDatasets, Connection, Settings, chosen_datasets
from .diagnosis import DatasetProbe, Diagnosis, LoginProbe

_AT_ONCE = 4
# No device has this id. An application that may request it may request real devices too.
_NO_DEVICE = "0" * 40
# Bytes. Asked for one row, the service sends about a kilobyte.
_LARGEST_ROW = 1 << 20
_REPORT = "Try again; if it stays so, report it with what was answered."


def examine_service(
    connection: Connection,
    settings: Settings,
    datasets: Iterable[Dataset] | None = None,
    *,
    was_fetched: Callable[[str], bool] = lambda _: False,
    clock: Clock | None = None,
) -> Diagnosis:
    """Tries everything once. Refusals are findings, never errors.

    ``was_fetched`` says whether the lake holds a dataset: that it is refused is then a failure, whatever it is. It does
    not wait for a quota: a dataset that is throttled is reported as that. Raises SettingsError and BudgetUnusable.
    """
    chosen = chosen_datasets(settings)
    everything = tuple(DATASETS.values() if datasets is None else datasets)
    probed = tuple(dataset for dataset in everything if not chosen.leaves_out(dataset))
    diagnosis = _examined(connection, settings, probed, clock)
    probes = {probe.dataset: probe for probe in diagnosis.datasets}
    for dataset in everything:
        probe = probes.get(dataset.name)
        if probe is None:
            probes[dataset.name] = _not_chosen(dataset, chosen)
        elif probe.reason in LACKS:
            probes[dataset.name] = (
                replace(probe, counted_on=True) if chosen.expects(dataset, was_fetched) else replace(probe, absent=True)
            )
    return replace(diagnosis, datasets=tuple(probes[dataset.name] for dataset in everything))


def _examined(
    connection: Connection, settings: Settings, probed: tuple[Dataset, ...], clock: Clock | None
) -> Diagnosis:
    with open_client(connection, settings, attempts=2, patience=1.0, pacing_patience=0.0, clock=clock) as client:
        try:
            token = client.login.token()
        except LoginError as error:
            return Diagnosis(
                LoginProbe(False, error.reason, (), error.remedy or _REPORT, str(error)),
                _without_login(probed, error),
            )
        login = LoginProbe(True, "ok", token.claims.roles)
        return Diagnosis(login, _Examination(client).of(probed))


def _not_chosen(dataset: Dataset, chosen: ChosenDatasets) -> DatasetProbe:
    why = chosen.why_left_out(dataset)
    return DatasetProbe(dataset.name, dataset.permission, False, None, NOT_CHOSEN, why, absent=True)


def not_examined(why: str) -> Diagnosis:
    """The service, where it could not be asked anything."""
    probes = (
        DatasetProbe(dataset.name, dataset.permission, False, None, "unexpected", why) for dataset in DATASETS.values()
    )
    return Diagnosis(LoginProbe(False, "unexpected", (), why, f"Not tried. {why}"), tuple(probes))


def _without_login(datasets: Iterable[Dataset], error: LoginError) -> tuple[DatasetProbe, ...]:
    remedy = f"The login has to work first. {error.remedy}".strip()
    return tuple(replace(_failed_probe(dataset, error), status=None, remedy=remedy) for dataset in datasets)


class _Examination:
    """The probes, and the ids of devices that they returned."""

    def __init__(self, client: DefenderClient) -> None:
        self._client = client
        self._devices: dict[str, str] = {}

    def of(self, datasets: tuple[Dataset, ...]) -> tuple[DatasetProbe, ...]:
        """One probe each, in the same order."""
        probes: dict[str, DatasetProbe] = {}
        # Datasets that are fetched device by device need the id of a device.
        needed = {dataset.fetch.devices for dataset in datasets if isinstance(dataset.fetch, PerDevice)}
        first = [dataset for dataset in datasets if dataset.name in needed] or list(datasets[:1])
        for name in needed - {dataset.name for dataset in first}:
            if name in DATASETS:
                self._probe(DATASETS[name])
        for dataset in first:
            probe, error = self._probe(dataset)
            probes[dataset.name] = probe
            if isinstance(error, UntrustedCertificate) or (isinstance(error, Unreachable) and not error.connected):
                # Nothing answers: probing the other datasets would take minutes to find out the same.
                return tuple(_failed_probe(other, error) for other in datasets)
        rest = [dataset for dataset in datasets if dataset.name not in probes]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor") as pool:
            for dataset, (probe, _) in zip(rest, pool.map(self._probe, rest), strict=True):
                probes[dataset.name] = probe
        return tuple(probes[dataset.name] for dataset in datasets)

    def _probe(self, dataset: Dataset) -> tuple[DatasetProbe, DefenderError | None]:
        path, params = self._request(dataset)
        try:
            response = self._client.get(path, params=params, dataset=dataset, quota=dataset.quota)
        except NotFound as error:
            if not isinstance(dataset.fetch, ODataPages | PerDevice):
                return _failed_probe(dataset, error), error
            # The machine list answers 404 when there are no recent machines, and a device's page when the device is
            # gone, but only to those who may read them: others get a 403.
            status = error.status
        except DefenderError as error:
            return _failed_probe(dataset, error), error
        else:
            status = response.status
            self._remember_device(dataset, response)
        return DatasetProbe(dataset.name, dataset.permission, True, status, "ok", ""), None

    def _request(self, dataset: Dataset) -> tuple[str, Mapping[str, str]]:
        match dataset.fetch:
            case ODataPages():
                return dataset.path, {"$top": "1"}
            case CursorPages(since=None):
                return dataset.path, {"pageSize": "1"}
            case CursorPages(since=str(since)):
                yesterday = datetime.now(UTC) - timedelta(days=1)
                return dataset.path, {"pageSize": "1", since: odata_time(yesterday)}
            case ExportFiles() | OneAnswer():
                # The list of export files is one call, however many files there are; none of them is downloaded.
                return dataset.path, {}
            case PerDevice(devices=devices):
                return dataset.path.replace("{device}", self._devices.get(devices, _NO_DEVICE)), {}
        raise TypeError(f"{dataset.name}: unknown fetch mode")

    def _remember_device(self, dataset: Dataset, response: ApiResponse) -> None:
        if len(response.body) > _LARGEST_ROW:
            return
        try:
            device = orjson.loads(response.body)["value"][0]["id"]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return
        if isinstance(device, str) and device.isalnum():
            self._devices[dataset.name] = device


def _failed_probe(dataset: Dataset, error: DefenderError) -> DatasetProbe:
    reason, remedy = error.reason, error.remedy
    if isinstance(error, LoginError):
        reason = "unreachable" if error.reason in ("unreachable", "tls_untrusted") else "unexpected"
    if isinstance(error, Throttled):
        wait = f"in {error.retry_after:.0f} seconds" if error.retry_after else "later"
        remedy = f"Try again {wait}; other programs that use the same application id spend the same quota."
    if not remedy:
        remedy = _REPORT
    return DatasetProbe(dataset.name, dataset.permission, False, error.status, reason, remedy, str(error))
