"""The lake: tables as Parquet partitions by tenant and day.

Here: ``Lake``, through which all other rooms write and read partitions. Not here: SQL (``queries/``), the encoding of
files (``parquet.py``), file systems and object stores (``storage.py``), where rows come from (``refresh/``).
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..catalog import Table
from ..sql import DuckDBConnection
from ..tenant import ALL_TENANTS, DEFAULT_TENANT
from ..version import __version__
from .errors import DamagedNote, LakeError, NoSnapshot, UnreadableSnapshot
from .facts import time_in
from .files import Files, drafted
from .journal import Journal
from .layout import (
    DAY,
    TENANT,
    PartFile,
    is_table,
    notes_folder,
    partition_folder,
    shows_all_days,
    table_folder,
    tenant_folder,
    tenant_of,
)
from .pruned_days import PRUNED, PRUNED_OF, PrunedDays, note_with, pruned_in
from .storage import Storage, open_storage
from .table_info import TableInfo, table_info
from .writer import DaysWriter, PartitionWriter

if TYPE_CHECKING:
    import pyarrow.dataset as pads

_JSON = ".json"
_BATCH_ROWS = 65_536
_METADATA_OF_LIBRARIES = {b"ARROW:schema", b"pandas"}
"""Keys of a file's metadata that Parquet libraries write for themselves."""


class Lake:
    """The tables of one tenant under ``root``, which is a folder or a URL that fsspec knows.

    ``tenant="all"`` (or None) shows all tenants together, for queries only; those ``listed`` ought to be there. The
    constructor touches no file. A lake that does not exist yet reads as empty.
    """

    def __init__(
        self, root: str | os.PathLike[str], tenant: str | None = DEFAULT_TENANT, listed: Iterable[str] = ()
    ) -> None:
        self._address = os.fspath(root)
        self.tenant = None if tenant == ALL_TENANTS else tenant
        self.listed = tuple(listed)

    def __repr__(self) -> str:
        return f"Lake({self.root!r}, tenant={self.tenant!r})"

    @cached_property
    def storage(self) -> Storage:
        """Where the files are. Raises LakeError for a place that cannot hold a lake."""
        return open_storage(self._address)

    @property
    def root(self) -> str:
        """The lake's address, without credentials."""
        return self.storage.root

    # Writing

    def check_writable(self) -> None:
        """Raises LakeNotWritable, with the place, the cause and the remedy, unless files can be created in the lake."""
        self.storage.check_writable()

    @contextmanager
    def writing(self, table: Table, day: date, metadata: Mapping[str, str]) -> Iterator[PartitionWriter]:
        """A writer for one partition. Without ``publish()``, after an error and when the process is killed, the former
        partition stays as it was. ``metadata`` (observed_at, api_host, …) goes into the file; dataset, tenant,
        snapshot_date and package_version are added. Raises LakeNotWritable before any row is written."""
        writer = self._writer(table, day, metadata)
        try:
            writer.open()
            yield writer
        finally:
            writer.abandon()

    @contextmanager
    def writing_days(
        self, table: Table, days: Iterable[date], time_column: str, metadata: Mapping[str, str]
    ) -> Iterator[DaysWriter]:
        """A writer for several days, which sorts one stream of rows into partitions by the day (UTC) of
        ``time_column``. Days are published one by one; a day without rows becomes an empty partition."""
        writer = DaysWriter(table, {day: self._writer(table, day, metadata) for day in days}, time_column)
        try:
            yield writer
        finally:
            writer.abandon()

    def _writer(self, table: Table, day: date, metadata: Mapping[str, str]) -> PartitionWriter:
        if clash := {TENANT, DAY} & set(table.schema.names):
            raise ValueError(
                f"{table.name}: no column may be called {' or '.join(sorted(clash))}, which is the name of a folder"
            )
        tenant = self.one_tenant()
        provenance = {
            "dataset": table.name,
            "tenant": tenant,  # at the time of writing; whose partition it is now, the folder says
            "snapshot_date": day.isoformat(),
            "package_version": __version__,
        }
        return PartitionWriter(self.storage, table, tenant, day, provenance | dict(metadata))

    # Reading

    def dates(self, table: str, first: date = date.min, last: date = date.max) -> list[date]:
        """The days that have a partition, ascending; those from ``first`` to ``last``. A lake of years is looked
        through faster when the range is narrow."""
        return sorted({part.date for part in self.parts(table, first, last)})

    def newest(self, table: str) -> date | None:
        """The day of the newest snapshot, None where there is none."""
        return max((part.date for part in self.newest_parts(table)), default=None)

    def tables(self) -> list[TableInfo]:
        """The tables that have a snapshot, by name."""
        return [table_info(name, parts, self._rows) for name in self.table_names() if (parts := self.parts(name))]

    def table_names(self) -> list[str]:
        """Names of the folders that can be tables. Cheaper than ``tables``, but may include one without a snapshot."""
        return [name for name in self.storage.folders("") if is_table(name)]

    def read(self, table: str, day: date | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a day's snapshot. Without a day: those of the newest one, or of an event table those of all its
        days, where a column that an older file lacks is null. Raises NoSnapshot, UnreadableSnapshot, and LakeError for
        a column that no file has."""
        tables, held = [], dict[str, None]()
        parts = self._parts_of(table, day)
        self.storage.fetch_together(parts)
        for part in parts:
            with self._opened(part) as file:
                names = file.schema_arrow.names
                held |= dict.fromkeys(names)
                tables.append(file.read(columns=columns and [name for name in names if name in columns]))
        if columns is not None:
            _check_columns(table, columns, list(held))
        rows = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
        return rows if columns is None else rows.select(list(columns))

    def matching(
        self, table: str, day: date, condition: "pads.Expression", columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Those rows of a day's snapshot for which ``condition`` holds, reading no more of its files than may hold any.
        Raises NoSnapshot, UnreadableSnapshot."""
        found = []
        for part in self._parts_of(table, day):
            with self._reading(part):
                wanted = None if columns is None else list(columns)
                found.append(self._dataset(part).to_table(columns=wanted, filter=condition))
        return pa.concat_tables(found, promote_options="permissive")

    def batches(
        self, table: str, day: date | None = None, columns: Sequence[str] | None = None, rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a snapshot, ``day`` as in ``read``, in batches of at most so many ``rows``. Raises NoSnapshot,
        UnreadableSnapshot."""
        for part in self._parts_of(table, day):
            yield from self.part_batches(part, columns, rows)

    def part_batches(
        self, part: PartFile, columns: Sequence[str] | None = None, rows: int = _BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one file of ``parts``, for those who read many days and list the table once. Raises NoSnapshot
        where it is gone, UnreadableSnapshot."""
        with self._opened(part) as file:
            yield from file.iter_batches(rows, columns=columns)

    def part_facts(self, part: PartFile) -> tuple[int, dict[str, str]]:
        """The rows of one file of ``parts``, and its metadata. Raises NoSnapshot where it is gone,
        UnreadableSnapshot."""
        return self._rows(part), self._metadata(part)

    def rows(self, table: str, day: date | None = None) -> int:
        """The number of rows of a snapshot, ``day`` as in ``read``, from the footers of its files. Raises NoSnapshot,
        UnreadableSnapshot."""
        return sum(self._rows(part) for part in self._parts_of(table, day))

    def _rows(self, part: PartFile) -> int:
        return int(self._footer(part).num_rows)

    def metadata(self, table: str, day: date | None = None) -> dict[str, str]:
        """The metadata of the day's file, or of the newest: dataset, tenant, observed_at, package_version, api_host, …
        Raises NoSnapshot, UnreadableSnapshot."""
        return self._metadata(self._parts_of(table, day)[-1])

    def _metadata(self, part: PartFile) -> dict[str, str]:
        metadata = self._footer(part).metadata or {}
        return {key.decode(): value.decode() for key, value in metadata.items() if key not in _METADATA_OF_LIBRARIES}

    def observed_at(self, table: str, day: date) -> datetime | None:
        """When the rows of a snapshot were observed (UTC), as its file says. None for a file that does not say: it is
        damaged, or another program wrote it. Raises NoSnapshot."""
        return time_in(self._metadata_if_readable(self._parts_of(table, day)[0]), "observed_at")

    def _metadata_if_readable(self, part: PartFile) -> dict[str, str]:
        try:
            return self._metadata(part)
        except UnreadableSnapshot:
            return {}

    def metadata_by_day(self, table: str, days: Collection[date]) -> dict[date, dict[str, str]]:
        """The metadata of those of the days that have a partition, by one listing of the table; none of a damaged
        file."""
        parts = self._parts_within(table, days)
        self.storage.fetch_together(parts)
        return {part.date: self._metadata_if_readable(part) for part in parts}

    def source(self, table: str, days: Collection[date]) -> "list[str] | pads.Dataset":
        """The partitions of these days for an engine: the paths of their files where those are local, none where there
        are no such partitions. Elsewhere a pyarrow dataset, which reads the columns and rows that are asked for with
        the lake's own credentials. Raises UnreadableSnapshot."""
        parts = self._parts_within(table, days)
        if self.storage.filesystem is None or not parts:
            return [self.storage.address(part.path) for part in parts]
        from .datasets import joined  # it imports pandas

        self.storage.fetch_together(parts)
        return joined([self._dataset(part) for part in parts])

    def register(self, connection: DuckDBConnection) -> None:
        """Lets a DuckDB connection read this lake; to be called once for each connection."""
        self.storage.register(connection)

    def parts(self, table: str, first: date = date.min, last: date = date.max) -> list[PartFile]:
        """The files of a table, of this tenant or of all, in the order of tenant and day; those of the days from
        ``first`` to ``last``."""
        folder = table_folder(table) if self.tenant is None else tenant_folder(table, self.tenant)
        return sorted(self.storage.parts(folder, first, last))

    def newest_parts(self, table: str) -> list[PartFile]:
        """The files of the newest day, of this tenant or of each: without a look at the other days, where the storage
        can do so."""
        if self.tenant is not None:
            return sorted(self.storage.newest_parts(tenant_folder(table, self.tenant)))
        folders = (name for name in self.storage.folders(table_folder(table)) if tenant_of(name) is not None)
        return sorted(part for folder in folders for part in self.storage.newest_parts(f"{table}/{folder}"))

    def current_parts(self, table: str) -> list[PartFile]:
        """The files of what there is: those of the newest day or, of an event table, of all days."""
        return self.parts(table) if shows_all_days(table) else self.newest_parts(table)

    def _parts_within(self, table: str, days: Collection[date]) -> list[PartFile]:
        return [part for part in self.parts(table, min(days), max(days)) if part.date in days] if days else []

    def damaged(self, part: PartFile) -> UnreadableSnapshot:
        """The error about a damaged file."""
        of_tenant = "" if part.tenant == DEFAULT_TENANT else f" --tenant {part.tenant}"
        return UnreadableSnapshot(
            f"{part.table}: {self.storage.address(part.path)} is damaged or no Parquet file",
            remedy=f"Refresh the table for {part.date} again: defender-assets refresh --select {part.table} "
            f"--date {part.date}{of_tenant}; if that day can no longer be asked for, delete the file.",
        )

    def _parts_of(self, table: str, day: date | None) -> list[PartFile]:
        tenant = self.one_tenant()
        if day is None:
            wanted = self.current_parts(table)
        else:
            wanted = sorted(self.storage.parts(partition_folder(table, tenant, day)))
        if not wanted:
            raise NoSnapshot(self._no_snapshot(table, day, self.dates(table)))
        return wanted

    def _no_snapshot(self, table: str, day: date | None, days: Sequence[date]) -> str:
        of_tenant = "" if self.tenant == DEFAULT_TENANT else f" for the tenant {self.tenant}"
        where = f"in the lake at {self.root}{of_tenant}"
        remedy = f"Refresh it (defender-assets refresh --select {table}), or set DEFENDER_LAKE to where the lake is."
        if not days:
            return f"{table} has no snapshot {where}. {remedy}"
        gone = f"{where}{self.why_gone(table, day)}" if day else where
        return f"{table} has no snapshot of {day} {gone}; there are {len(set(days))}, from {min(days)} to {max(days)}."

    def _dataset(self, part: PartFile) -> "pads.Dataset":
        # Imports pandas, if that is installed: a fifth of a second, which only those pay who read this way.
        import pyarrow.dataset as pads

        path, filesystem = self.storage.arrow_path(part.path), self.storage.filesystem
        with self._reading(part):
            return pads.dataset(path, format="parquet", filesystem=filesystem)

    def _footer(self, part: PartFile) -> pq.FileMetaData:
        with self._reading(part):
            return pq.read_metadata(self.storage.arrow_path(part.path), filesystem=self.storage.filesystem)

    @contextmanager
    def _opened(self, part: PartFile) -> Iterator[pq.ParquetFile]:
        path, filesystem = self.storage.arrow_path(part.path), self.storage.filesystem
        with self._reading(part), pq.ParquetFile(path, filesystem=filesystem) as file:
            yield file

    @contextmanager
    def _reading(self, part: PartFile) -> Iterator[None]:
        try:
            yield
        except LakeError:
            raise
        except FileNotFoundError:
            raise NoSnapshot(
                f"{part.table}: the snapshot of {part.date} was removed while it was being read. Read another."
            ) from None
        except PermissionError as error:
            raise UnreadableSnapshot(
                f"{part.table}: {self.storage.address(part.path)} may not be read by this user; change its rights."
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise self.damaged(part) from error
        except self.storage.errors as error:
            raise self.storage.read_error(error) from None

    def one_tenant(self) -> str:
        """The tenant; raises LakeError for all of them together."""
        if self.tenant is None:
            raise LakeError("Snapshots belong to one tenant: name it. All tenants together can only be queried.")
        return self.tenant

    # Other files

    @cached_property
    def files(self) -> Files:
        """Files that are no tables, such as reports, of the tenant or over all of them."""
        return Files(self.storage, self.tenant or ALL_TENANTS)

    def note(self, table: str, name: str) -> dict[str, Any] | None:
        """What ``put_note`` last wrote under that name, None before the first time. A note is what one refresh of a
        table leaves for the next; readers of the lake do not see it. Raises DamagedNote."""
        path = self._note_path(table, name)
        content = self.storage.read_bytes(path)
        if content is None:
            return None
        try:
            note: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise DamagedNote(
                f"{table}: the note {self.storage.address(path)} is damaged. Delete it; the next refresh starts afresh."
            ) from error
        return note

    def put_note(self, table: str, name: str, content: Mapping[str, Any]) -> None:
        """Replaces the note in one step. ``content`` is whatever JSON can hold. Raises LakeNotWritable."""
        with drafted(self.storage, table, self._note_path(table, name), f"the note {name}") as draft:
            draft.write_bytes(json.dumps(content).encode())

    def notes(self, table: str) -> list[str]:
        """The names of the table's notes."""
        names = self.storage.files(notes_folder(table, self.one_tenant()))
        return [name.removesuffix(_JSON) for name in names if name.endswith(_JSON)]

    def remove_note(self, table: str, name: str) -> None:
        """No error if there is none. Raises LakeNotWritable."""
        self.storage.remove(self._note_path(table, name))

    def pruned_days(self) -> PrunedDays:
        """The days that retention removed of each table; none where that note is damaged. Raises LakeError."""
        try:
            return pruned_in(self.note(PRUNED_OF, PRUNED))
        except DamagedNote:
            return {}

    def why_gone(self, table: str, day: date) -> str:
        """`` (retention removed it on 2026-11-26)``, for what is said of a day that is not there; else nothing."""
        pruned = self.pruned_days().get(table, {}).get(day)
        return f" (retention removed it on {pruned})" if pruned else ""

    def note_pruned(self, table: str, days: Collection[date], when: date) -> None:
        """Notes that these days are removed; to be called before they are. Raises LakeError, LakeNotWritable."""
        self.put_note(PRUNED_OF, PRUNED, note_with(self.pruned_days(), table, days, when))

    def journal(self, table: str, name: str) -> Journal:
        """A file to which long work appends its progress, hidden from readers of the lake; see ``journal.py``."""
        return self.storage.journal(self._hidden(table, name))

    def _note_path(self, table: str, name: str) -> str:
        return self._hidden(table, name) + _JSON

    def _hidden(self, table: str, name: str) -> str:
        return f"{notes_folder(table, self.one_tenant())}/{table_folder(name)}"


def _check_columns(table: str, wanted: Sequence[str], available: Sequence[str]) -> None:
    if unknown := [column for column in wanted if column not in available]:
        raise LakeError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(available)}.")
