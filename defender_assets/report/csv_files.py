"""The report's lists as files for spreadsheets: ``findings.csv`` and ``devices.csv`` beside the page.

Here: which of them a day gets; every finding and every machine record of it, as a stream. Not here: the queries
(``sql/``), the lists on the page (``sections/``), the answers of ``defender-assets query`` (``queries/formats.py``).

Texts that a spreadsheet would take for formulas get an apostrophe in front (``spreadsheets.py``).
"""

from collections.abc import Iterable
from datetime import date
from itertools import product
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..compliance import Engine
from ..errors import DefenderAssetsError
from ..lake import Lake
from .files_beside import NO_FILES, CsvFiles, LeftOutFile
from .formatting import counted, number, query_command
from .publishing import COMPLIANCE_REPORT
from .snapshot import Partitions, open_snapshot, read_by
from .spreadsheets import FORMULA

CSV_FILES = {"findings.csv": ("every_finding", "patch_findings"), "devices.csv": ("every_device", "device_identity")}
"""Name of the file -> its query (``sql/``), and the table without which there is none: each has a row for each of its
rows."""

MOST_ROWS = 1_048_575
"""What a sheet of Excel holds beneath its heading."""

_BYTE_ORDER_MARK = "\ufeff".encode()
"""By which Excel knows UTF-8."""

_FORMER_REPORTS = 14

_ALL_ROWS = {
    "findings.csv": """
        SELECT d.device_name, d.rbac_group_name, f.* FROM patch_findings_history AS f
        LEFT JOIN device_identity_history AS d USING (device_id, snapshot_date) WHERE f.snapshot_date = '{day}'
    """,
    "devices.csv": "SELECT * FROM device_identity_history WHERE snapshot_date = '{day}'",
}


def csv_files_of(
    lake: Lake, day: date, partitions: Partitions, wanted: Literal["auto", "true", "false"] = "auto"
) -> CsvFiles:
    """The files that the day has tables for, of which ``auto`` leaves out those of more than ``MOST_ROWS`` rows; the
    footers of the partitions tell how many there are. They lie beside the newest report alone: copies of what the lake
    holds, and ten times as large. Raises UnreadableSnapshot."""
    if wanted == "false" or any(other > day for other in lake.files.days(COMPLIANCE_REPORT)):
        return NO_FILES
    rows = {
        file: sum(lake.rows(table, of) for of in partitions[table])
        for file, (_, table) in CSV_FILES.items()
        if partitions.get(table)
    }
    left_out = {file for file, count in rows.items() if wanted == "auto" and count > MOST_ROWS}
    return CsvFiles(
        wanted=tuple(file for file in rows if file not in left_out),
        too_large={file: _too_large(file, rows[file], day, str(lake.tenant)) for file in rows if file in left_out},
    )


def _too_large(file: str, rows: int, day: date, tenant: str) -> LeftOutFile:
    name = Path(file).stem
    sql = _ALL_ROWS[file].format(day=day)
    return LeftOutFile(
        f"{file} is left out: a sheet of Excel holds {number(MOST_ROWS)} rows beneath its heading, and there are "
        f"{counted(rows, name.removesuffix('s'))}. The command below saves all of them as Parquet; with "
        "DEFENDER_REPORT_CSV=true the file is written whatever its size.",
        f"{query_command(sql, tenant)} --output {name}.parquet",
    )


def publish_csv_files(
    lake: Lake, day: date, partitions: Partitions, chosen: CsvFiles, *, engine: Engine
) -> dict[str, str]:
    """Writes the files, each whole or not at all, and gives their addresses by name. Those that are not chosen, or
    fail, are removed, lest older ones be taken for the report's; so are those beside the reports before.
    Raises UnreadableSnapshot, LakeNotWritable."""
    written = {}
    for file, (query, _) in CSV_FILES.items():
        if file not in chosen.wanted:
            lake.files.remove(COMPLIANCE_REPORT, day, file)
            continue
        try:
            with (
                open_snapshot(lake, day, read_by(query, partitions), engine=engine) as snapshot,
                lake.files.writing(COMPLIANCE_REPORT, day, file) as draft,
            ):
                write_csv(draft, *snapshot.stream(query))
        except DefenderAssetsError:
            lake.files.remove(COMPLIANCE_REPORT, day, file)
            raise
        written[file] = lake.files.address(COMPLIANCE_REPORT, day, file)
    former = [other for other in lake.files.days(COMPLIANCE_REPORT) if other < day][:_FORMER_REPORTS]
    for other, file in product(former, CSV_FILES):
        lake.files.remove(COMPLIANCE_REPORT, other, file)
    return written


def write_csv(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Writes the rows as UTF-8 with a mark by which Excel knows it, texts that begin like a formula made harmless."""
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
    # Columns repeat few texts, and those that differ are looked at once.
    different = texts.dictionary_encode()
    dangerous = pc.match_substring_regex(different.dictionary, FORMULA)
    if not pc.any(dangerous).as_py():
        return texts
    dangerous = dangerous.take(different.indices)
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", texts, ""), texts)
