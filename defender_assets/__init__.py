"""Microsoft Defender for Endpoint metadata as Dagster assets in a Parquet lake.

    import defender_assets
    defender_assets.read("patch_compliance")   # a pandas DataFrame of the newest snapshot
    defender_assets.read("devices", days=30)   # those of thirty days
    defender_assets.query("SELECT os_platform, count(*) AS devices FROM devices GROUP BY ALL")
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
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from .explanation import Explanation
    from .lake import Lake

__all__ = ["__version__", "explain", "query", "read", "tables"]


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
    name that several devices have, and a day that was not judged; ``defender_assets.queries.QueryError`` for a text
    that is not a day; ``LakeError`` for anything else that is wrong with the lake.
    """
    from .compliance import policy_of
    from .explanation import explain_device
    from .lake import Lake
    from .settings import Settings

    settings = Settings.load()
    return explain_device(
        Lake(lake or settings.lake, tenant),
        device,
        _day(date),
        cve=finding,
        policy=lambda: policy_of(settings, tenant),
    )


def read(
    table: str,
    date: datetime.date | str | None = None,
    *,
    days: int | None = None,
    columns: Sequence[str] | None = None,
    tenant: str = DEFAULT_TENANT,
    lake: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """A snapshot of a table as a DataFrame: of ``date`` (a date or ``YYYY-MM-DD``), or the newest. An event table
    (``alerts``) without a date is all its days.

    With ``days``, the snapshots of so many days up to ``date``, or up to the newest; ``TABLE_history`` is those of all
    days. Both have ``tenant`` and ``snapshot_date`` on each row. ``lake`` is the root, by default the setting
    ``DEFENDER_LAKE``.

    The device is ``device_id`` in every table about devices, beside the service's own ``id`` or ``machine_id``. Times
    are aware (UTC). Whole numbers and truth values are pandas' nullable ``Int64`` and ``boolean``, so that gaps change
    neither a column's type nor its values; nested values are arrays and dicts.

    Raises ``defender_assets.lake.NoSnapshot`` where there is none, and ``LakeError`` for anything else that is wrong
    with the lake; an unknown table or column is told with those that are spelled or called alike. Raises
    ``defender_assets.queries.QueryError`` for a text that is not a day.
    """
    from .queries.frames import read_frame

    return read_frame(_lake(lake, tenant), table, _day(date), columns, days)


def query(
    sql: str,
    parameters: Mapping[str, object] | None = None,
    *,
    scope: Sequence[str] = (),
    tenant: str = DEFAULT_TENANT,
    lake: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """The answer to read-only SQL over the lake, or to a named question (``@silent-devices``), as a DataFrame.

    Each table is a view of its name, and ``TABLE_history`` all its days, with ``snapshot_date``. ``parameters`` are the
    values of ``$name`` in the SQL. ``scope`` looks at a part of the tenant: conditions as for ``query --scope``
    (``["tag=Finance", "onboarded"]``). Types are those of ``read``.

    Raises ``defender_assets.queries.QueryError`` for SQL that does more than read or that cannot be run, with what was
    probably meant, and ``LakeError`` where the lake cannot be read.
    """
    from .queries import query as run
    from .queries.frames import frame
    from .scope.conditions import scope_of_conditions

    given = {name: str(value) for name, value in (parameters or {}).items()}
    return frame(run(_lake(lake, tenant), sql, scope_of_conditions(scope), given).read_all())


def tables(*, tenant: str = DEFAULT_TENANT, lake: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The tables that the lake holds, one a row: ``table``, ``rows`` (missing where a file is damaged; ``problem`` says
    it), ``newest``, ``days``, ``bytes``, ``description``. Rows and bytes are those of the newest snapshot; of an event
    table, of all days."""
    import pandas as pd

    from .catalog import TABLES

    found = _lake(lake, tenant).tables()
    frame = pd.DataFrame(
        {
            "table": [info.name for info in found],
            "rows": pd.array([info.rows for info in found], dtype="Int64"),
            "newest": pd.to_datetime([info.newest for info in found]),
            "days": [info.days for info in found],
            "bytes": [info.bytes for info in found],
            "description": [TABLES[info.name].title if info.name in TABLES else "" for info in found],
            "problem": [info.problem for info in found],
        }
    )
    return frame.set_index("table")


def _day(given: datetime.date | str | None) -> datetime.date | None:
    """The day that was given; of a time (also a pandas Timestamp) its date. Raises QueryError for any other text."""
    import datetime

    if isinstance(given, datetime.datetime):
        return given.date()
    if given is None or isinstance(given, datetime.date):
        return given
    try:
        return datetime.date.fromisoformat(given)
    except (TypeError, ValueError) as error:
        from .queries import QueryError

        raise QueryError(
            f"{given!r} is not a day: give YYYY-MM-DD, such as '2026-03-02', or a datetime.date."
        ) from error


def _lake(root: str | os.PathLike[str] | None, tenant: str) -> Lake:
    from .lake import Lake

    if root is not None:
        return Lake(root, tenant)
    from .settings import Settings, tenant_entries
    from .tenant import ALL_TENANTS

    settings = Settings.load()
    return Lake(settings.lake, tenant, tenant_entries(settings) if tenant == ALL_TENANTS else ())
