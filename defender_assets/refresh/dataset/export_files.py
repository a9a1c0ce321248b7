"""Every row of a dataset from its export files.

Here: decoding the files, and asking for their list again where rows are missing. Not here: lists of files and their
parts (``api/exports.py``), the choice between files and pages (``ways.py``).
"""

from collections.abc import Iterator

import pyarrow as pa

from ...api import DefenderClient, Export
from ...catalog import CursorPages, Dataset, ExportFiles
from ...decode import Decoder
from ...quantity import quantity
from .completeness import DatasetReading
from .cursor_pages import cursor_walk
from .parallel import map_in_threads
from .statistics import FetchStatistics


def exported_rows(
    client: DefenderClient,
    dataset: Dataset,
    files: ExportFiles,
    pages: CursorPages | None,
    decoder: Decoder,
    statistics: FetchStatistics,
    reading: DatasetReading,
    enough: int | None,
) -> Iterator[pa.Table]:
    """Every row once, as tables in the dataset's schema; from ``pages`` where the list of files is empty.

    With fewer rows than ``enough`` (None: it is not known how many there were), the list is asked for again, for files
    that it may have lacked; always where there are no ``pages`` with the same rows."""
    export = Export(client, dataset, files)
    if not export.parts and pages is None:
        reading.may_lack_rows.append("the list of export files is empty")
    elif not export.parts and pages is not None:
        # A tenant without rows gets an empty list, but the service was seen to give one by mistake: the pages decide.
        reading.way = f"pages of {pages.page_size:,} rows by cursor, the list of export files being empty"
        yield from cursor_walk(client, dataset, pages, None, decoder, reading)
        return
    rows = 0
    for table in map_in_threads(decoder.lines, export):
        rows += table.num_rows
        yield table
        del table
    if pages is None or enough is None or rows < enough:
        found = 0
        for table in map_in_threads(decoder.lines, export.missed_parts()):
            found += table.num_rows
            yield table
            del table
        if found:
            reading.doubt(f"the first list of export files lacked {quantity(found, 'row')} that a second one had")
    if export.empty_parts:
        reading.doubt(f"parts without a byte, whenever they were asked for: {export.empty_parts:,}")
    if export.parts_read_again:
        again = quantity(export.parts_read_again, "time")
        reading.doubt(f"parts that were empty, short or damaged, asked for again: {again}")
    reading.parts = export.parts
    statistics.generated_time = export.generated_time
