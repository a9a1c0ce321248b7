"""Partitions that retention removed from the lake: Dagster forgets them, so that the UI shows what there is.

Here: which they are, and removing their events. Not here: pruning the lake (``lake/pruning.py``), the other way round
(``lake_partitions.py``).

Only what the lake notes as pruned is forgotten. That a partition is not there is no reason: a lake that is not mounted
looks empty too.
"""

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable

from ..lake import Lake
from ..tenant import DEFAULT_TENANT
from .partitions import tenant_and_day

_AT_A_TIME = 500
"""Keys in one statement: SQLite takes some thousands of parameters."""


def forget_pruned(instance: dg.DagsterInstance, lake: Lake) -> int:
    """Removes what the instance keeps of partitions that were pruned and are not in the lake; returns how many
    it was made to forget: none of a storage that has no way to it. Their runs still tell of them. Raises LakeError."""
    tenant = lake.tenant or DEFAULT_TENANT
    forgotten = 0
    for table, days in lake.pruned_days().items():
        asset = dg.AssetKey(table)
        known = {
            key: day
            for key in instance.get_materialized_partitions(asset)
            for of_tenant, day in [tenant_and_day(key)]
            if of_tenant == tenant and day in days
        }
        if not known:
            continue
        held = {*lake.dates(table), *lake.files.days(table)}
        gone = sorted(key for key, day in known.items() if day not in held)
        for start in range(0, len(gone), _AT_A_TIME):
            forgotten += _forget(instance, asset, gone[start : start + _AT_A_TIME])
    return forgotten


def _forget(instance: dg.DagsterInstance, asset: dg.AssetKey, keys: list[str]) -> int:
    """How many it forgot."""
    try:
        instance.wipe_asset_partitions(asset, keys)
    except NotImplementedError:  # Dagster's own storages, as of 1.13
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            return 0
        events = SqlEventLogStorageTable.c
        of_partitions = (events.asset_key == asset.to_string()) & events.partition.in_(keys)
        with storage.index_connection() as connection:
            ids = SqlEventLogStorageTable.select().with_only_columns(events.id).where(of_partitions)
            connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(ids)))
            connection.execute(SqlEventLogStorageTable.delete().where(of_partitions))
    # Else the next look would begin where the last one ended, and count them in.
    instance.wipe_asset_cached_status([asset])
    return len(keys)
