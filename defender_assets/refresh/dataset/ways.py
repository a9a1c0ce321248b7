"""In which way a dataset is read, and in which other way when a reading is doubtful.

Here: pages or export files, and the size of pages. Not here: reading (``odata_pages.py``, ``cursor_pages.py``,
``export_files.py``), what is doubtful (``completeness.py``).
"""

from dataclasses import dataclass, replace

from ...api import DefenderClient, TooLarge
from ...catalog import CursorPages, Dataset, Days, ExportFiles, ODataPages, OneAnswer
from ...errors import DefenderAssetsError
from ...lake import Lake
from ...settings import Settings
from ..context import RefreshContext
from ..fleet_size import has_more_devices_than
from .completeness import Completeness, Doubtful

_NO_PAGES = 1
"""The size of the pages of what is read in one answer, or in export files alone."""
_SMALLER = 8
"""By how much pages are made smaller that are too large to be read."""
_FEW_PAGES = 200
"""So many calls are spent on pages to confirm export files; larger tables are confirmed by the files, read again."""


@dataclass(frozen=True)
class Way:
    """Export files where ``files`` is true, else pages of ``page_size`` rows; ``halves``: of one half of the list, then
    of the other."""

    page_size: int
    files: bool = False
    halves: bool = False


def first_way(dataset: Dataset, client: DefenderClient, context: RefreshContext) -> Way:
    """The way of the first reading."""
    match dataset.fetch:
        case ODataPages(top=top):
            return Way(top)
        case CursorPages(page_size=size, files=None):
            return Way(size)
        case CursorPages(page_size=size):
            return Way(size, export_files_wanted(client, context.lake, context.settings))
        case ExportFiles():
            return Way(_NO_PAGES, files=True)
        case OneAnswer():
            return Way(_NO_PAGES)
    raise TypeError(f"{dataset.name} is not read as one list")


def next_way(dataset: Dataset, way: Way, error: DefenderAssetsError, completeness: Completeness) -> Way:
    """The way of the next reading, after one that ended with this error."""
    if isinstance(dataset.fetch, ExportFiles | OneAnswer):
        completeness.only_way = True
        return way
    if isinstance(error, TooLarge):
        return Way(way.page_size if way.files else max(1, way.page_size // _SMALLER))
    if isinstance(dataset.fetch, ODataPages):
        has_halves = dataset.days is Days.STATE and dataset.fetch.halves is not None
        useless = way.halves and (not isinstance(error, Doubtful) or completeness.last_was_smaller)
        if not has_halves or useless:
            # There is no other, or the service does not know the filter, or leaves out rows without a value.
            completeness.only_way = True
            return replace(way, halves=False)
        return replace(way, halves=isinstance(error, Doubtful) and not way.halves)
    if not isinstance(error, Doubtful) or not isinstance(dataset.fetch, CursorPages):
        return way
    if way.files and (completeness.former_rows or 0) > _FEW_PAGES * way.page_size:
        completeness.only_way = True
        return way
    if way.files:
        return replace(way, files=False)
    if dataset.fetch.files is not None:
        return replace(way, files=True)
    return replace(way, page_size=completeness.reading.other_page_size or way.page_size)


def export_files_wanted(client: DefenderClient, lake: Lake, settings: Settings) -> bool:
    """Whether export files are read instead of pages. ``auto`` goes by the size of the fleet; where that cannot be had,
    pages work for any fleet, only slower."""
    if settings.export_files != "auto":
        return settings.export_files == "always"
    return has_more_devices_than(settings.export_files_above, client, lake)
