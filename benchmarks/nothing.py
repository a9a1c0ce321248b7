"""Definitions with one asset that does nothing: what Dagster costs by itself.

python -m benchmarks.nothing    one run of it, in this process
"""

import sys

import dagster as dg


@dg.asset
def nothing() -> None: ...


defs = dg.Definitions([nothing], executor=dg.in_process_executor)


def main() -> int:
    with dg.DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        job = defs.resolve_implicit_global_asset_job_def()
        return 0 if job.execute_in_process(instance=instance, run_config=quiet).success else 1


if __name__ == "__main__":
    sys.exit(main())
