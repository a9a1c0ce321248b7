"""Several files of an object store as one dataset, which DuckDB and Spark read with the lake's own credentials.

Here: a dataset that any number of threads may read. Not here: which files (``lake.py``), how a store is asked
(``object_reading.py``).

pyarrow's ``Scanner.to_reader`` starts reading while it holds the interpreter's lock: with pyarrow 26 it waits there for
the threads that open the next files, and those wait for that lock, as the file systems of fsspec are written in Python.
``Scanner.to_batches`` reads the same batches and releases the lock.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads


def joined(datasets: Sequence[pads.Dataset]) -> pads.Dataset:
    """One dataset of the rows of all, where a column that one of them lacks is null."""
    together = pads.dataset(list(datasets))
    return _JoinedDataset(together.schema, together.children)


class _JoinedDataset(pads.UnionDataset):  # type: ignore[misc]  # pyarrow has no types
    def scanner(self, *arguments: Any, **options: Any) -> Any:
        return _Scanner(super().scanner(*arguments, **options))


class _Scanner:
    """A scanner of pyarrow's, but for ``to_reader``, through which engines read."""

    def __init__(self, scanner: pads.Scanner) -> None:
        self._scanner = scanner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scanner, name)

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._scanner.projected_schema, self._scanner.to_batches())
