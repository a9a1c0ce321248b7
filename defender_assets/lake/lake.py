"""The lake: tables of Parquet partitions by tenant and day, written whole, read as they are.

Here: the one object through which the rest of the project writes and reads partitions. Not here: SQL (``query/``),
encoding (``parquet.py``), file systems (``storage.py``). It knows tables of the catalog, not where their
rows come from.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from ..catalog.table import Table
from ..sanitize import brief
from ..sql import Connection
from ..version import __version__
from .errors import LakeError, LakeNotWritable, NoSnapshot, UnreadableSnapshot
from .journal import Journal
from .layout import (
    DAY,
    TENANT,
    PartFile,
    day_of,
    file_path,
    is_table,
    partition_folder,
    table_folder,
    tenant_folder,
)
from .storage import Storage, open_storage
from .writer import DaysWriter, PartitionWriter

ALL_TENANTS = "all"
_NOTES = ".notes"
_FORMATS_OWN = {b"ARROW:schema", b"pandas"}
"""File metadata that is the readers' business and not a fact about the rows."""


@dataclass(frozen=True)
class TableInfo:
    """A table of the lake: rows and bytes of its newest snapshot, and how many partitions there are. ``rows`` is None,
    and ``problem`` says why, where the newest file cannot be read."""

    name: str
    rows: int | None
    newest: date
    bytes: int
    partitions: int
    problem: str | None = None


class Lake:
    """The tables under ``root`` (a folder, or a URL that fsspec knows) of one tenant.

    ``tenant="all"`` (or None) looks at the tenants together, for queries only. Nothing is touched before it is used; a
    lake that does not exist yet reads as empty.
    """

    def __init__(self, root: str | os.PathLike[str], tenant: str | None = "default") -> None:
        self._address = os.fspath(root)
        self.tenant = None if tenant == ALL_TENANTS else tenant

    def __repr__(self) -> str:
        return f"Lake({self.root!r}, tenant={self.tenant!r})"

    @cached_property
    def storage(self) -> Storage:
        """The files. Raises LakeError for a place that cannot hold a lake."""
        return open_storage(self._address)

    @property
    def root(self) -> str:
        """Where the lake is, as people know it."""
        return self.storage.root

    # Writing

    def writable(self) -> None:
        """Raises LakeNotWritable, with where, why and what to do, unless files can be made in the lake."""
        self.storage.check_writable()

    @contextmanager
    def writing(self, table: Table, day: date, metadata: Mapping[str, str]) -> Iterator[PartitionWriter]:
        """A writer for one partition. Leaving the block without ``publish()``, by an error or a killed process leaves
        the former partition as it was. ``metadata`` (observed_at, api_host, …) goes into the file; dataset, tenant,
        snapshot_date and package_version are added."""
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
        """A writer for several days at once, from one stream of rows that are kept apart by the day (UTC) of
        ``time_column``. Every day is published in a step of its own, one without rows as an empty partition."""
        writer = DaysWriter(table, {day: self._writer(table, day, metadata) for day in days}, time_column)
        try:
            yield writer
        finally:
            writer.abandon()

    def _writer(self, table: Table, day: date, metadata: Mapping[str, str]) -> PartitionWriter:
        clash = {TENANT, DAY} & set(table.schema.names)
        if clash:
            raise ValueError(
                f"{table.name}: {', '.join(sorted(clash))} is told by the folder, no column may have its name"
            )
        tenant = self._one_tenant()
        facts = {
            "dataset": table.name,
            "tenant": tenant,
            "snapshot_date": day.isoformat(),
            "package_version": __version__,
        }
        return PartitionWriter(self.storage, table, tenant, day, facts | dict(metadata))

    # Reading

    def dates(self, table: str) -> list[date]:
        """The days that have a partition, ascending."""
        return sorted({part.date for part in self.parts(table)})

    def newest(self, table: str) -> date | None:
        """The day of the newest snapshot, None where there is none."""
        return max((part.date for part in self.parts(table)), default=None)

    def tables(self) -> list[TableInfo]:
        """The tables that have a snapshot, by name."""
        found = []
        for name in self.table_names():
            parts = self.parts(name)
            if parts:
                found.append(self._info(name, parts))
        return found

    def table_names(self) -> list[str]:
        """Folders of the lake that can be tables; cheaper than ``tables``, and may name one without a snapshot."""
        return [name for name in self.storage.folders("") if is_table(name)]

    def _info(self, name: str, parts: Sequence[PartFile]) -> TableInfo:
        newest = newest_parts(parts)
        rows, problem = 0, None
        try:
            rows = sum(self._footer(part).num_rows for part in newest)
        except UnreadableSnapshot as error:
            problem = str(error)
        return TableInfo(
            name=name,
            rows=None if problem else rows,
            newest=max(part.date for part in newest),
            bytes=sum(part.size for part in newest),
            partitions=len({(part.tenant, part.date) for part in parts}),
            problem=problem,
        )

    def read(self, table: str, day: date | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a snapshot, the newest without a day. Raises NoSnapshot, UnreadableSnapshot, and LakeError for a
        column that the snapshot does not have."""
        parts = self._parts_of(table, day)
        pieces = []
        for part in parts:
            with self._opened(part) as file:
                if columns is not None:
                    _check_columns(part, columns, file.schema_arrow.names)
                pieces.append(file.read(columns=list(columns) if columns is not None else None))
        rows = pieces[0] if len(pieces) == 1 else pa.concat_tables(pieces, promote_options="permissive")
        return rows.select(list(columns)) if columns is not None else rows

    def batches(self, table: str, day: date | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a snapshot, some at a time. Raises NoSnapshot, UnreadableSnapshot."""
        for part in self._parts_of(table, day):
            with self._opened(part) as file:
                yield from file.iter_batches()

    def scan(self, table: str, day: date | None = None) -> pads.Dataset:
        """The snapshot as a pyarrow dataset, for reading in batches. Raises NoSnapshot, UnreadableSnapshot."""
        parts = self._parts_of(table, day)
        with self._reading(parts[0]):
            paths = [self.storage.arrow_path(part.path) for part in parts]
            return pads.dataset(paths, format="parquet", filesystem=self.storage.filesystem)

    def rows(self, table: str, day: date | None = None) -> int:
        """How many rows a snapshot has, from the footers. Raises NoSnapshot, UnreadableSnapshot."""
        return sum(self._footer(part).num_rows for part in self._parts_of(table, day))

    def metadata(self, table: str, day: date | None = None) -> dict[str, str]:
        """What the snapshot's file says about itself: dataset, tenant, observed_at, package_version, api_host, …
        Raises NoSnapshot, UnreadableSnapshot."""
        facts = self._footer(self._parts_of(table, day)[0]).metadata or {}
        return {key.decode(): value.decode() for key, value in facts.items() if key not in _FORMATS_OWN}

    def input(self, table: str, day: date) -> str | None:
        """What DuckDB's ``read_parquet`` opens the partition by, None where there is no such partition. For a lake that
        is not local, ``register`` makes the connection understand it."""
        folder = partition_folder(table, self._one_tenant(), day)
        match self.storage.parts(folder):
            case []:
                return None
            case [part]:
                return self.storage.address(part.path)
            case _:
                return self.storage.address(f"{folder}/*.parquet")

    def register(self, connection: Connection) -> None:
        """Makes the addresses of this lake known to a DuckDB connection; once for each connection."""
        self.storage.register(connection)

    def parts(self, table: str) -> list[PartFile]:
        """The files of a table, of this tenant or of all, in the order of tenant and day."""
        folder = table_folder(table) if self.tenant is None else tenant_folder(table, self.tenant)
        return sorted(self.storage.parts(folder))

    def _parts_of(self, table: str, day: date | None) -> list[PartFile]:
        self._one_tenant()
        parts = self.parts(table)
        wanted = newest_parts(parts) if day is None else [part for part in parts if part.date == day]
        if not wanted:
            raise NoSnapshot(self._nothing(table, day, [part.date for part in parts]))
        return wanted

    def _nothing(self, table: str, day: date | None, days: Sequence[date]) -> str:
        where = f"in the lake at {self.root}" + ("" if self.tenant == "default" else f" for the tenant {self.tenant}")
        remedy = f"Refresh it (defender-assets refresh --select {table}), or set DEFENDER_LAKE to where the lake is."
        if not days:
            return f"{table} has no snapshot {where}. {remedy}"
        return f"{table} has no snapshot of {day} {where}; there are {len(set(days))}, from {min(days)} to {max(days)}."

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
            raise UnreadableSnapshot(unreadable(part, self.storage.address(part.path))) from error
        except self.storage.refusals as error:
            raise self.storage.unreachable(error) from None

    def _one_tenant(self) -> str:
        if self.tenant is None:
            raise LakeError("Snapshots belong to one tenant: name it. All tenants together can only be queried.")
        return self.tenant

    # Files that are no tables

    def publish_file(self, name: str, day: date, file: str, content: bytes) -> str:
        """Puts a file that is no table, such as a page for people, where a partition of ``name`` would be; replaces it
        in one step and gives its address. Readers of tables pass it over. Raises LakeNotWritable."""
        path = file_path(name, self._one_tenant(), day, file)
        draft = self.storage.draft(name, path)
        try:
            draft.path.write_bytes(content)
            self.storage.publish(draft, path)
        except OSError as error:
            raise LakeNotWritable(f"{name}: {file} of {day} could not be written ({brief(error)}).") from error
        finally:
            draft.discard()
        return self.storage.address(path)

    def newest_file(self, name: str, file: str) -> str | None:
        """The address of the newest such file, None where there is none."""
        tenant = self._one_tenant()
        folders = self.storage.folders(tenant_folder(name, tenant))
        for day in sorted({day for folder in folders if (day := day_of(folder))}, reverse=True):
            path = file_path(name, tenant, day, file)
            if self.storage.read_bytes(path) is not None:
                return self.storage.address(path)
        return None

    # Notes and journals

    def note(self, table: str, name: str) -> dict[str, Any] | None:
        """What ``put_note`` last wrote under that name, None before the first time. Notes are what a refresh has to
        remember about a table from one time to the next; readers of the lake do not see them."""
        path = self._note_path(table, name)
        content = self.storage.read_bytes(path)
        if content is None:
            return None
        try:
            remembered: dict[str, Any] = json.loads(content)
            return remembered
        except ValueError as error:
            raise LakeError(
                f"{table}: the note {self.storage.address(path)} is damaged. Delete it; the next refresh starts afresh."
            ) from error

    def put_note(self, table: str, name: str, content: Mapping[str, Any]) -> None:
        """Replaces the note, in one step. ``content`` is anything that JSON can hold. Raises LakeNotWritable."""
        path = self._note_path(table, name)
        draft = self.storage.draft(table, path)
        try:
            draft.path.write_text(json.dumps(content), encoding="utf-8")
            self.storage.publish(draft, path)
        except OSError as error:
            raise LakeNotWritable(f"{table}: the note {name} could not be written ({brief(error)}).") from error
        finally:
            draft.discard()

    def journal(self, table: str, name: str) -> Journal:
        """Lines added to while long work goes on, hidden from readers of the lake; see ``journal.py``."""
        return self.storage.journal(self._hidden(table, name))

    def _note_path(self, table: str, name: str) -> str:
        return self._hidden(table, name) + ".json"

    def _hidden(self, table: str, name: str) -> str:
        return f"{_NOTES}/{tenant_folder(table, self._one_tenant())}/{table_folder(name)}"


def newest_parts(parts: Sequence[PartFile]) -> list[PartFile]:
    """The parts of each tenant's newest day."""
    newest: dict[str, date] = defaultdict(lambda: date.min)
    for part in parts:
        newest[part.tenant] = max(newest[part.tenant], part.date)
    return [part for part in parts if part.date == newest[part.tenant]]


def unreadable(part: PartFile, address: str) -> str:
    """The sentence about a damaged file."""
    return (
        f"{part.table}: {address} is damaged or no Parquet file. Refresh the table for {part.date} again, or delete "
        "the file if that day can no longer be asked for."
    )


def _check_columns(part: PartFile, columns: Sequence[str], there: Sequence[str]) -> None:
    unknown = [column for column in columns if column not in there]
    if unknown:
        raise LakeError(f"{part.table} has no column {', '.join(unknown)}; it has {', '.join(there)}.")
