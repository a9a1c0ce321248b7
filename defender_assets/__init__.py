"""Microsoft Defender for Endpoint metadata as Dagster assets in a Parquet lake.

    import defender_assets
    defender_assets.read("patch_compliance")   # a pandas DataFrame of the newest snapshot

Here: the version, and reading for notebooks. Not here: anything that makes importing slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tenant import DEFAULT_TENANT
from .version import __version__

if TYPE_CHECKING:
    import datetime
    import os
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["__version__", "read"]


def read(
    table: str,
    date: datetime.date | str | None = None,
    *,
    columns: Sequence[str] | None = None,
    tenant: str = DEFAULT_TENANT,
    lake: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """A snapshot of a table as a DataFrame: of ``date`` (a date or ``YYYY-MM-DD``), or the newest.

    ``lake`` is the root, by default the setting ``DEFENDER_LAKE``. Times are aware (UTC). Whole numbers and truth
    values are pandas' nullable ``Int64`` and ``boolean``, so that gaps change neither a column's type nor its values;
    nested values are arrays and dicts.

    Raises ``defender_assets.lake.NoSnapshot`` where there is none, and ``LakeError`` for anything else that is wrong
    with the lake.
    """
    import datetime

    import pandas as pd
    import pyarrow as pa

    from .lake import Lake

    if lake is None:
        from .settings import Settings

        lake = Settings.load().lake
    day = datetime.date.fromisoformat(date) if isinstance(date, str) else date
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    rows = Lake(lake, tenant).read(table, day, columns)
    frame: pd.DataFrame = rows.to_pandas(types_mapper=nullable.get, integer_object_nulls=True)
    return frame
