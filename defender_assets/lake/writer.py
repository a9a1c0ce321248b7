"""Writing partitions: each becomes visible as a whole or not at all.

Here: writing one partition (``PartitionWriter``) or several days from one stream of rows (``DaysWriter``). Not here:
how a file is encoded (``parquet.py``), where it is published (``storage.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..catalog.table import Table
from ..sanitize import brief
from ..sql import SqlError
from ..sql.duplicates import Duplicates, RowNumbers, find_duplicates
from .draft import Draft
from .errors import LakeError, LakeNotWritable, remedy_of_fault
from .layout import part_path, partition_folder, tenant_folder
from .parquet import RowGroups, file_schema, in_schema
from .storage import Storage

RowMask: TypeAlias = npt.NDArray[np.bool_]
"""Of each row, whether it is kept."""
WAITING_BYTES = 256 * 2**20
"""Arrow bytes that the writers of several days may hold together before the largest row group is written."""
_REREAD_ROWS = 64 * 1024


@dataclass(frozen=True)
class PublishedFile:
    """A partition that readers now see: its rows, the bytes of its file, and the file's address."""

    table: str
    tenant: str
    date: date
    rows: int
    bytes: int
    uri: str


class PartitionWriter:
    """Writes the rows of one partition, which readers see after ``publish``.

    To be used by one thread, inside ``Lake.writing``. Rows are cast to the declared columns. Memory holds one row group
    at most.
    """

    def __init__(self, storage: Storage, table: Table, tenant: str, day: date, metadata: Mapping[str, str]) -> None:
        self.table, self.tenant, self.date = table, tenant, day
        self.rows = 0
        self.storage = storage
        self._target = part_path(table.name, tenant, day)
        self._schema = file_schema(table, metadata)
        self._draft: Draft | None = None
        self._groups = RowGroups(self._draft_path, table, self._schema)
        self._finished = False
        self._found: tuple[Duplicates, RowNumbers] | None = None

    @property
    def waiting_bytes(self) -> int:
        """Arrow bytes of the row group that is being collected."""
        return self._groups.waiting_bytes

    def open(self) -> None:
        """Creates the hidden file now, so that a lake that cannot be written is noticed before the first row is
        fetched. Otherwise the first row group creates it. Raises LakeNotWritable."""
        if self._draft is None:
            self._draft = self.storage.draft(self.table.name, self._target)

    def _draft_path(self) -> Path:
        self.open()
        assert self._draft is not None
        return self._draft.path

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows. Raises WrongColumns, LakeNotWritable (a full disk)."""
        if self._finished:
            raise ValueError(f"{self.table.name}: no rows can be added after the file was finished")
        conforming = in_schema(rows, self.table)
        with self._disk_errors():
            self._groups.add(conforming)
        self.rows += conforming.num_rows

    def flush(self) -> None:
        """Writes the row group that is being collected, to free its memory."""
        with self._disk_errors():
            self._groups.flush()

    def finish(self) -> Path:
        """Ends the file and returns its path on this machine, so that it can be read before publication. No rows can
        be added afterwards. ``drop_exact_duplicates`` moves the file to another path. Raises LakeNotWritable."""
        return self._finish().path

    def duplicates(self) -> Duplicates:
        """Keys that occur more than once in what was written; finishes the file. Raises LakeError where there is no
        room to compare them."""
        found, _ = self._find_duplicates()
        return found

    def drop_exact_duplicates(self) -> int:
        """Keeps the first of the rows that share a key and differ at most in ``observed_at``; returns how many rows it
        dropped. Rows that share a key and differ otherwise all stay."""
        _, repeats = self._find_duplicates()
        if len(repeats):
            keep = np.ones(self.rows, dtype=np.bool_)
            keep[repeats] = False
            self._rewrite(keep)
        return len(repeats)

    def restrict(
        self, columns: Sequence[str], keeps: Callable[[pa.Table], RowMask], facts: Callable[[], Mapping[str, str]]
    ) -> None:
        """Keeps the rows that ``keeps`` says, given ``columns`` of some of them at a time, in their order; then adds
        ``facts()`` to the file's metadata. Finishes the file, and moves it to another path. Raises LakeNotWritable."""
        with self._disk_errors(), pq.ParquetFile(self.finish()) as file:
            # One byte for each row.
            masks = [
                keeps(pa.Table.from_batches([batch]))
                for batch in file.iter_batches(_REREAD_ROWS, columns=list(columns))
            ]
        self._schema = self._schema.with_metadata({**(self._schema.metadata or {}), **facts()})
        self._rewrite(np.concatenate([np.empty(0, dtype=np.bool_), *masks]))

    def _find_duplicates(self) -> tuple[Duplicates, RowNumbers]:
        file = self.finish()
        if self._found is None:
            try:
                self._found = find_duplicates(file, self.table.key, self.table.schema.names)
            except SqlError as error:
                raise LakeError(
                    f"{self.table.name}: whether its keys are unique could not be found out ({error}). Make "
                    "room in the temporary folder, or set TMPDIR to another place; the former partition is as it was."
                ) from error
        return self._found

    def publish(self) -> PublishedFile:
        """Replaces the partition by what was written, in one step. Raises LakeNotWritable."""
        published = self.upload()
        _remove_others(self.storage, partition_folder(self.table.name, self.tenant, self.date), [published])
        return published

    def upload(self) -> PublishedFile:
        """What ``publish`` does first: files that other programs wrote for the partition stay beside it."""
        draft = self._finish()
        size = draft.path.stat().st_size
        self.storage.publish(draft, self._target)
        self._draft = None
        address = self.storage.address(self._target)
        return PublishedFile(self.table.name, self.tenant, self.date, self.rows, size, address)

    def abandon(self) -> None:
        """Discards what was not published."""
        if not self._finished:
            self._finished = True
            self._groups.abandon()
        if self._draft is not None:
            self._draft.discard()
            self._draft = None

    def _finish(self) -> Draft:
        if not self._finished:
            with self._disk_errors():
                self._groups.close()
            self._finished = True
        if self._draft is None:
            raise ValueError(f"{self.table.name}: this partition was already published or discarded")
        return self._draft

    def _rewrite(self, keep: RowMask) -> None:
        """Writes the file anew with those of its rows for which ``keep`` is true."""
        former = self._finish()
        draft = self.storage.draft(self.table.name, self._target)
        groups = RowGroups(lambda: draft.path, self.table, self._schema)
        try:
            with self._disk_errors(), pq.ParquetFile(former.path) as file:
                start = 0
                for batch in file.iter_batches(_REREAD_ROWS):
                    kept = keep[start : start + batch.num_rows]
                    start += batch.num_rows
                    if kept.any():
                        groups.add(in_schema(batch.filter(pa.array(kept)), self.table))
                groups.close()
        except BaseException:
            groups.abandon()
            draft.discard()
            raise
        former.discard()
        self._draft = draft
        self._found = None
        self.rows = int(np.count_nonzero(keep))

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """Raises LakeNotWritable with the folder whose disk is full, where pyarrow names a hidden file."""
        try:
            yield
        except OSError as error:
            folder = self._draft.path.parent if self._draft else self.storage.root
            raise LakeNotWritable(
                f"{self.table.name}: its rows for {self.date} could not be written to {folder} ({brief(error)}). "
                f"{remedy_of_fault(error)}; the former partition is as it was."
            ) from error


def publish_all(writers: Sequence[PartitionWriter]) -> list[PublishedFile]:
    """Publishes these days of a table, each in a step of its own, the earliest first: on a disk one by one, on an
    object store several at a time. Where one is refused (LakeNotWritable), no further one is begun, and those that are
    not published stay as they were."""
    at_a_time = min((writer.storage.uploads for writer in writers), default=1)
    if at_a_time == 1 or len(writers) == 1:
        return [writer.publish() for writer in writers]
    futures: list[Future[PublishedFile]] = []
    storage, folder = writers[0].storage, tenant_folder(writers[0].table.name, writers[0].tenant)
    try:
        with ThreadPoolExecutor(at_a_time, thread_name_prefix="upload") as pool:
            # In a copy of the context, where listings are cached that an upload makes untrue.
            futures.extend(pool.submit(copy_context().run, writer.upload) for writer in writers)
            try:
                published = [future.result() for future in futures]
            finally:
                for future in futures:
                    future.cancel()
    except BaseException:
        done = [future.result() for future in futures if not future.cancelled() and not future.exception()]
        with suppress(LakeError):  # the first error is told
            _remove_others(storage, folder, done)
        raise
    _remove_others(storage, folder, published)
    return published


def _remove_others(storage: Storage, folder: str, published: Sequence[PublishedFile]) -> None:
    """Removes the files that other programs have written for these partitions, in one look at their ``folder``: the new
    file of each replaces them all."""
    if not published:
        return
    ours = {part_path(each.table, each.tenant, each.date) for each in published}
    days = {each.date for each in published}
    for part in storage.parts(folder, min(days), max(days)):
        if part.date in days and part.path not in ours:
            storage.remove(part.path)


class DaysWriter:
    """Writes the rows of several days of an event table, each to the day (UTC) of its ``time_column``.

    ``writers`` has the ``PartitionWriter`` of each day, the earliest first, by which each is checked and published. A
    day without rows becomes an empty partition.
    """

    def __init__(self, table: Table, writers: Mapping[date, PartitionWriter], time_column: str) -> None:
        self.writers: Mapping[date, PartitionWriter] = dict(sorted(writers.items()))
        self._table = table
        self._time_column = time_column

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows of these days. Raises WrongColumns, LakeNotWritable, and ValueError for a row of another day or
        without a time, before any row is written: what happens to such rows is the caller's decision."""
        conforming = in_schema(rows, self._table)
        days = pc.cast(pc.floor_temporal(conforming.column(self._time_column), unit="day"), pa.date32())
        counts = {count["values"]: count["counts"] for count in pc.value_counts(days).to_pylist()}
        if unexpected := [str(day or "no day") for day in counts if day not in self.writers]:
            raise ValueError(
                f"{self._table.name}: rows of {', '.join(unexpected)} are not of the days that are written"
            )
        for day, count in counts.items():
            one_day = conforming
            if count < conforming.num_rows:
                one_day = conforming.filter(pc.equal(days, pa.scalar(day, pa.date32())))
            self.writers[day].write(one_day)
        self._keep_memory_flat()

    def _keep_memory_flat(self) -> None:
        writers = self.writers.values()
        while sum(writer.waiting_bytes for writer in writers) > WAITING_BYTES:
            max(writers, key=lambda writer: writer.waiting_bytes).flush()

    def abandon(self) -> None:
        """Discards every day that was not published."""
        with ExitStack() as stack:
            for writer in self.writers.values():
                stack.callback(writer.abandon)
