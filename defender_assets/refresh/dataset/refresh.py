"""One refresh of one dataset: ask, decode, prove, publish.

Here: the outermost function of the plain-Python half (no Dagster needed). Not here: requests (``api``), JSON
(``decode``), files (``lake``), what Dagster calls a partition.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import assert_never

import pyarrow as pa
import pyarrow.compute as pc

from ...api import DefenderClient, IncompleteWalk, Refused, cursor_pages, export_parts
from ...api import Page as Body
from ...catalog import DATASETS, CursorPages, Dataset, Days, ExportFiles, ODataPages, PerDevice
from ...decode import Decoder
from ...lake import DaysWriter, Lake, PartitionWriter
from ...settings import Settings
from ..days import Window, check_days, cursor_params, odata_filter
from ..errors import NotPublished
from ..outcome import Check, DayPublished, Refreshed, file_metadata
from ..progress import Progress, tell
from .checks import prove
from .crawl import crawl
from .odata_pages import odata_walk
from .parallel import mapped

RESTARTS = 3
"""A walk that turns out incomplete (rows vanished, an export was renewed) is begun again this often."""


class LooksCut(IncompleteWalk):
    """The last page held as many rows as a cap would let through, and no link: it may be the end, or a silent cut.
    The export files of the same rows tell; where there are none, another ``page_size`` does, with which the same rows
    would end in the middle of a page."""

    def __init__(self, dataset: Dataset, rows: int, page_size: int, pages: int) -> None:
        super().__init__(
            f"{dataset.name}: the service ended a page after exactly {rows:,} rows and gave no link to a next one, "
            "whatever size of page it was asked for; it may have been cut off there",
            dataset=dataset.name,
        )
        self.page_size = max(1, (rows if pages == 1 else page_size) - 1)


def looks_cut(rows: int, page_size: int) -> bool:
    """Whether a last page of this many rows has to be doubted: a full one, or a round thousand (a silent cap of 10,000
    was seen)."""
    return rows > 0 and (rows == page_size or rows % 1_000 == 0)


@dataclass
class Asked:
    """How the rows of one walk are being asked for, and what is learnt on the way."""

    mode: str
    generated_time: str | None = None
    other_days: int = 0
    rows: int = 0
    dates: set[date] = field(default_factory=set)


def refresh(
    dataset: Dataset,
    *,
    client: DefenderClient,
    lake: Lake,
    dates: Sequence[date],
    today: date,
    settings: Settings,
    now: datetime | None = None,
) -> Refreshed:
    """Fetches the days of a dataset and publishes them; see the module's name for the order.

    ``today`` is the day the run belongs to. Raises WrongDay before anything is asked, DefenderError when the service
    refuses or cannot be reached, UndecodableResponse, LakeError, and NotPublished when the rows cannot be proven whole.
    In every case the former partitions stay as they were.
    """
    check_days(dataset, dates, today)
    lake.writable()
    observed_at = now or datetime.now(UTC)
    started = time.monotonic()
    before = client.counted(dataset.name)
    if isinstance(dataset.fetch, PerDevice):
        return crawl(dataset, client=client, lake=lake, day=dates[0], settings=settings, observed_at=observed_at)
    page_size: int | None = None
    for attempt in range(RESTARTS + 1):
        try:
            walked = _walked(dataset, client, lake, dates, settings, observed_at, page_size)
            break
        except LooksCut as cut:
            if page_size is not None:
                raise
            page_size = cut.page_size  # which also says that export files are preferred
        except IncompleteWalk as incomplete:
            if attempt == RESTARTS or not incomplete.retryable:
                raise
    days, checks, asked, decoder, repeated = walked
    used = client.counted(dataset.name)
    return Refreshed(
        dataset=dataset.name,
        days=days,
        observed_at=observed_at,
        asked_in=asked.mode,
        calls=used.calls - before.calls,
        bytes_received=used.bytes_received - before.bytes_received,
        seconds=time.monotonic() - started,
        checks=checks,
        repeated_rows=repeated,
        tolerant_rows=decoder.counts.tolerant_rows,
        other_days=asked.other_days,
        unreadable=dict(decoder.counts.unreadable),
        unknown_members=tuple(sorted(decoder.counts.unknown_members)),
        generated_time=asked.generated_time,
    )


def _walked(
    dataset: Dataset,
    client: DefenderClient,
    lake: Lake,
    dates: Sequence[date],
    settings: Settings,
    observed_at: datetime,
    page_size: int | None,
) -> tuple[tuple[DayPublished, ...], tuple[Check, ...], Asked, Decoder, int]:
    decoder = Decoder(dataset, observed_at=observed_at)
    asked = Asked("")
    tables = _rows(dataset, client, lake, dates, settings, decoder, asked, page_size)
    metadata = file_metadata(dataset, client, observed_at)
    with _writing(dataset, lake, dates, metadata) as writer:
        for table in tables:
            writer.write(table)
            asked.rows += table.num_rows
            tell(Progress(dataset.name, asked.rows))
            del table
        checks, repeated = prove(dataset, writer, decoder.counts, lake, allow_collapse=settings.allow_collapse)
        published = writer.publish()
    many = published if isinstance(published, list) else [published]
    days = tuple(DayPublished(done.date, done.rows, done.bytes, done.uri) for done in many)
    return days, checks, asked, decoder, repeated


def _writing(
    dataset: Dataset, lake: Lake, dates: Sequence[date], metadata: dict[str, str]
) -> AbstractContextManager[PartitionWriter | DaysWriter]:
    if dataset.event_time is not None:
        return lake.writing_days(dataset, list(dates), dataset.event_time, metadata)
    return lake.writing(dataset, dates[0], metadata)


def _rows(
    dataset: Dataset,
    client: DefenderClient,
    lake: Lake,
    dates: Sequence[date],
    settings: Settings,
    decoder: Decoder,
    asked: Asked,
    page_size: int | None,
) -> Iterator[pa.Table]:
    window = Window(min(dates), max(dates)) if dataset.days is Days.EVENT else None
    match dataset.fetch:
        case ODataPages() as fetch:
            asked.mode = dataset.fetch_in_words
            row_filter = odata_filter(fetch, window) if window else None
            tables = odata_walk(client, dataset, fetch, decoder, row_filter=row_filter)
        case CursorPages(files=ExportFiles() as files) if page_size is not None or _by_files(client, lake, settings):
            asked.mode = f"export files of {files.path}"
            tables = _exported(client, dataset, files, decoder, asked)
        case CursorPages() as fetch:
            fetch = replace(fetch, page_size=page_size or fetch.page_size)
            asked.mode = f"pages of {fetch.page_size:,} rows by cursor"
            tables = _paged(client, dataset, fetch, window, decoder)
        case PerDevice():
            raise TypeError("a crawl has its own way")
        case _ as never:
            assert_never(never)
    if window is None:
        yield from tables
        return
    wanted = pa.array(sorted(set(dates)), pa.date32())
    for table in tables:
        if table[dataset.event_time].null_count:
            raise NotPublished(
                f"{dataset.name}: {table[dataset.event_time].null_count} rows have no readable {dataset.event_time}, "
                "so their day is unknown; nothing was published.",
                dataset=dataset.name,
            )
        # The service answers with whole six-hour windows, and a filter may be ignored: the days are chosen here.
        kept = table.filter(pc.is_in(table[dataset.event_time].cast(pa.date32()), value_set=wanted))
        asked.other_days += table.num_rows - kept.num_rows
        yield kept


def _paged(
    client: DefenderClient, dataset: Dataset, fetch: CursorPages, window: Window | None, decoder: Decoder
) -> Iterator[pa.Table]:
    sizes: list[int] = []

    def decoded(answer: Body) -> pa.Table:
        page = decoder.page(answer.body)
        if page.next_link != answer.next_link:
            # The walker reads the link from the end of the body to ask early; the decoder reads the whole answer.
            raise IncompleteWalk(
                f"{dataset.name}: the link to the next page is not where the service puts it, so pages may have been "
                "missed",
                dataset=dataset.name,
            )
        return page.table

    for table in mapped(decoded, cursor_pages(client, dataset, params=cursor_params(fetch, window))):
        sizes.append(table.num_rows)
        yield table
    if looks_cut(sizes[-1], fetch.page_size):
        raise LooksCut(dataset, sizes[-1], fetch.page_size, len(sizes))


def _exported(
    client: DefenderClient, dataset: Dataset, files: ExportFiles, decoder: Decoder, asked: Asked
) -> Iterator[pa.Table]:
    parts = export_parts(client, dataset, files)
    if not parts.parts:
        # An empty list is what a tenant without rows gets, and what the service once gave by mistake: the pages know.
        assert isinstance(dataset.fetch, CursorPages)
        asked.mode = f"pages of {dataset.fetch.page_size:,} rows by cursor, the list of export files being empty"
        yield from _paged(client, dataset, dataset.fetch, None, decoder)
        return
    yield from mapped(decoder.lines, parts)
    asked.generated_time = parts.generated_time


def _by_files(client: DefenderClient, lake: Lake, settings: Settings) -> bool:
    """Export files or pages? ``auto`` goes by the size of the fleet: the number of machines in the lake, or else
    whether the service has a machine beyond the limit (one call)."""
    if settings.export_files != "auto":
        return settings.export_files == "always"
    machines = DATASETS["machines"]
    if (newest := lake.newest(machines.name)) is not None:
        return lake.rows(machines.name, newest) > settings.export_files_above
    beyond = {"$top": "1", "$skip": str(settings.export_files_above)}
    try:
        answer = client.get(machines.path, params=beyond, dataset=machines, quota=machines.quota)
    except Refused:
        return False  # the application may not list machines; pages serve any fleet, only slower
    return Decoder(machines, observed_at=datetime.now(UTC)).page(answer.body).table.num_rows > 0
