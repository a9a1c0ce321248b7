"""Paths in the lake: ``TABLE/tenant=NAME/snapshot_date=YYYY-MM-DD/part-00000.parquet``.

Here: pure functions from table, tenant and day to paths relative to the lake's root, and back. Not here: any access to
files (``storage.py``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ..catalog import EVENT_TABLES
from .errors import LakeError

PART = "part-00000.parquet"
"""A partition is one file, so that one atomic step publishes or replaces it."""
PARQUET = ".parquet"
TENANT = "tenant"
DAY = "snapshot_date"
NOTES = ".notes"
"""The folder of what readers do not see."""

_TABLE = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TENANT = re.compile(r"\w[\w .@-]*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, order=True)
class PartFile:
    """A Parquet file of a partition; ``path`` is relative to the lake's root, with forward slashes."""

    table: str
    tenant: str
    date: date
    path: str
    size: int


def is_visible(name: str) -> bool:
    """Whether readers see a file or folder of this name. Names that begin with ``_`` or ``.`` are hidden from them."""
    return not name.startswith(("_", "."))


def is_table(name: str) -> bool:
    """Whether a folder of this name can be a table."""
    return _TABLE.fullmatch(name) is not None


def table_folder(table: str) -> str:
    """The folder of a table. Raises LakeError for a name that no table can have, before it becomes a path."""
    if not is_table(table):
        raise LakeError(f"{table!r} is not a table name: letters, digits and underscores, beginning with a letter.")
    return table


def tenant_folder(table: str, tenant: str) -> str:
    """The folder of a table's tenant. Raises LakeError for a name that not every reader takes for a folder's."""
    if not _TENANT.fullmatch(tenant):
        raise LakeError(
            f"{tenant!r} cannot be the name of a tenant in the lake: letters, digits, spaces and . _ @ - only, "
            "beginning with a letter or digit."
        )
    return f"{table_folder(table)}/{TENANT}={tenant}"


def notes_folder(owner: str, tenant: str) -> str:
    """The folder of a tenant's notes and journals; ``owner``: the table, or the room, that they are of."""
    return f"{NOTES}/{tenant_folder(owner, tenant)}"


def partition_folder(table: str, tenant: str, day: date) -> str:
    """The folder of a partition. Raises LakeError as ``table_folder`` and ``tenant_folder`` do."""
    return f"{tenant_folder(table, tenant)}/{DAY}={day.isoformat()}"


def part_path(table: str, tenant: str, day: date) -> str:
    """The path of the one file that this package writes for a partition."""
    return f"{partition_folder(table, tenant, day)}/{PART}"


def file_path(name: str, tenant: str, day: date, file: str) -> str:
    """The path of a file that is no table, in the folder of a partition. Raises ValueError for a name that readers
    would not see, or would take for a part of a table."""
    if not is_visible(file) or "/" in file or file.endswith(PARQUET):
        raise ValueError(f"{file!r} would be hidden, elsewhere, or taken for a partition")
    return f"{partition_folder(name, tenant, day)}/{file}"


def tenant_of(folder: str) -> str | None:
    """The tenant in a folder's name, None for a folder of another kind."""
    key, equals, name = folder.partition("=")
    return name if equals and key == TENANT and _TENANT.fullmatch(name) else None


def day_of(folder: str) -> date | None:
    """The day in a folder's name, None for a folder of another kind."""
    key, _, text = folder.partition("=")
    if key != DAY or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:  # such as 2026-02-30
        return None


def parse_part(path: str, size: int) -> PartFile | None:
    """The part file at a path relative to the root, None for any other file in the lake."""
    if path.count("/") != 3:
        return None
    table, tenant_name, day_name, name = path.split("/")
    tenant, day = tenant_of(tenant_name), day_of(day_name)
    if not is_table(table) or tenant is None or day is None:
        return None
    if not is_visible(name) or not name.endswith(PARQUET):
        return None
    return PartFile(table, tenant, day, path, size)


def newest_parts(parts: Sequence[PartFile]) -> list[PartFile]:
    """The parts of each tenant's newest day."""
    newest: dict[str, date] = {}
    for part in parts:
        newest[part.tenant] = max(newest.get(part.tenant, part.date), part.date)
    return [part for part in parts if part.date == newest[part.tenant]]


def shows_all_days(table: str) -> bool:
    """Whether all days of a table together are what there is: of an event table. Of any other it is the newest day."""
    return table in EVENT_TABLES


def current_parts(table: str, parts: Sequence[PartFile]) -> list[PartFile]:
    """Those of all parts of a table that hold what there is: the newest day's or, of an event table, all."""
    return list(parts) if shows_all_days(table) else newest_parts(parts)
