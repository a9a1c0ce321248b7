"""What the results of a step's checks are about: the newest materialization, which Dagster's history is asked for once.

Dagster looks for it with each result, and twice: of a whole refresh some five hundred queries, whose answers are the
same for all results of a step.

Here: results that share the answer. Not here: what was checked, and with which result (``metadata.py``).
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg


class _SharesTarget(dg.AssetCheckResult):
    """``targets``: of each asset what was found; all results of a step have the same."""

    targets: dict[dg.AssetKey, Any]

    # Should a later Dagster have another way, it only asks more often.
    def _get_target_materialization_data(self, step_context: Any, check_key: dg.AssetCheckKey) -> Any:
        if check_key.asset_key not in self.targets:
            self.targets[check_key.asset_key] = super()._get_target_materialization_data(step_context, check_key)
        return self.targets[check_key.asset_key]


def with_one_target(results: Iterable[dg.AssetCheckResult]) -> list[dg.AssetCheckResult]:
    """The results of one step, to be yielded with nothing materialized in between."""
    targets: dict[dg.AssetKey, Any] = {}
    shared = [_SharesTarget(**result._asdict()) for result in results]
    for result in shared:
        result.targets = targets
    return list(shared)
