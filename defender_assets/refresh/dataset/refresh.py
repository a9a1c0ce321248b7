"""A dataset of the service: fetched, decoded, checked, published.

Here: the order of the steps, and starting over when a walk was incomplete. Not here: the ways to fetch
(``odata_pages.py``, ``cursor_pages.py``, ``export_files.py``, ``crawl.py``), publishing (``refresh/publication.py``).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

import pyarrow as pa
import pyarrow.compute as pc

from ...api import DefenderClient, IncompleteWalk
from ...catalog import CursorPages, Dataset, Days, ExportFiles, ODataPages, PerDevice
from ...decode import Decoder
from ..context import RefreshContext
from ..days import Window, check_days, odata_filter
from ..errors import NotPublished
from ..outcome import Fact, Link, Markdown, PartitionOutcome
from ..progress import Progress, report_progress
from ..publication import PublishedPartition, publish_rows
from ..table_refresh import TableRefresh
from .checks import DATASET_CHECKS, checks_of, proof
from .crawl import crawl
from .cursor_pages import LooksCut, cursor_walk
from .export_files import export_files_wanted, exported_rows
from .odata_pages import odata_walk
from .statistics import FetchStatistics, file_metadata

RESTARTS = 3
"""How often a walk is restarted that turns out incomplete (rows vanished, a new export was made)."""


class DatasetRefresh(TableRefresh):
    """Fetches a dataset of the service."""

    table: Dataset
    asks_the_service = True

    def __init__(self, dataset: Dataset) -> None:
        self.table = dataset
        self.name, self.description = dataset.name, dataset.description
        self.group, self.days = dataset.group, dataset.days
        self.optional_inputs = (dataset.fetch.devices,) if isinstance(dataset.fetch, PerDevice) else ()
        self.kinds = frozenset({"azure", "parquet"})
        self.tags = {
            "days": dataset.days.value,
            "permission": dataset.permission,
            "quota": dataset.quota.name,
        }  # fmt: skip
        self.checks = {name: DATASET_CHECKS[name] for name in checks_of(dataset)}

    def definition_facts(self) -> Mapping[str, Fact]:
        dataset, quota = self.table, self.table.quota
        assumed = "" if quota.documented else " (assumed)"
        return {
            "permission": dataset.permission,
            "documentation": Link(dataset.documentation),
            "fetched by": dataset.fetch_in_words,
            "quota": f"{quota.per_minute}/min, {quota.per_hour:,}/h{assumed}",
        }

    def days_together(self, days: Sequence[date]) -> list[tuple[date, ...]]:
        # One walk over the API for all of them.
        return [tuple(days)]

    def check_days(self, days: Sequence[date], context: RefreshContext) -> None:
        check_days(self.table, days, context.today)

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Raises DefenderError when the service refuses or cannot be reached, UndecodableResponse, LakeError, and
        NotPublished when the rows cannot be proven complete. In every case the former partitions stay as they were."""
        client = context.client()
        observed_at = context.moment()
        started, before = time.monotonic(), client.counted(self.name)
        if isinstance(self.table.fetch, PerDevice):
            partitions, statistics = crawl(self.table, self.table.fetch, days[0], context, client, observed_at)
        else:
            partitions, statistics = walk(self.table, days, context, client, observed_at)
        used = client.counted(self.name)
        facts: dict[str, Fact] = {
            "observed at": observed_at,
            "API calls": used.calls - before.calls,
            "bytes received": used.bytes_received - before.bytes_received,
            "duration in seconds": round(time.monotonic() - started, 2),
            **statistics.facts(),
        }
        if len(days) > 1:
            facts["days"] = f"{days[0]} to {days[-1]}"
        return [
            partition.outcome(facts | {"Parquet file": Markdown(f"`{partition.file.uri}`")}) for partition in partitions
        ]


def walk(
    dataset: Dataset, days: Sequence[date], context: RefreshContext, client: DefenderClient, observed_at: datetime
) -> tuple[list[PublishedPartition], FetchStatistics]:
    """Reads the whole list and publishes it; restarts a walk that was incomplete, at most ``RESTARTS`` times."""
    page_size: int | None = None
    for attempt in range(RESTARTS + 1):
        try:
            return _walked(dataset, days, context, client, observed_at, page_size)
        except LooksCut as cut:
            if page_size is not None or attempt == RESTARTS:
                raise
            page_size = cut.page_size  # from now on export files are preferred, where the dataset has them
        except IncompleteWalk as incomplete:
            if attempt == RESTARTS or not incomplete.retryable:
                raise
    raise AssertionError("the last attempt returns or raises")


def _walked(
    dataset: Dataset,
    days: Sequence[date],
    context: RefreshContext,
    client: DefenderClient,
    observed_at: datetime,
    page_size: int | None,
) -> tuple[list[PublishedPartition], FetchStatistics]:
    decoder = Decoder(dataset, observed_at=observed_at)
    statistics = FetchStatistics(decoder)
    rows = _rows(dataset, days, context, client, decoder, statistics, page_size)
    prove = proof(dataset, context, statistics)
    metadata = file_metadata(client.api_host, observed_at)
    partitions = publish_rows(dataset, days, rows, lake=context.lake, metadata=metadata, prove=prove)
    return partitions, statistics


def _rows(
    dataset: Dataset,
    days: Sequence[date],
    context: RefreshContext,
    client: DefenderClient,
    decoder: Decoder,
    statistics: FetchStatistics,
    page_size: int | None,
) -> Iterator[pa.Table]:
    window = Window(min(days), max(days)) if dataset.days is Days.EVENT else None
    wants_files = page_size is not None or (
        isinstance(dataset.fetch, CursorPages)
        and dataset.fetch.files is not None
        and export_files_wanted(client, context.lake, context.settings)
    )
    match dataset.fetch:
        case ODataPages() as fetch:
            statistics.fetched_by = dataset.fetch_in_words
            row_filter = odata_filter(fetch, window) if window else None
            tables = odata_walk(client, dataset, fetch, decoder, row_filter=row_filter)
        case CursorPages(files=ExportFiles() as files) as fetch if wants_files:
            fetch = replace(fetch, page_size=page_size or fetch.page_size)
            statistics.fetched_by = f"export files of {files.path}"
            tables = exported_rows(client, dataset, files, fetch, decoder, statistics)
        case CursorPages() as fetch:
            fetch = replace(fetch, page_size=page_size or fetch.page_size)
            statistics.fetched_by = f"pages of {fetch.page_size:,} rows by cursor"
            tables = cursor_walk(client, dataset, fetch, window, decoder)
        case PerDevice():
            raise TypeError("a crawl has its own way")
        case _ as never:
            assert_never(never)
    return _counted(dataset.name, tables if window is None else _of_days(tables, dataset, days, statistics))


def _counted(name: str, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same tables; reports how many rows have passed."""
    rows = 0
    for table in tables:
        rows += table.num_rows
        yield table
        report_progress(Progress(name, rows))
        del table


def _of_days(
    tables: Iterator[pa.Table], dataset: Dataset, days: Sequence[date], statistics: FetchStatistics
) -> Iterator[pa.Table]:
    """The rows whose event happened on these days. Raises NotPublished for a row without a time."""
    wanted = pa.array(sorted(set(days)), pa.date32())
    for table in tables:
        times = table[dataset.event_time]
        if times.null_count:
            raise NotPublished(
                f"{dataset.name}: {times.null_count} rows have no readable {dataset.event_time}, so their day is "
                "unknown; nothing was published.",
                dataset=dataset.name,
            )
        # The service answers with whole six-hour windows, and a filter may be ignored: the days are chosen here.
        kept = table.filter(pc.is_in(times.cast(pa.date32()), value_set=wanted))
        statistics.rows_of_other_days += table.num_rows - kept.num_rows
        yield kept
