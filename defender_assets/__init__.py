"""Microsoft Defender for Endpoint metadata as Dagster assets in a Parquet lake.

    import defender_assets
    defender_assets.read("patch_compliance")   # a pandas DataFrame of the newest snapshot
    print(defender_assets.explain("desk.contoso.example"))   # why a device was judged as it was

Here: the version, and what notebooks begin with. Not here: anything that makes importing slow.
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

    from .explanation import Explanation

__all__ = ["__version__", "explain", "read"]


def explain(
    device: str,
    *,
    lake: str | os.PathLike[str] | None = None,
    tenant: str = DEFAULT_TENANT,
    date: datetime.date | str | None = None,
    finding: str | None = None,
) -> Explanation:
    """Why a device was judged as it was: ``print()`` it, or look at its ``verdicts``, ``reasons`` and ``inputs``.

    ``device`` is an id or a name (whatever its case), ``date`` a date or ``YYYY-MM-DD`` (by default the newest day that
    was judged). With ``finding``, a CVE, each finding of it on the device is told too. ``lake`` is the root, by default
    the setting ``DEFENDER_LAKE``.

    Raises ``defender_assets.explanation.ExplanationError`` for a device that is not known (with names that are near), a
    name that several devices have, and a day that was not judged; ``LakeError`` for anything else that is wrong with
    the lake.
    """
    import datetime

    from .explanation import explain_device
    from .lake import Lake
    from .settings import Settings

    settings = Settings.load()
    day = datetime.date.fromisoformat(date) if isinstance(date, str) else date
    return explain_device(Lake(lake or settings.lake, tenant), device, day, cve=finding, policy=settings.policy)


def read(
    table: str,
    date: datetime.date | str | None = None,
    *,
    columns: Sequence[str] | None = None,
    tenant: str = DEFAULT_TENANT,
    lake: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """A snapshot of a table as a DataFrame: of ``date`` (a date or ``YYYY-MM-DD``), or the newest. An event table
    (``alerts``) without a date is all its days.

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
