"""The crawl of a per-device dataset: ask, journal each answer, merge, publish.

Here: effects around the decisions of ``crawl.py``. Not here: those decisions.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ...api import DefenderClient, NotThere
from ...catalog import DATASETS, OBSERVED_AT, Dataset, ODataPages, PerDevice
from ...decode import Decoder
from ...lake import Journal, Lake
from ...settings import Settings
from ..outcome import DayPublished, Refreshed, file_metadata
from ..progress import Progress, tell
from .checks import prove
from .crawl_order import coverage, whom_to_ask
from .odata_pages import odata_walk

AT_ONCE = 4
"""Calls under way at the same time; the quota of 100 a minute bounds the crawl, not their number."""

ASKED = "asked"
"""The note in the lake that says when each device was asked: devices without users have no row to tell it."""


@dataclass(frozen=True)
class Answer:
    """One device's answer as the journal holds it; the body is the service's own."""

    device: str
    asked_at: datetime
    body: str

    def line(self) -> bytes:
        return json.dumps([self.device, self.asked_at.isoformat(), self.body]).encode() + b"\n"

    @staticmethod
    def of(line: bytes) -> "Answer":
        device, asked_at, body = json.loads(line)
        return Answer(device, datetime.fromisoformat(asked_at), body)


def crawl(
    dataset: Dataset, *, client: DefenderClient, lake: Lake, day: date, settings: Settings, observed_at: datetime
) -> Refreshed:
    """Asks at most ``settings.user_calls`` devices and publishes what is known of all that are still there.

    Raises as ``refresh`` does. What was answered before an error is in the journal, and is not asked again.
    """
    assert isinstance(dataset.fetch, PerDevice)
    started = time.monotonic()
    before = client.counted(dataset.name)
    last_seen = _devices(dataset.fetch, client, lake, observed_at)
    journal = lake.journal(dataset.name, "answers")
    asked_at = {device: datetime.fromisoformat(when) for device, when in (lake.note(dataset.name, ASKED) or {}).items()}
    for line in journal.lines():
        answer = Answer.of(line)
        asked_at[answer.device] = max(answer.asked_at, asked_at.get(answer.device, answer.asked_at))
    _ask(dataset, client, journal, whom_to_ask(last_seen, asked_at, observed_at, settings.user_calls), asked_at)

    answers = {answer.device: answer for answer in map(Answer.of, journal.lines()) if answer.device in last_seen}
    decoder = Decoder(dataset, observed_at=observed_at)
    metadata = file_metadata(dataset, client, observed_at)
    former = lake.newest(dataset.name)
    with lake.writing(dataset, day, metadata) as writer:
        if former is not None:
            for table in _still_true(dataset, lake, former, set(last_seen) - set(answers)):
                writer.write(table)
        for table in _answered(dataset, decoder, answers):
            writer.write(table)
        checks, repeated = prove(dataset, writer, decoder.counts, lake, allow_collapse=settings.allow_collapse)
        published = writer.publish()
    # In this order: a kill in between leaves answers in the journal, which the next crawl merges once more.
    present = {device: when for device, when in asked_at.items() if device in last_seen}
    lake.put_note(dataset.name, ASKED, {device: when.isoformat() for device, when in present.items()})
    journal.clear()
    used = client.counted(dataset.name)
    return Refreshed(
        dataset=dataset.name,
        days=(DayPublished(day, published.rows, published.bytes, published.uri),),
        observed_at=observed_at,
        asked_in=dataset.fetch_in_words,
        calls=used.calls - before.calls,
        bytes_received=used.bytes_received - before.bytes_received,
        seconds=time.monotonic() - started,
        checks=checks,
        repeated_rows=repeated,
        tolerant_rows=decoder.counts.tolerant_rows,
        unreadable=dict(decoder.counts.unreadable),
        unknown_members=tuple(sorted(decoder.counts.unknown_members)),
        coverage=coverage(last_seen, present),
    )


def _devices(fetch: PerDevice, client: DefenderClient, lake: Lake, now: datetime) -> dict[str, datetime | None]:
    """Device id -> last seen: from the newest snapshot in the lake, else asked for now."""
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
            body = client.get(path, dataset=dataset.name, quota=dataset.quota).body.decode("utf-8", "surrogateescape")
        except NotThere as gone:
            # The device left between the list and the call, or the service has nothing on it; the route itself exists.
            if not gone.code:
                raise
            body = '{"value":[]}'
        answer = Answer(device, datetime.now().astimezone(), body)
        with lock:
            journal.append(answer.line())
            asked_at[device] = answer.asked_at
            done += 1
            tell(Progress(dataset.name, done, len(devices), "devices"))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crawl") as pool:
        futures = [pool.submit(ask, device) for device in devices]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _still_true(dataset: Dataset, lake: Lake, former: date, devices: set[str]) -> Iterator[pa.Table]:
    """The former rows of devices that are still there and were not asked anew."""
    column = _device_column(dataset)
    wanted = pa.array(sorted(devices), pa.string())
    for batch in lake.batches(dataset.name, former):
        table = pa.Table.from_batches([batch])
        yield table.filter(pc.is_in(table[column], value_set=wanted))


def _answered(dataset: Dataset, decoder: Decoder, answers: Mapping[str, Answer]) -> Iterator[pa.Table]:
    assert isinstance(dataset.fetch, PerDevice)
    index = dataset.schema.get_field_index(OBSERVED_AT.name)
    for device, answer in answers.items():
        body = answer.body.encode("utf-8", "surrogateescape")
        page = decoder.page(body, constants={dataset.fetch.member: device})
        # Each answer is as old as its call, not as the refresh that merges it.
        observed = pa.repeat(pa.scalar(answer.asked_at, OBSERVED_AT.type), page.table.num_rows)
        yield page.table.set_column(index, dataset.schema.field(index), observed)


def _device_column(dataset: Dataset) -> str:
    assert isinstance(dataset.fetch, PerDevice)
    return next(column.name for column in dataset.columns if column.member == dataset.fetch.member)
