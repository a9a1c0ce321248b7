"""The answer to a query as CSV, JSON or Parquet.

Here: from a stream of Arrow batches to a stream of bytes. Not here: getting the answer (``statements.py``), the table
on a terminal (``cli/display.py``).
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Literal, assert_never

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..lake.parquet import ROW_GROUP_ROWS
from .errors import QueryError
from .values import as_json, as_text

Format = Literal["csv", "json", "parquet"]


def write_result(answer: pa.RecordBatchReader, format: Format, stream: IO[Any]) -> int:
    """Writes the answer to ``stream`` and gives the number of rows.

    ``stream`` is a text stream (where it has bytes beneath it, as standard output has, they are used) or
    a binary one. CSV and JSON are UTF-8 whatever the terminal's encoding; times are ISO 8601; nested
    values in CSV are JSON. Raises QueryError for a value that the format cannot hold, and for Parquet on a terminal.
    """
    with writing_as(format):
        match format:
            case "csv":
                return _write_csv(answer, _Bytes(stream))
            case "json":
                return _write_json(answer, _Bytes(stream))
            case "parquet":
                if stream.isatty():
                    raise QueryError("Parquet is not for the terminal: send it to a file (> answer.parquet).")
                return _write_parquet(answer, _Bytes(stream))
            case _ as unknown:
                assert_never(unknown)


@contextmanager
def writing_as(format: str) -> Iterator[None]:
    """Raises QueryError for a value that Arrow can hold and Python or the format cannot, such as an infinite time."""
    try:
        yield
    except (pa.ArrowException, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise QueryError(f"The answer cannot be written as {format} ({reason}); CAST the column to VARCHAR.") from error


class _Bytes:
    """Bytes into any stream: also into text without bytes beneath it, and into pipes, which cannot tell a position."""

    closed = False

    def __init__(self, stream: IO[Any]) -> None:
        self._is_text = isinstance(stream, io.TextIOBase) and not hasattr(stream, "buffer")
        if hasattr(stream, "buffer"):
            stream.flush()  # what was printed before comes before
        self._stream = getattr(stream, "buffer", stream)
        self._position = 0

    def write(self, content: Any) -> int:
        content = bytes(content)
        self._stream.write(content.decode() if self._is_text else content)
        self._position += len(content)
        return len(content)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """The stream is the caller's."""


def _write_json(answer: pa.RecordBatchReader, out: _Bytes) -> int:
    rows = 0
    separator = b"[\n"
    for batch in answer:
        for row in batch.to_pylist():
            out.write(separator + as_json(row))
            separator = b",\n"
        rows += batch.num_rows
    out.write(b"\n]\n" if rows else b"[]\n")
    out.flush()
    return rows


def _write_csv(answer: pa.RecordBatchReader, out: _Bytes) -> int:
    rows = 0
    schema = pa.schema([pa.field(field.name, _csv_type(field.type)) for field in answer.schema])
    with pacsv.CSVWriter(out, schema) as writer:
        for batch in answer:
            columns = [_csv_column(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            rows += batch.num_rows
    out.flush()
    return rows


def _csv_type(type_: pa.DataType) -> pa.DataType:
    """The types that CSV knows stay; all others become text."""
    known = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
    return type_ if known or pa.types.is_date(type_) else pa.string()


def _csv_column(column: pa.Array) -> pa.Array:
    type_ = column.type
    if _csv_type(type_).equals(type_):
        return column
    if pa.types.is_timestamp(type_) and type_.unit == "us":
        said = pc.strftime(column, "%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(said, "Z", "") if type_.tz else said
    if pa.types.is_nested(type_):
        return pa.array(
            [None if value is None else as_json(value).decode() for value in column.to_pylist()], pa.string()
        )
    return pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())


def _write_parquet(answer: pa.RecordBatchReader, out: _Bytes) -> int:
    rows = 0
    schema = pa.schema([field.with_type(_parquet_type(field.type)) for field in answer.schema])
    with pq.ParquetWriter(out, schema, compression="zstd", compression_level=1) as file:
        for group in _groups(answer):
            columns = [
                pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())
                if not wanted.type.equals(column.type)
                else column
                for column, wanted in zip(group.columns, schema, strict=True)
            ]
            file.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=group.num_rows)
            rows += group.num_rows
    out.flush()
    return rows


def _parquet_type(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_interval(type_) else type_


def _groups(answer: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The batches, gathered to row groups."""
    waiting: list[pa.RecordBatch] = []
    for batch in answer:
        waiting.append(batch)
        if sum(held.num_rows for held in waiting) >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
