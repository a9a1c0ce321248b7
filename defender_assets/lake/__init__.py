"""The lake: tables as Parquet files by tenant and day, each published as a whole or not at all.

Here: layout, writing, reading, pruning, storage. Not here: SQL (``queries/``), where rows come from (``refresh/``),
what they mean (``compliance/``).

    lake = Lake("lake")
    with lake.writing(MACHINES, today, {"observed_at": "…"}) as partition:
        for batch in batches:
            partition.write(batch)
        if not partition.duplicates():
            partition.publish()
    lake.read("machines").to_pandas()
"""

from ..sql.duplicates import Duplicates
from ..tenant import ALL_TENANTS
from .adoption import Adopted, adopt_tables
from .errors import (
    LakeError,
    LakeNotWritable,
    NoSnapshot,
    UnreadableSnapshot,
    WrongColumns,
)
from .journal import Journal
from .lake import Lake
from .layout import PartFile
from .pruning import Pruned, remove_planned
from .retention import TablePlan, days_apart, planned
from .storage import local_path
from .table_info import TableInfo
from .writer import DaysWriter, PartitionWriter, PublishedFile, publish_all

__all__ = [
    "ALL_TENANTS",
    "Adopted",
    "DaysWriter",
    "Duplicates",
    "Journal",
    "Lake",
    "LakeError",
    "LakeNotWritable",
    "NoSnapshot",
    "PartFile",
    "PartitionWriter",
    "Pruned",
    "PublishedFile",
    "TableInfo",
    "TablePlan",
    "UnreadableSnapshot",
    "WrongColumns",
    "adopt_tables",
    "days_apart",
    "local_path",
    "planned",
    "publish_all",
    "remove_planned",
]
