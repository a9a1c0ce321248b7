"""The whole set of definitions as data, and the file of it that a review reads.

Here: names, wiring and policies of assets, checks, jobs, schedules, sensors and resources. Not here: descriptions
(prose may change freely) and columns (the data dictionary in ``docs/tables`` shows them).
``make snapshot`` writes the file anew.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

FILE = Path(__file__).with_name("definitions.yaml")


def snapshot(definitions: dg.Definitions) -> dict[str, Any]:
    """Everything the outside can see of a set of definitions, by name and sorted."""
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    return {
        "assets": {
            key.to_user_string(): _asset(graph.get(key), definitions.get_assets_def(key))
            for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}.{key.name}": {"blocking": graph.get(key).blocking}
            for key in sorted(graph.asset_check_keys, key=lambda key: (key.asset_key, key.name))
        },
        "jobs": {
            job.name: {
                "assets": _names(job.asset_layer.selected_asset_keys),
                "ops": sorted(job.graph.node_dict) if not job.asset_layer.selected_asset_keys else [],
                "executor": job.executor_def.name,
                "tags": dict(job.tags),
            }
            for job in sorted(definitions.resolve_all_job_defs(), key=lambda job: job.name)
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "target": schedule.target.job_name if schedule.has_job else None,
                "default": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": {
            sensor.name: {
                "kind": sensor.sensor_type.value,
                "seconds": sensor.minimum_interval_seconds,
                "targets": sorted(target.job_name for target in sensor.targets),
                "assets": str(sensor.asset_selection) if sensor.asset_selection else None,
                "default": sensor.default_status.value,
            }
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "resources": {name: _resource(resource) for name, resource in sorted((definitions.resources or {}).items())},
    }


def _names(keys: Iterable[dg.AssetKey]) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


def _asset(node: Any, assets: dg.AssetsDefinition) -> dict[str, Any]:
    automation = node.automation_condition
    freshness = node.freshness_policy
    return {
        "group": node.group_name,
        "deps": _names(node.parent_keys),
        "kinds": sorted(node.kinds),
        "owners": list(node.owners),
        "tags": {name: value for name, value in sorted(node.tags.items()) if not name.startswith("dagster/kind/")},
        "metadata": sorted(node.metadata),
        "partitions": _partitions(node.partitions_def),
        "backfill": str(node.backfill_policy.policy_type.value) if node.backfill_policy else None,
        "retries": retries.max_retries if (retries := assets.op.retry_policy) else 0,
        "automation": (automation.get_label() or str(automation)) if automation else None,
        "late after": str(freshness.warn_window.to_timedelta()) if freshness else None,
        "failed after": str(freshness.fail_window.to_timedelta()) if freshness else None,
        "code version": node.code_version,
        "pools": sorted(node.pools or ()),
    }


def _partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        # From when on depends on the lake.
        return f"{partitions.cron_schedule} {partitions.timezone}, offset {partitions.end_offset}"
    return repr(partitions) if partitions else None


def _resource(resource: Any) -> dict[str, Any]:
    return {"type": type(resource).__name__, "fields": sorted(type(resource).model_fields)}


def as_text(definitions: dg.Definitions) -> str:
    return yaml.safe_dump(
        snapshot(definitions), default_flow_style=None, sort_keys=False, allow_unicode=True, width=10_000
    )


def main() -> None:
    """Writes the file, from definitions without any setting."""
    for name in [name for name in os.environ if name.startswith("DEFENDER_")]:
        del os.environ[name]
    from defender_assets.definitions import build_defs

    with tempfile.TemporaryDirectory() as empty:  # no .env is found there
        os.chdir(empty)
        text = as_text(build_defs())
        os.chdir(FILE.parent)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
