"""Tables that were refreshed under one tenant's name, given to another: a lake that began with one tenant goes on when
others come.

Here: what would be moved, and moving it. Not here: which names there are (``settings/tenants.py``), what is printed
(``cli/adopt.py``).

A day is moved at once in a folder, and object by object in a store; what is stopped halfway is finished by doing it
again. The files' own metadata keeps the name of before: a reader goes by the folder.
"""

from dataclasses import dataclass

from .errors import LakeError
from .layout import DAY, is_table, tenant_folder
from .storage import Storage, open_storage

_NOTES = ".notes"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Adopted:
    """What is moved: ``tables`` are those that have any partition, ``partitions`` counts their days."""

    tables: tuple[str, ...]
    partitions: int


def adopt_tables(root: str, former: str, name: str, *, dry_run: bool = False) -> Adopted:
    """Gives all partitions and notes of the tenant ``former`` to the tenant ``name``.

    Raises LakeError, before anything is moved, where both have a partition of the same table and day, or there is
    nothing to move.
    """
    storage = open_storage(root)
    days = {
        table: found for table in storage.folders("") if is_table(table) if (found := _days(storage, table, former))
    }
    if not days:
        raise LakeError(f"The lake at {storage.root} holds no table of a tenant named {former}.")
    both = [
        f"{table} of {day.removeprefix(f'{DAY}=')}"
        for table, found in days.items()
        for day in sorted(set(found) & set(_days(storage, table, name)))
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
                storage.move_folder(f"{tenant_folder(table, former)}/{day}", f"{tenant_folder(table, name)}/{day}")
            _move_notes(storage, f"{_NOTES}/{tenant_folder(table, former)}", f"{_NOTES}/{tenant_folder(table, name)}")
    return Adopted(tuple(days), sum(map(len, days.values())))


def _days(storage: Storage, table: str, tenant: str) -> list[str]:
    return [name for name in storage.folders(tenant_folder(table, tenant)) if name.startswith(f"{DAY}=")]


def _move_notes(storage: Storage, former: str, place: str) -> None:
    """What the next refresh is left; of a tenant that has been refreshed since, its own counts."""
    if storage.files(former) and not storage.files(place):
        storage.move_folder(former, place)
