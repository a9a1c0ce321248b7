"""The answer to a query as a table that people read.

Here: aligning, and making every character harmless to a terminal. Not here: other formats (``query/formats.py``).
"""

import io
import shutil
from collections.abc import Sequence
from typing import IO, Any

import pyarrow as pa
from rich.cells import cell_len

from ..query import writing_as
from ..query.values import as_text

SHOWN_ROWS = 1_000
NULL = "NULL"
_GAP = "  "
_PLAN = ["explain_key", "explain_value"]


def write_table(answer: pa.RecordBatchReader, stream: IO[Any], shown_rows: int = SHOWN_ROWS) -> int:
    """Columns side by side or, on a terminal too narrow for them, one below the other. Says when there are more rows
    than ``shown_rows``. Gives the number of rows shown. Raises QueryError for a value that cannot be shown."""
    with writing_as("table"):
        return _write_table(answer, stream, shown_rows)


def _write_table(answer: pa.RecordBatchReader, stream: IO[Any], shown_rows: int) -> int:
    if answer.schema.names == _PLAN:
        return _write_plan(answer, stream)
    names = [visible(name) for name in answer.schema.names]
    right = [
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        for kind in answer.schema.types
    ]
    rows: list[list[str]] = []
    for batch in answer:
        some = batch.slice(0, shown_rows + 1 - len(rows))
        columns = ([_cell(value) for value in column.to_pylist()] for column in some.columns)
        rows += map(list, zip(*columns, strict=True))
        if len(rows) > shown_rows:
            break
    shown = rows[:shown_rows]
    widths = [max(map(cell_len, cells)) for cells in zip(names, *shown, strict=True)]
    if stream.isatty() and sum(widths) + len(_GAP) * len(widths) > shutil.get_terminal_size().columns:
        lines = _one_below_the_other(names, shown)
    else:
        lines = _side_by_side(names, shown, widths, right)
    number = f"{len(shown):,} row{'' if len(shown) == 1 else 's'}"
    if len(rows) > shown_rows:
        number = f"the first {number}; there are more: add a LIMIT, or use --format csv, json or parquet for all"
    for line in (*lines, f"({number})"):
        _write_line(stream, line)
    stream.flush()
    return len(shown)


def _write_plan(answer: pa.RecordBatchReader, stream: IO[Any]) -> int:
    """The answer to EXPLAIN: pictures of many lines, drawn by DuckDB."""
    plans = answer.read_all().column(_PLAN[1]).to_pylist()
    for plan in plans:
        for line in plan.splitlines():
            _write_line(stream, visible(line))
    return len(plans)


def visible(said: str) -> str:
    """The text with everything that does not print (line ends, terminal escapes, NUL, marks that reverse the direction
    of writing) spelt out, because what a device calls itself must not drive the terminal."""
    if said.isprintable():
        return said
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in said)


def _cell(value: Any) -> str:
    return NULL if value is None else visible(as_text(value))


def _side_by_side(
    names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]
) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        pads = (" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
        placed = (
            pad + cell if at_right else cell + pad for cell, pad, at_right in zip(cells, pads, right, strict=True)
        )
        return _GAP.join(placed).rstrip()

    return [line(names), _GAP.join("-" * width for width in widths), *(line(row) for row in rows)]


def _one_below_the_other(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    width = max(map(cell_len, names), default=0)
    lines = []
    for number, row in enumerate(rows, start=1):
        lines.append(f"-- row {number:,}")
        lines += [f"{name}{' ' * (width - cell_len(name))}{_GAP}{cell}" for name, cell in zip(names, row, strict=True)]
    return lines


def _write_line(stream: IO[Any], line: str) -> None:
    if not isinstance(stream, io.TextIOBase):
        stream.write(line.encode() + b"\n")
    else:  # a terminal that is not UTF-8 gets escapes for what it lacks
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
