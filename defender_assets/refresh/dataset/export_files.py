"""Every row of a dataset from its export files, and when they are preferred to pages.

Here: the choice between files and pages, and decoding the files. Not here: lists of files and their parts
(``api/exports.py``).
"""

from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa

from ...api import DefenderClient, Export, Refused
from ...catalog import DATASETS, CursorPages, Dataset, ExportFiles
from ...decode import Decoder
from ...lake import Lake, UnreadableSnapshot
from ...settings import Settings
from .cursor_pages import cursor_walk
from .parallel import map_in_threads
from .statistics import FetchStatistics


def exported_rows(
    client: DefenderClient,
    dataset: Dataset,
    files: ExportFiles,
    pages: CursorPages,
    decoder: Decoder,
    statistics: FetchStatistics,
) -> Iterator[pa.Table]:
    """Every row once, as tables in the dataset's schema; from ``pages`` where the list of files is empty."""
    parts = Export(client, dataset, files)
    if not parts.parts:
        # A tenant without rows gets an empty list, but the service was seen to give one by mistake: the pages decide.
        statistics.fetched_by = f"pages of {pages.page_size:,} rows by cursor, the list of export files being empty"
        yield from cursor_walk(client, dataset, pages, None, decoder)
        return
    yield from map_in_threads(decoder.lines, parts)
    statistics.generated_time = parts.generated_time


def export_files_wanted(client: DefenderClient, lake: Lake, settings: Settings) -> bool:
    """Whether export files are read instead of pages. ``auto`` goes by the size of the fleet: the number of machines in
    the lake or, without a snapshot, whether the service lists more of them than the limit (one call)."""
    if settings.export_files != "auto":
        return settings.export_files == "always"
    machines = DATASETS["machines"]
    if (newest := lake.newest(machines.name)) is not None:
        with suppress(UnreadableSnapshot):
            return lake.rows(machines.name, newest) > settings.export_files_above
    try:
        return client.has_more_than(settings.export_files_above, machines)
    except Refused:
        return False  # the application may not list machines; pages work for any fleet, only slower
