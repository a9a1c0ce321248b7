"""Every table of the product, with its refresh.

Here: one list, in the order in which tables can be made. Not here: what a refresh does (``dataset/``, ``feed/``,
``derived.py``, ``report.py``).
"""

from ..catalog import DATASETS, DERIVED
from ..reference import FEEDS
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
