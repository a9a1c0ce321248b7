"""The ingest room alone, without Dagster: ``python -m benchmarks.room TABLE``, with the settings of a refresh.

Here: one reading, proven and published as a refresh does it, with Arrow as ``defender-assets refresh`` sets it up, and
its seconds as JSON. Not here: starting Python and logging in, which are not counted; whole refreshes (``ingest.py``).
"""

import sys
from datetime import UTC, datetime

from defender_assets.orchestration.memory import give_memory_back

from .measure import telling_seconds


def main() -> None:
    give_memory_back()  # before Arrow is imported
    from defender_assets.api import open_client
    from defender_assets.catalog import DATASETS
    from defender_assets.cli.arrow_alone import keep_pandas_out
    from defender_assets.lake import Lake
    from defender_assets.refresh import RefreshContext
    from defender_assets.refresh.dataset import DatasetRefresh
    from defender_assets.settings import Settings, connection
    from defender_assets.tenant import DEFAULT_TENANT

    keep_pandas_out()
    settings, today = Settings.load(), datetime.now(UTC).date()
    with open_client(connection(settings), settings) as client:
        client.login.token()
        context = RefreshContext(Lake(settings.lake, DEFAULT_TENANT), settings, today, client=lambda: client)
        with telling_seconds():
            outcomes = DatasetRefresh(DATASETS[sys.argv[1]]).publish([today], context)
    assert all(outcome.ok for outcome in outcomes)


if __name__ == "__main__":
    main()
