"""The crawl of a per-device dataset: one call per device, each answer journaled, then merged and published.

Here: calls, the journal, and merging answers with the former rows. Not here: which devices are chosen
(``crawl_order.py``).
"""

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from ...api import DefenderClient, NotFound
from ...catalog import DATASETS, OBSERVED_AT, Dataset, ODataPages, PerDevice
from ...decode import Decoder
from ...lake import Journal, Lake
from ..context import RefreshContext
from ..progress import Progress, report_progress
from ..publication import PublishedPartition, publish_rows
from .checks import proof
from .crawl_order import coverage, devices_to_ask
from .odata_pages import odata_walk
from .statistics import FetchStatistics, file_metadata

CONCURRENT_CALLS = 4
"""The quota of 100 calls a minute bounds the crawl, not this number."""

ASKED_NOTE = "asked"
"""The note in the lake with the time of each device's last call; a device without users has no row to record it."""


@dataclass(frozen=True)
class DeviceAnswer:
    """One device's answer as the journal holds it; the body is the service's own."""

    device: str
    asked_at: datetime
    body: str

    def line(self) -> bytes:
        """The answer as a line of the journal."""
        return json.dumps([self.device, self.asked_at.isoformat(), self.body]).encode() + b"\n"

    @staticmethod
    def of(line: bytes) -> "DeviceAnswer":
        """The answer in a line of the journal."""
        device, asked_at, body = json.loads(line)
        return DeviceAnswer(device, datetime.fromisoformat(asked_at), body)


def crawl(
    dataset: Dataset,
    fetch: PerDevice,
    day: date,
    context: RefreshContext,
    client: DefenderClient,
    observed_at: datetime,
) -> tuple[list[PublishedPartition], FetchStatistics]:
    """Asks at most ``user_calls`` devices, then publishes the newest answers of all devices still in the fleet.

    Answers received before an error stay in the journal, and their devices are not asked again.
    """
    lake = context.lake
    last_seen = _devices(fetch, client, lake, observed_at)
    journal = lake.journal(dataset.name, "answers")
    asked_note = lake.note(dataset.name, ASKED_NOTE) or {}
    asked_at = {device: datetime.fromisoformat(when) for device, when in asked_note.items()}
    for line in journal.lines():
        answer = DeviceAnswer.of(line)
        asked_at[answer.device] = max(answer.asked_at, asked_at.get(answer.device, answer.asked_at))
    devices = devices_to_ask(last_seen, asked_at, observed_at, context.settings.user_calls)
    _ask(dataset, client, journal, devices, asked_at)

    answers = {answer.device: answer for answer in map(DeviceAnswer.of, journal.lines()) if answer.device in last_seen}
    present = {device: when for device, when in asked_at.items() if device in last_seen}
    decoder = Decoder(dataset, observed_at=observed_at)
    covered = coverage(last_seen, present)
    statistics = FetchStatistics(decoder, fetched_by=dataset.fetch_in_words, coverage=covered)
    rows = chain(
        _former_rows(dataset, fetch, lake, set(last_seen) - set(answers)), _new_rows(dataset, fetch, decoder, answers)
    )
    partitions = publish_rows(
        dataset,
        (day,),
        rows,
        lake=lake,
        metadata=file_metadata(client.api_host, observed_at),
        prove=proof(dataset, context, statistics),
    )
    # In this order: a kill in between leaves the answers in the journal, and the next crawl merges them again.
    lake.put_note(dataset.name, ASKED_NOTE, {device: when.isoformat() for device, when in present.items()})
    journal.clear()
    return partitions, statistics


def _devices(fetch: PerDevice, client: DefenderClient, lake: Lake, now: datetime) -> dict[str, datetime | None]:
    """Device id -> last seen, from the newest snapshot in the lake; without one, from the service."""
    machines = DATASETS[fetch.devices]
    if lake.newest(machines.name) is not None:
        tables = [lake.read(machines.name, columns=["id", "last_seen"])]
    else:
        assert isinstance(machines.fetch, ODataPages)
        tables = list(odata_walk(client, machines, machines.fetch, Decoder(machines, observed_at=now)))
    return {
        device: seen
        for table in tables
        for device, seen in zip(table["id"].to_pylist(), table["last_seen"].to_pylist(), strict=True)
    }


def _ask(
    dataset: Dataset, client: DefenderClient, journal: Journal, devices: list[str], asked_at: dict[str, datetime]
) -> None:
    lock = threading.Lock()
    done = 0

    def ask(device: str) -> None:
        nonlocal done
        path = dataset.path.format(device=device)
        try:
            body = client.get(path, dataset=dataset, quota=dataset.quota).body.decode("utf-8", "surrogateescape")
        except NotFound as gone:
            # The device left between the list and the call, or the service knows nothing about it. An error code says
            # that the route itself exists.
            if not gone.code:
                raise
            body = '{"value":[]}'
        answer = DeviceAnswer(device, datetime.now(UTC), body)
        with lock:
            journal.append(answer.line())
            asked_at[device] = answer.asked_at
            done += 1
            report_progress(Progress(dataset.name, done, len(devices), "devices"))

    with ThreadPoolExecutor(CONCURRENT_CALLS, thread_name_prefix="crawl") as pool:
        futures = [pool.submit(ask, device) for device in devices]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _former_rows(dataset: Dataset, fetch: PerDevice, lake: Lake, devices: set[str]) -> Iterator[pa.Table]:
    """Rows of the newest snapshot, if there is one, of devices that are still in the fleet and have no new answer."""
    former = lake.newest(dataset.name)
    if former is None:
        return
    column = _device_column(dataset, fetch)
    wanted = pa.array(sorted(devices), pa.string())
    for batch in lake.batches(dataset.name, former):
        table = pa.Table.from_batches([batch])
        yield table.filter(pc.is_in(table[column], value_set=wanted))


def _new_rows(
    dataset: Dataset, fetch: PerDevice, decoder: Decoder, answers: Mapping[str, DeviceAnswer]
) -> Iterator[pa.Table]:
    index = dataset.schema.get_field_index(OBSERVED_AT.name)
    for device, answer in answers.items():
        body = answer.body.encode("utf-8", "surrogateescape")
        page = decoder.page(body, constants={fetch.member: device})
        # observed_at is the time of the call, not of the refresh that merges the answer.
        observed = pa.repeat(pa.scalar(answer.asked_at, OBSERVED_AT.type), page.table.num_rows)
        yield page.table.set_column(index, dataset.schema.field(index), observed)


def _device_column(dataset: Dataset, fetch: PerDevice) -> str:
    return next(column.name for column in dataset.columns if column.member == fetch.member)
