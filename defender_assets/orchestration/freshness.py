"""When a table counts as late.

Here: one freshness policy for all tables, from the settings. Not here: refreshing late tables (``automation/``).

Dagster looks at a table's last materialization, whatever its day: refreshing an old partition makes the table fresh.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

import dagster as dg

from ..settings import Settings


def freshness_policy(settings: Settings) -> dg.FreshnessPolicy:
    """Late (a warning) after ``late_after_hours`` without a refresh, failed after twice as long.

    The same for every table: each is refreshed or recomputed each morning, those with changes in between more often,
    and a table in which nothing changes in between is not late.
    """
    late = timedelta(hours=settings.late_after_hours)
    return dg.FreshnessPolicy.time_window(fail_window=2 * late, warn_window=late)


def with_freshness(
    assets: Sequence[dg.AssetsDefinition], settings: Settings, *, left_out: Collection[str] = ()
) -> Sequence[dg.AssetsDefinition]:
    """The assets with the policy, where they have none of their own. Tables that are ``left_out`` are never late."""
    policy = freshness_policy(settings)

    def attach(spec: dg.AssetSpec) -> dg.AssetSpec:
        without = spec.freshness_policy or spec.key.to_user_string() in left_out
        return spec if without else spec.replace_attributes(freshness_policy=policy)

    return dg.map_asset_specs(attach, assets)
