"""The result of a query as CSV, JSON or Parquet.

Here: writing a stream of Arrow batches to a stream of bytes. Not here: running the query (``statements.py``), the table
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


def write_result(result: pa.RecordBatchReader, format: Format, stream: IO[Any]) -> int:
    """Writes the result to ``stream`` and returns the number of rows.

    ``stream`` is a binary stream or a text stream, whose ``buffer`` is used if it has one, as standard output has. CSV
    and JSON are UTF-8 whatever the terminal's encoding. Times are ISO 8601; nested values in CSV are JSON. Raises
    QueryError for a value that the format cannot hold, and for Parquet on a terminal.
    """
    with writing_as(format):
        match format:
            case "csv":
                return _write_csv(result, _ByteStream(stream))
            case "json":
                return _write_json(result, _ByteStream(stream))
            case "parquet":
                if stream.isatty():
                    raise QueryError("Parquet is not for the terminal: send it to a file (> answer.parquet).")
                return _write_parquet(result, _ByteStream(stream))
            case _ as unknown:
                assert_never(unknown)


@contextmanager
def writing_as(format: str) -> Iterator[None]:
    """Raises QueryError where the block meets a value that Python or the format cannot hold, such as an infinite
    time."""
    try:
        yield
    except (pa.ArrowException, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise QueryError(f"The answer cannot be written as {format} ({reason}); CAST the column to VARCHAR.") from error


class _ByteStream:
    """Writes bytes to any stream: also to a text stream without a ``buffer``, and to a pipe, which has no position."""

    closed = False

    def __init__(self, stream: IO[Any]) -> None:
        self._is_text = isinstance(stream, io.TextIOBase) and not hasattr(stream, "buffer")
        if hasattr(stream, "buffer"):
            stream.flush()  # so that text printed earlier comes first
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


def _write_json(result: pa.RecordBatchReader, out: _ByteStream) -> int:
    rows = 0
    separator = b"[\n"
    for batch in result:
        for row in batch.to_pylist():
            out.write(separator + as_json(row))
            separator = b",\n"
        rows += batch.num_rows
    out.write(b"\n]\n" if rows else b"[]\n")
    out.flush()
    return rows


def _write_csv(result: pa.RecordBatchReader, out: _ByteStream) -> int:
    rows = 0
    schema = pa.schema([pa.field(field.name, _csv_type(field.type)) for field in result.schema])
    with pacsv.CSVWriter(out, schema) as writer:
        for batch in result:
            columns = [_csv_column(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            rows += batch.num_rows
    out.flush()
    return rows


def _csv_type(type_: pa.DataType) -> pa.DataType:
    """Numbers, booleans and dates are written as they are; all other types become text."""
    is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    return type_ if is_number or pa.types.is_boolean(type_) or pa.types.is_date(type_) else pa.string()


def _csv_column(column: pa.Array) -> pa.Array:
    type_ = column.type
    if _csv_type(type_).equals(type_):
        return column
    if pa.types.is_timestamp(type_) and type_.unit == "us":
        times = pc.strftime(column, "%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(times, "Z", "") if type_.tz else times
    return _as_texts(column)


def _as_texts(column: pa.Array) -> pa.Array:
    return pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())


def _write_parquet(result: pa.RecordBatchReader, out: _ByteStream) -> int:
    rows = 0
    schema = pa.schema([field.with_type(_parquet_type(field.type)) for field in result.schema])
    with pq.ParquetWriter(out, schema, compression="zstd", compression_level=1) as file:
        for group in _row_groups(result):
            columns = [
                column if field.type.equals(column.type) else _as_texts(column)
                for column, field in zip(group.columns, schema, strict=True)
            ]
            file.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=group.num_rows)
            rows += group.num_rows
    out.flush()
    return rows


def _parquet_type(type_: pa.DataType) -> pa.DataType:
    """Parquet has no type for DuckDB's intervals, which become text."""
    return pa.string() if pa.types.is_interval(type_) else type_


def _row_groups(result: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The batches, collected to tables of a row group's size."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in result:
        batches.append(batch)
        rows += batch.num_rows
        if rows >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(batches)
            batches, rows = [], 0
    if batches:
        yield pa.Table.from_batches(batches)
