"""How a partition's file is encoded: schema, metadata, compression, dictionaries, row groups.

Here: writing batches of rows to one Parquet file on a local disk. Not here: drafts and publishing (``writer.py``).
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..catalog.table import Table
from .errors import WrongColumns

ROW_GROUP_ROWS = 128 * 1024
ROW_GROUP_BYTES = 128 * 2**20
"""Arrow bytes after which a row group ends early. Rows with nested evidence can be a hundred times the usual size."""


def file_schema(table: Table, metadata: Mapping[str, str]) -> pa.Schema:
    """The table's schema with its column descriptions, and the metadata of the file."""
    return table.schema.with_metadata(dict(metadata))


def in_schema(rows: pa.Table | pa.RecordBatch, table: Table) -> pa.Table:
    """The rows with exactly the declared columns, in the declared order and types. Raises WrongColumns for a column
    that is missing, unknown or there twice, or has a value that its declared type cannot hold."""
    given = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    schema = table.schema
    if given.schema.equals(schema):
        return given
    declared, names = set(schema.names), given.column_names
    missing = [name for name in schema.names if name not in names]
    unknown = [name for name in names if name not in declared]
    if missing or unknown or len(names) != len(schema):
        faults = [
            f"{verb} {', '.join(columns)}"
            for verb, columns in (("lack", missing), ("have the undeclared", unknown))
            if columns
        ]
        raise WrongColumns(
            f"{table.name}: the rows {' and '.join(faults) or 'have a column twice'}; the catalog declares its columns."
        )
    columns = []
    for field in schema:
        try:
            columns.append(given.column(field.name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise WrongColumns(
                f"{table.name}: column {field.name} is declared {field.type} and cannot hold what was given as "
                f"{given.schema.field(field.name).type}."
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def dictionary_paths(table: Table) -> list[str]:
    """Parquet paths of the strings that get a dictionary: all except the column ``id`` and a key of one column. Their
    values differ in nearly every row, and a dictionary would cost more than it saves."""
    unique = {"id", *(table.key if len(table.key) == 1 else ())}
    fields = (field for field in table.schema if field.name not in unique)
    return [path for field in fields for path in _string_leaves(field.name, field.type)]


def _string_leaves(path: str, type_: pa.DataType) -> Iterator[str]:
    if pa.types.is_list(type_):
        yield from _string_leaves(f"{path}.list.element", type_.value_type)
    elif pa.types.is_struct(type_):
        for field in type_.fields:
            yield from _string_leaves(f"{path}.{field.name}", field.type)
    elif pa.types.is_string(type_):
        yield path


class RowGroups:
    """Collects rows of any batch size and writes them as row groups of one size.

    Holds one row group at most, so memory does not grow with the partition. The file is opened at ``path()`` with the
    first row group, so that many days written side by side need few open files.
    """

    def __init__(self, path: Callable[[], Path], table: Table, schema: pa.Schema) -> None:
        self.waiting_bytes = 0
        """Arrow bytes of the rows that are held."""
        self._path = path
        self._table = table
        self._schema = schema
        self._file: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def add(self, rows: pa.Table) -> None:
        """Rows in the file's schema."""
        start = 0
        while start < rows.num_rows:
            piece = rows.slice(start, ROW_GROUP_ROWS - self._waiting_rows)
            self._waiting.append(piece)
            self._waiting_rows += piece.num_rows
            self.waiting_bytes += piece.nbytes
            start += piece.num_rows
            if self._waiting_rows == ROW_GROUP_ROWS or self.waiting_bytes >= ROW_GROUP_BYTES:
                self.flush()

    def flush(self) -> None:
        """Writes the rows that are held as a row group."""
        if self._waiting_rows:
            group = pa.concat_tables(self._waiting).replace_schema_metadata(self._schema.metadata)
            self._clear()
            self._opened().write_table(group, row_group_size=ROW_GROUP_ROWS)

    def close(self) -> None:
        """Ends the file, which may have no rows."""
        self.flush()
        self._opened().close()

    def abandon(self) -> None:
        """Closes the file, in whatever state it is."""
        self._clear()
        if self._file is not None:
            with contextlib.suppress(OSError):  # closing writes a footer, and the disk may be full
                self._file.close()

    def _clear(self) -> None:
        self._waiting, self._waiting_rows, self.waiting_bytes = [], 0, 0

    def _opened(self) -> pq.ParquetWriter:
        if self._file is None:
            self._file = pq.ParquetWriter(
                self._path(),
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=dictionary_paths(self._table) or False,
                version="2.6",
                store_schema=True,
            )
        return self._file
