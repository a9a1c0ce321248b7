"""Tables that were refreshed under one tenant's name, given to another: a lake that began with one tenant goes on when
others come.

Here: what would be moved, and moving it. Not here: which names there are (``settings/tenants.py``), what is printed
(``cli/adopt.py``).

A day is moved at once in a folder, and object by object in a store; what is stopped halfway is finished by doing it
again. Notes come last: a refresh that goes by them would find the days missing which they speak of. The files' own
metadata keeps the name of before: a reader goes by the folder.
"""

from dataclasses import dataclass
from datetime import date

from .errors import LakeError
from .layout import NOTES, is_table, notes_folder, partition_folder, tenant_folder
from .storage import Storage, open_storage

_MOST_NAMED = 5


@dataclass(frozen=True)
class Adopted:
    """What is moved: ``tables`` are those that have any partition, ``partitions`` counts their days."""

    tables: tuple[str, ...]
    partitions: int


def adopt_tables(root: str, former: str, name: str, *, dry_run: bool = False) -> Adopted:
    """Gives all partitions and notes of the tenant ``former`` to the tenant ``name``. Where that one has notes on a
    table already, they stay, and so do the former ones where they are.

    Raises LakeError, before anything is moved, where both have a partition of the same table and day, or there is
    nothing to move.
    """
    storage = open_storage(root)
    days = {
        table: found for table in storage.folders("") if is_table(table) if (found := _days(storage, table, former))
    }
    noted = [
        (notes, place)
        for owner in storage.folders(NOTES)
        if is_table(owner)
        for notes, place in [(notes_folder(owner, former), notes_folder(owner, name))]
        if _has_files(storage, notes) and storage.may_move(notes, place)
    ]
    if not days and not noted:
        raise LakeError(f"The lake at {storage.root} holds no table of a tenant named {former}.")
    both = [
        f"{table} of {day}"
        for table, found in days.items()
        for day in sorted(set(found) & set(_days(storage, table, name)))
        if not storage.may_move(partition_folder(table, former, day), partition_folder(table, name, day))
    ]
    if both:
        more = f" and {len(both) - _MOST_NAMED:,} more" if len(both) > _MOST_NAMED else ""
        raise LakeError(
            f"{former} and {name} both have {', '.join(both[:_MOST_NAMED])}{more}, and neither may replace the other. "
            f"Nothing was moved. Remove those of one of them, then do it again."
        )
    if not dry_run:
        storage.check_writable()
        for table, found in days.items():
            for day in found:
                storage.move_folder(partition_folder(table, former, day), partition_folder(table, name, day))
        for notes, place in noted:
            storage.move_folder(notes, place)
    return Adopted(tuple(days), sum(map(len, days.values())))


def _days(storage: Storage, table: str, tenant: str) -> list[date]:
    return sorted(storage.bytes_by_day(tenant_folder(table, tenant)))


def _has_files(storage: Storage, folder: str) -> bool:
    # Some stores keep a folder when its last object is gone.
    return bool(storage.files(folder)) or any(
        _has_files(storage, f"{folder}/{name}") for name in storage.folders(folder)
    )
