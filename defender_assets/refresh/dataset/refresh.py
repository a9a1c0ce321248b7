"""A dataset of the service: fetched, decoded, checked, published.

Here: the order of the steps, and reading again what broke off or is doubtful. Not here: fetching
(``odata_pages.py``, ``cursor_pages.py``, ``export_files.py``, ``one_answer.py``, ``crawl.py``), what makes a reading
doubtful (``completeness.py``), in which way it is read again (``ways.py``), publishing (``refresh/publication.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

import pyarrow as pa
import pyarrow.compute as pc

from ...api import DefenderClient, IncompleteWalk, TooLarge
from ...catalog import CursorPages, Dataset, Days, ExportFiles, ODataPages, OneAnswer, PerDevice
from ...catalog.devices import MACHINES
from ...checks import Check
from ...decode import Decoder, UndecodableResponse
from ...errors import DefenderAssetsError
from ...quantity import quantity
from ..absence import Absence, after_refusal, before_asking
from ..context import RefreshContext
from ..days import Window, odata_filter, wrong_day
from ..errors import NotPublished, WrongDay
from ..outcome import Fact, Link, Markdown, PartitionOutcome
from ..progress import Progress, report_progress
from ..publication import PublishedPartition, publish_rows
from ..table_refresh import TableRefresh
from .checks import DATASET_CHECKS, checks_of, proof
from .completeness import PAUSE, Completeness
from .crawl import crawl
from .cursor_pages import cursor_walk
from .export_files import exported_rows
from .known_devices import has_devices, references_known_devices
from .odata_pages import odata_halves, odata_walk
from .one_answer import whole_answer
from .scoped_rows import ScopedRows
from .statistics import FetchStatistics, file_metadata
from .ways import Way, first_way, next_way


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
            # A tag has neither spaces nor brackets; what is in these is in the facts.
            **({"licence": dataset.licence.partition(" (")[0].replace(" ", "_")} if dataset.licence else {}),
        }
        self.compared_with = (MACHINES.name,) if has_devices(dataset) else ()
        self.checks = {name: DATASET_CHECKS[name] for name in checks_of(dataset)}

    def definition_facts(self) -> Mapping[str, Fact]:
        dataset, quota = self.table, self.table.quota
        assumed = "" if quota.documented else " (assumed)"
        return {
            "permission": dataset.permission,
            "documentation": Link(dataset.documentation),
            "fetched by": dataset.fetch_in_words,
            "quota": f"{quota.per_minute}/min, {quota.per_hour:,}/h{assumed}",
            **({"licence": dataset.licence} if dataset.licence else {}),
        }

    def days_together(self, days: Sequence[date]) -> list[tuple[date, ...]]:
        # One walk over the API for all of them.
        return [tuple(days)]

    def wrong_day(self, day: date, context: RefreshContext) -> WrongDay | None:
        return wrong_day(self.table, day, context.today)

    def absence(self, context: RefreshContext) -> Absence | None:
        return before_asking(self.table, context)

    def absence_after(self, error: DefenderAssetsError, context: RefreshContext) -> Absence | None:
        return after_refusal(self.table, error, context)

    def compare(self, outcomes: Sequence[PartitionOutcome], context: RefreshContext) -> list[PartitionOutcome]:
        made = [outcome for outcome in outcomes if outcome.is_made]
        if not self.compared_with or not made or not all(outcome.ok for outcome in outcomes):
            return list(outcomes)
        # A day without rows has nothing to compare, unless a scope left rows out: these are counted too.
        days = [outcome.day for outcome in made if outcome.rows or "scope" in outcome.facts]
        check = references_known_devices(self.table, days, context.today, context.lake, context.settings)
        return [
            replace(outcome, checks=(*outcome.checks, check)) if outcome.is_made else outcome for outcome in outcomes
        ]

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Raises DefenderError when the service refuses or cannot be reached, UndecodableResponse, LakeError, and
        NotPublished when the rows cannot be proven complete. In every case the former partitions stay as they were."""
        client = context.client()
        observed_at = context.moment()
        before = client.counted(self.name)
        scoped = ScopedRows(self.table, context, client, observed_at)
        with scoped.deciding():
            if isinstance(self.table.fetch, PerDevice):
                partitions, statistics = crawl(self.table, self.table.fetch, days[0], context, client, observed_at)
            else:
                partitions, statistics = walk(self.table, days, context, client, observed_at, scoped)
            scoped.published()
        used = client.counted(self.name)
        facts: dict[str, Fact] = {
            "observed at": observed_at,
            "API calls": used.calls - before.calls,
            "bytes received": used.bytes_received - before.bytes_received,
            **statistics.facts(),
        }
        if len(days) > 1:
            facts["days"] = f"{days[0]} to {days[-1]}"
        return [
            partition.outcome(facts | {"Parquet file": Markdown(f"`{partition.file.uri}`")}) for partition in partitions
        ]


def walk(
    dataset: Dataset,
    days: Sequence[date],
    context: RefreshContext,
    client: DefenderClient,
    observed_at: datetime,
    scoped: ScopedRows,
) -> tuple[list[PublishedPartition], FetchStatistics]:
    """Reads the whole list and publishes it; reads again what broke off or is doubtful, ``READINGS`` times at most."""
    completeness = Completeness(dataset, context.lake, may_shrink=context.settings.allow_collapse)
    way = first_way(dataset, client, context)
    while True:
        try:
            return _read(dataset, days, context, client, observed_at, completeness, way, scoped)
        except (IncompleteWalk, TooLarge, UndecodableResponse) as error:
            completeness.failed(error)
            if not completeness.may_read_again(error):
                completeness.give_up(error)
                raise
            way = next_way(dataset, way, error, completeness)
        client.clock.sleep(PAUSE)


def _read(
    dataset: Dataset,
    days: Sequence[date],
    context: RefreshContext,
    client: DefenderClient,
    observed_at: datetime,
    completeness: Completeness,
    way: Way,
    scoped: ScopedRows,
) -> tuple[list[PublishedPartition], FetchStatistics]:
    decoder = Decoder(dataset, observed_at=observed_at)
    statistics = FetchStatistics(decoder, keeps_extra=not dataset.credentials)
    reading = completeness.begin(days)
    window = Window(min(days), max(days)) if dataset.days is Days.EVENT else None
    tables = _tables(dataset, window, client, statistics, completeness, way)

    def judge(rows: Mapping[date, int]) -> tuple[Check, ...]:
        if isinstance(dataset.fetch, CursorPages | ExportFiles) and (repeated := statistics.duplicate_rows):
            # A snapshot has a row once; where it comes twice, it may stand in the place of another.
            reading.may_lack_rows.append(f"rows that came more than once: {repeated:,}")
        if garbled := decoder.counts.garbled:
            # What was meant may have been another key.
            reading.may_lack_rows.append(f"answers with bytes that are no UTF-8: {garbled:,}")
        return (completeness.judge(rows),)

    partitions = publish_rows(
        dataset,
        days,
        _counted(dataset.name, tables if window is None else _of_days(tables, dataset, days, statistics)),
        lake=context.lake,
        metadata={**file_metadata(client.api_host, observed_at), **scoped.metadata()},
        prove=proof(dataset, context, statistics),
        judge=judge,
        restrict=scoped.restrict,
    )
    statistics.fetched_by = reading.way
    return partitions, statistics


def _tables(
    dataset: Dataset,
    window: Window | None,
    client: DefenderClient,
    statistics: FetchStatistics,
    completeness: Completeness,
    way: Way,
) -> Iterator[pa.Table]:
    decoder, reading = statistics.decoder, completeness.reading
    match dataset.fetch:
        case ODataPages() as fetch:
            fetch = replace(fetch, top=way.page_size)
            reading.way = f"pages of {fetch.top:,} rows by $top and $skip"
            if way.halves and fetch.halves:
                reading.way += ", in two halves by a filter"
                return odata_halves(client, dataset, fetch, decoder, halves=fetch.halves, reading=reading)
            row_filter = odata_filter(fetch, window) if window else None
            return odata_walk(client, dataset, fetch, decoder, row_filter=row_filter, reading=reading)
        case CursorPages(files=ExportFiles() as files) as fetch if way.files:
            fetch = replace(fetch, page_size=way.page_size)
            reading.way = f"export files of {files.path}"
            return exported_rows(client, dataset, files, fetch, decoder, statistics, reading, completeness.former_rows)
        case CursorPages() as fetch:
            fetch = replace(fetch, page_size=way.page_size)
            reading.way = f"pages of {fetch.page_size:,} rows by cursor"
            return cursor_walk(client, dataset, fetch, window, decoder, reading)
        case ExportFiles() as files:
            reading.way = f"export files of {files.path}"
            return exported_rows(client, dataset, files, None, decoder, statistics, reading, completeness.former_rows)
        case OneAnswer() as fetch:
            reading.way = "one request"
            return whole_answer(client, dataset, fetch, decoder, reading)
        case PerDevice():
            raise TypeError("a crawl has its own way")
        case _ as never:
            assert_never(never)


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
                f"{dataset.name}: the day of {quantity(times.null_count, 'row')} is unknown, because "
                f"{dataset.event_time} cannot be read there; nothing was published.",
                dataset=dataset.name,
            )
        # The service answers with whole six-hour windows, and a filter may be ignored: the days are chosen here.
        kept = table.filter(pc.is_in(times.cast(pa.date32()), value_set=wanted))
        statistics.rows_of_other_days += table.num_rows - kept.num_rows
        yield kept
