"""Rows that wait on disk until it is known whether they count.

Here: one temporary file of Arrow tables, written once and read once. Not here: which rows count (``odata_pages.py``).
"""

import tempfile
from collections.abc import Iterator

import pyarrow as pa

from ...errors import DefenderAssetsError
from ...sanitize import brief

# Without threads: handing a page's hundred buffers to others takes longer than compressing them.
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class NoRoom(DefenderAssetsError):
    """The temporary folder has no room for the rows of a list."""

    remedy = "Make room in the temporary folder, or set TMPDIR to another place."


class RowSpool:
    """Tables of one schema, in the order in which they were added; closing it deletes them."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        try:
            self._file = tempfile.TemporaryFile(prefix="defender-assets-")  # noqa: SIM115
        except OSError as error:
            raise self._no_room(error) from None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._tables: list[int] = []

    def add(self, table: pa.Table) -> None:
        """Raises NoRoom."""
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_stream(self._file, table.schema, options=_OPTIONS)
            batches = table.combine_chunks().to_batches()
            for batch in batches:
                self._writer.write_batch(batch)
        except OSError as error:
            raise self._no_room(error) from None
        self._tables.append(len(batches))

    def tables(self) -> Iterator[pa.Table]:
        """Every table that was added. Raises NoRoom for what could not be written to its end."""
        if self._writer is None:
            return
        try:
            self._writer.close()
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from None
        self._file.seek(0)
        with pa.ipc.open_stream(self._file) as reader:
            for number in self._tables:
                batches = [reader.read_next_batch() for _ in range(number)]
                yield pa.Table.from_batches(batches, schema=reader.schema)

    def _no_room(self, error: OSError) -> NoRoom:
        return NoRoom(f"{self._dataset}: its rows could not be kept ({brief(error)})", dataset=self._dataset)

    def close(self) -> None:
        """Deletes the rows."""
        self._file.close()
