"""The result of a query as a table that people read.

Here: aligning the columns, and making every character harmless to a terminal. Not here: other formats
(``queries/formats.py``).
"""

import io
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
from rich.cells import cell_len

from ..quantity import quantity
from ..queries import writing_as
from ..queries.values import for_display
from ..sanitize import printable

_MAX_ROWS = 1_000
_GAP = "  "
_DEVICE_ID = re.compile(r"[0-9a-f]{40}")
_PLAN_COLUMNS = ["explain_key", "explain_value"]


def write_table(result: pa.RecordBatchReader, stream: IO[Any], max_rows: int = _MAX_ROWS) -> int:
    """Writes the result as a table, and a last line that says how many rows it shows and whether there are more.

    A terminal that is too narrow for the columns gets one value a line instead. The plans that EXPLAIN gives are
    written as DuckDB draws them. Returns the number of rows written, at most ``max_rows``. Raises QueryError for a
    value that cannot be shown.
    """
    with writing_as("table"):
        if result.schema.names == _PLAN_COLUMNS:
            return _write_plans(result, stream)
        return _write_rows(result, stream, max_rows)


def _write_rows(result: pa.RecordBatchReader, stream: IO[Any], max_rows: int) -> int:
    names = [printable(name) for name in result.schema.names]
    rows = _first_rows(result, max_rows + 1)
    shown = rows[:max_rows]
    widths = _widths(names, shown)
    note = ""
    if stream.isatty() and not _fits(widths):
        shorter = _with_short_ids(names, shown)
        if shorter != shown and _fits(_widths(names, shorter)):
            shown, widths, note = shorter, _widths(names, shorter), "; ids are cut short, --format csv has them whole"
    if stream.isatty() and not _fits(widths):
        lines = _vertical(names, shown)
    else:
        lines = _horizontal(names, shown, widths, [_is_number(data_type) for data_type in result.schema.types])
    count = quantity(len(shown), "row")
    if len(rows) > max_rows:
        count = f"the first {count}; there are more: add a LIMIT, or use --format csv, json or parquet for all"
    for line in (*lines, f"({count}{note})"):
        _write_line(stream, line)
    stream.flush()
    return len(shown)


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(names, *rows, strict=True)]


def _fits(widths: Sequence[int]) -> bool:
    return sum(widths) + len(_GAP) * (len(widths) - 1) <= shutil.get_terminal_size().columns


def _with_short_ids(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows with ids of devices cut to what tells them apart, as long as that is: nobody reads forty digits."""
    cut = [list(row) for row in rows]
    for column in range(len(names)):
        ids = {row[column] for row in rows if row[column] != "NULL"}
        length = next((n for n in range(8, 40, 4) if len({text[:n] for text in ids}) == len(ids)), 40)
        if ids and length < 36 and all(map(_DEVICE_ID.fullmatch, ids)):
            for row in cut:
                row[column] = f"{row[column][:length]}…" if row[column] != "NULL" else "NULL"
    return cut


def _write_plans(result: pa.RecordBatchReader, stream: IO[Any]) -> int:
    plans = result.read_all().column("explain_value").to_pylist()
    for plan in plans:
        for line in plan.splitlines():
            _write_line(stream, printable(line))
    return len(plans)


def _first_rows(result: pa.RecordBatchReader, count: int) -> list[list[str]]:
    """At most so many rows as text, without reading the rest of the result."""
    rows: list[list[str]] = []
    for batch in result:
        columns = (
            [printable(for_display(value)) for value in column.to_pylist()]
            for column in batch.slice(0, count - len(rows))
        )
        rows += map(list, zip(*columns, strict=True))
        if len(rows) == count:
            break
    return rows


def _is_number(data_type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(data_type) or pa.types.is_floating(data_type) or pa.types.is_decimal(data_type))


def _horizontal(
    names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], numbers: Sequence[bool]
) -> Iterator[str]:
    """A line per row below the names; the columns of numbers are aligned to the right."""
    for row in (names, ["-" * width for width in widths], *rows):
        cells = []
        for cell, width, is_number in zip(row, widths, numbers, strict=True):
            padding = " " * (width - cell_len(cell))
            cells.append(padding + cell if is_number else cell + padding)
        yield _GAP.join(cells).rstrip()


def _vertical(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A line per value, with its name before it."""
    width = max(map(cell_len, names), default=0)
    for number, row in enumerate(rows, start=1):
        yield f"-- row {number:,}"
        for name, cell in zip(names, row, strict=True):
            yield f"{name}{' ' * (width - cell_len(name))}{_GAP}{cell}"


def _write_line(stream: IO[Any], line: str) -> None:
    if not isinstance(stream, io.TextIOBase):
        stream.write(line.encode() + b"\n")
    else:
        # A terminal that is not UTF-8 gets escapes for the characters that it lacks.
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
