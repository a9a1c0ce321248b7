"""The crawl of a per-device dataset: device by device, each answer journaled, then merged and published.

Here: asking in threads, the journal, and merging answers with the former rows. Not here: one device's answer
(``device_answer.py``), which devices are chosen (``crawl_order.py``).
"""

import threading
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from ...api import BrokenAnswer, DefenderClient, IncompleteWalk, TooLarge
from ...catalog import DATASETS, OBSERVED_AT, Dataset, ODataPages, PerDevice
from ...decode import Decoder, UndecodableResponse
from ...errors import DefenderAssetsError
from ...lake import Journal, Lake
from ...scope import fleet_scope
from ...scope.left_out import SCOPE
from ..context import RefreshContext
from ..errors import NotPublished
from ..progress import Progress, report_progress
from ..publication import PublishedPartition, publish_rows
from .checks import covers_the_fleet, proof
from .crawl_order import coverage, devices_to_ask
from .device_answer import DeviceAnswer, DeviceReader
from .odata_pages import odata_walk
from .scoped_rows import scoped_fleet
from .statistics import FetchStatistics, file_metadata

UNUSABLE_ONE_IN = 20
CONCURRENT_CALLS = 4
"""The quota of 100 calls a minute bounds the crawl, not this number."""

ASKED_NOTE = "asked"
"""The note in the lake with the time of each device's last call; a device without users has no row to record it."""


@dataclass
class NewestAnswers:
    """The newest answer of each device. ``told``: with what the service told of it. ``unknown``: devices of which it
    last said that it does not know them, which is no proof that nobody logged on: what was told before stays."""

    told: dict[str, DeviceAnswer] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    asked_at: dict[str, datetime] = field(default_factory=dict)

    def add(self, answer: DeviceAnswer) -> None:
        """Takes an answer that is newer than those before it."""
        self.asked_at[answer.device] = answer.asked_at
        if answer.bodies is None:
            self.unknown.add(answer.device)
        else:
            self.told[answer.device] = answer
            self.unknown.discard(answer.device)


def crawl(
    dataset: Dataset,
    fetch: PerDevice,
    day: date,
    context: RefreshContext,
    client: DefenderClient,
    observed_at: datetime,
) -> tuple[list[PublishedPartition], FetchStatistics]:
    """Asks at most ``user_calls`` devices, then publishes the newest answers of all devices still in the fleet.

    A device whose answer stays wrong keeps its former rows and is asked again by the next crawl; the check ``complete``
    names it. Where several are, more than one in ``UNUSABLE_ONE_IN``, the crawl fails with the error of the first.

    Answers received before an error stay in the journal, and their devices are not asked again, unless the error is
    that the answers together could not be proven.
    """
    lake = context.lake
    scope = fleet_scope(context.settings)
    fleet = scoped_fleet(dataset, context, client, scope) if scope.chooses_devices else None
    last_seen = _devices(fetch, client, lake, observed_at)
    if fleet is not None:
        inside = set(fleet.inside.to_pylist())
        last_seen = {device: when for device, when in last_seen.items() if device in inside}
    journal = lake.journal(dataset.name, "answers")
    asked_note = lake.note(dataset.name, ASKED_NOTE) or {}
    asked_at = {device: datetime.fromisoformat(when) for device, when in asked_note.items()}
    answers = NewestAnswers()
    # What is decoded only to see whether it can be is not counted.
    trial = Decoder(dataset, observed_at=observed_at)
    for answer in _journaled(dataset, fetch, journal, trial):
        answers.add(answer)
    asked_at |= answers.asked_at
    devices = devices_to_ask(last_seen, asked_at, observed_at, context.settings.user_calls)
    reader = DeviceReader(client, dataset, fetch, trial)
    unusable: list[DefenderAssetsError] = []
    for answer in _ask(dataset, reader, journal, devices, unusable):
        answers.add(answer)
    for answer in _ask(dataset, reader, journal, reader.doubtful(answers.told.values()), unusable):
        answers.add(answer)
    if unusable and len(unusable) > min(len(devices) - 1, max(1, len(devices) // UNUSABLE_ONE_IN)):
        raise unusable[0]
    asked_at |= answers.asked_at

    present = {device: when for device, when in asked_at.items() if device in last_seen}
    new = {device: answer for device, answer in answers.told.items() if device in last_seen}
    decoder = Decoder(dataset, observed_at=observed_at)
    covered = coverage(last_seen, present)
    statistics = FetchStatistics(
        decoder,
        fetched_by=dataset.fetch_in_words,
        coverage=covered,
        unknown_devices=len(answers.unknown & last_seen.keys()),
        scope=str(scope),
        devices_out_of_scope=len(fleet.outside) if fleet else 0,
    )
    out_of_scope = fleet.outside if fleet else pa.array([], pa.string())
    rows = chain(
        _former_rows(dataset, fetch, lake, last_seen.keys() - new.keys(), statistics, out_of_scope),
        _new_rows(dataset, fetch, decoder, new.values()),
    )
    try:
        partitions = publish_rows(
            dataset,
            (day,),
            rows,
            lake=lake,
            metadata={**file_metadata(client.api_host, observed_at), **({SCOPE: str(scope)} if scope else {})},
            prove=proof(dataset, context, statistics),
            judge=lambda _: (covers_the_fleet(covered, statistics.unknown_devices, unusable),),
        )
    except NotPublished:
        # Answers that together cannot be right would stop every later crawl too: their devices are asked again.
        journal.clear()
        raise
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


def _journaled(dataset: Dataset, fetch: PerDevice, journal: Journal, trial: Decoder) -> Iterator[DeviceAnswer]:
    """The answers of a crawl that broke off, in the order in which they came.

    A former version journaled whatever the service sent, the first page of several too. Such a device is asked again.
    """
    for line in journal.lines():
        answer = DeviceAnswer.of(line)
        if answer is None:
            continue
        try:
            answer.tables(dataset, fetch, trial)
        except (UndecodableResponse, IncompleteWalk):
            continue
        yield answer


def _ask(
    dataset: Dataset,
    reader: DeviceReader,
    journal: Journal,
    devices: list[str],
    unusable: list[DefenderAssetsError],
) -> Iterator[DeviceAnswer]:
    """Each device's answer, after it was journaled. What stays wrong of a single device is added to ``unusable``."""
    lock = threading.Lock()
    done = 0

    def ask(device: str) -> DeviceAnswer | None:
        nonlocal done
        answer = None
        try:
            answer = reader.answer(device)
        except (UndecodableResponse, IncompleteWalk, BrokenAnswer, TooLarge) as error:
            unusable.append(error)
        with lock:
            if answer is not None:
                journal.append(answer.line())
            done += 1
            report_progress(Progress(dataset.name, done, len(devices), "devices"))
        return answer

    try:
        with ThreadPoolExecutor(CONCURRENT_CALLS, thread_name_prefix="crawl") as pool:
            futures = [pool.submit(ask, device) for device in devices]
            try:
                for future in futures:
                    if (answer := future.result()) is not None:
                        yield answer
            finally:
                for future in futures:
                    future.cancel()
    finally:
        journal.flush()


def _former_rows(
    dataset: Dataset,
    fetch: PerDevice,
    lake: Lake,
    devices: Set[str],
    statistics: FetchStatistics,
    out_of_scope: pa.Array,
) -> Iterator[pa.Table]:
    """Rows of the newest snapshot, if there is one, of devices that are still in the fleet and have no new answer. The
    rows of devices that are out of the scope are counted."""
    former = lake.newest(dataset.name)
    if former is None:
        return
    column = _device_column(dataset, fetch)
    wanted = pa.array(sorted(devices), pa.string())
    for batch in lake.batches(dataset.name, former):
        table = pa.Table.from_batches([batch])
        left = pc.sum(pc.is_in(table[column], value_set=out_of_scope)).as_py() or 0
        statistics.former_rows_out_of_scope += left
        yield table.filter(pc.is_in(table[column], value_set=wanted))


def _new_rows(
    dataset: Dataset, fetch: PerDevice, decoder: Decoder, answers: Iterable[DeviceAnswer]
) -> Iterator[pa.Table]:
    index = dataset.schema.get_field_index(OBSERVED_AT.name)
    for answer in answers:
        for table in answer.tables(dataset, fetch, decoder):
            # observed_at is the time of the call, not of the refresh that merges the answer.
            observed = pa.repeat(pa.scalar(answer.asked_at, OBSERVED_AT.type), table.num_rows)
            yield table.set_column(index, dataset.schema.field(index), observed)


def _device_column(dataset: Dataset, fetch: PerDevice) -> str:
    return next(column.name for column in dataset.columns if column.member == fetch.member)
