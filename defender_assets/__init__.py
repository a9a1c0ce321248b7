"""Microsoft Defender for Endpoint metadata as Dagster assets in a Parquet lake.

    import defender_assets
    defender_assets.read("patch_compliance")   # a pandas DataFrame of the newest snapshot

Here: the version, and reading for notebooks. Not here: anything that makes importing slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    import os
    from collections.abc import Sequence

    import pandas as pd

__version__ = "0.1.0"


def read(
    table: str,
    date: datetime.date | str | None = None,
    *,
    columns: Sequence[str] | None = None,
    tenant: str = "default",
    lake: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """A snapshot of a table as a DataFrame: of ``date`` (a date or ``YYYY-MM-DD``), or the newest.

    ``lake`` is the root, by default the setting ``DEFENDER_LAKE``. Times are aware (UTC), nested values lists and
    dicts; a whole-number column with gaps becomes float, as everywhere in pandas.

    Raises ``defender_assets.lake.NoSnapshot`` where there is none, and ``LakeError`` for anything else that is wrong
    with the lake.
    """
    import datetime

    from .lake import Lake

    if lake is None:
        from .settings import load_settings

        lake = load_settings().lake
    day = datetime.date.fromisoformat(date) if isinstance(date, str) else date
    return Lake(lake, tenant).read(table, day, columns).to_pandas()
