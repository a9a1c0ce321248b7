"""The report's lists as files for spreadsheets: ``findings.csv`` and ``devices.csv`` beside the page.

Here: every finding and every machine record of the day, as a stream. Not here: the queries (``sql/``), the lists on the
page (``sections/``), the answers of ``defender-assets query`` (``queries/formats.py``).

Texts that a spreadsheet would take for formulas get an apostrophe in front (``spreadsheets.py``).
"""

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..compliance import Engine
from ..lake import Lake
from .publishing import COMPLIANCE_REPORT
from .snapshot import DaySnapshot, Partitions, open_snapshot
from .spreadsheets import FORMULA

CSV_FILES = {"findings.csv": ("every_finding", "patch_findings"), "devices.csv": ("every_device", "device_identity")}
"""Name of the file -> its query (``sql/``), and the table without which there is none."""

_BYTE_ORDER_MARK = "\ufeff".encode()
"""By which Excel knows UTF-8."""

_FORMER_DAYS = timedelta(days=14)


def publish_csv_files(lake: Lake, day: date, partitions: Partitions, *, engine: Engine) -> dict[str, str]:
    """Writes the files that the day has tables for, each whole or not at all, and gives their addresses by name.

    They lie beside the newest report alone: copies of what the lake holds, and ten times as large. For an older day
    none is written, and those beside the reports of the two weeks before are removed. Raises UnreadableSnapshot,
    LakeNotWritable.
    """
    days = lake.files.days(COMPLIANCE_REPORT)
    if any(other > day for other in days):
        return {}
    written = {}
    for file, (query, table) in CSV_FILES.items():
        if not partitions.get(table):
            lake.files.remove(COMPLIANCE_REPORT, day, file)
            continue
        with (
            open_snapshot(lake, day, partitions, engine=engine) as snapshot,
            lake.files.writing(COMPLIANCE_REPORT, day, file) as draft,
        ):
            _write(snapshot, query, draft)
        written[file] = lake.files.address(COMPLIANCE_REPORT, day, file)
    for former in days:
        if day - _FORMER_DAYS <= former < day:
            for file in CSV_FILES:
                lake.files.remove(COMPLIANCE_REPORT, former, file)
    return written


def _write(snapshot: DaySnapshot, query: str, path: Path) -> None:
    schema, batches = snapshot.stream(query)
    with path.open("wb") as out:
        out.write(_BYTE_ORDER_MARK)
        texts = pa.schema([field.with_type(_csv_type(field.type)) for field in schema])
        with pacsv.CSVWriter(out, texts) as writer:
            for batch in batches:
                columns = [_csv_column(column) for column in batch.columns]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=texts))


def _csv_type(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_timestamp(type_) else type_


def _csv_column(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        # A form that spreadsheets read as a time.
        return pc.strftime(column.cast(pa.timestamp("s", tz="UTC"), safe=False), "%Y-%m-%d %H:%M:%S")
    return neutral(column) if pa.types.is_string(column.type) else column


def neutral(texts: pa.Array) -> pa.Array:
    """The texts, those that begin like a formula with an apostrophe in front."""
    dangerous = pc.match_substring_regex(texts, FORMULA)
    if not pc.any(dangerous).as_py():
        return texts
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", texts, ""), texts)
