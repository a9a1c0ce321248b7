"""Lakes whose tables were read a while ago, for tests of what a monitor is told."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from defender_assets.catalog import TABLES
from defender_assets.lake import Lake
from defender_assets.report.publishing import COMPLIANCE_REPORT, REPORT_FILE


def put(lake: Lake, table: str, age: timedelta, **facts: str) -> None:
    """A partition of the table that was read so long ago."""
    moment = datetime.now(UTC) - age
    with lake.writing(TABLES[table], moment.date(), {"observed_at": moment.isoformat()} | facts) as partition:
        partition.write(TABLES[table].schema.empty_table())
        partition.publish()


def fill(lake: Lake, age: timedelta = timedelta(hours=1)) -> None:
    """Every table, and the report, read so long ago."""
    for table in TABLES:
        put(lake, table, age)
    lake.files.publish(COMPLIANCE_REPORT, (datetime.now(UTC) - age).date(), REPORT_FILE, b"<html></html>")


def remove(lake: Lake, table: str) -> None:
    """As if the table had never been read."""
    shutil.rmtree(Path(lake.root) / table)
