"""Every table of the product, with its refresh.

Here: one list, in the order in which tables can be made. Not here: what a refresh does (``dataset/``, ``feed/``,
``derived.py``, ``report.py``).
"""

from ..catalog import DATASETS, DERIVED
from ..reference import FEEDS
from ..settings import Settings
from .absence import because_of_input, not_chosen
from .dataset import DatasetRefresh
from .derived import DerivedRefresh
from .feed import FeedRefresh
from .report import ReportRefresh
from .table_refresh import TableRefresh


def table_refreshes() -> dict[str, TableRefresh]:
    """By the name of the table: datasets of the service, public feeds, derived tables, and the report."""
    refreshes: list[TableRefresh] = [
        *(DatasetRefresh(dataset) for dataset in DATASETS.values()),
        *(FeedRefresh(feeds) for feeds in FEEDS.values()),
        *(DerivedRefresh(table) for table in DERIVED.values()),
        ReportRefresh(),
    ]
    return {refresh.name: refresh for refresh in refreshes}


def not_made_without(*datasets: str) -> tuple[str, ...]:
    """The tables and the report that cannot be made without these datasets."""
    without: list[str] = []
    for name, table in table_refreshes().items():
        if not {*datasets, *without}.isdisjoint(table.inputs):
            without.append(name)
    return tuple(without)


def left_out_by_choice(settings: Settings) -> dict[str, str]:
    """Table -> why, of the datasets that are not chosen and of what cannot be made without them. Raises SettingsError.

    It is the same for all tenants, and of every day that is still to come.
    """
    why: dict[str, str] = {}
    for name, table in table_refreshes().items():
        if name in DATASETS and (absence := not_chosen(DATASETS[name], settings)):
            why[name] = absence.sentence
        elif lacking := [needed for needed in table.inputs if needed in why]:
            why[name] = because_of_input(lacking[0])
    return why
