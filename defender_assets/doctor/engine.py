"""What computes compliance tables and reports, and whether it does.

Here: the engine of the settings, asked for one row by the way that tables take. Not here: choosing and running engines
(``compliance/engine/``).
"""

import pyarrow as pa

from ..compliance.engine import engine_of, may_be_spark
from ..lake import Lake
from ..quantity import quantity
from ..settings import Settings
from .diagnosis import Inspection, Outcome


def inspect_engine(settings: Settings, lake: Lake) -> list[Inspection]:
    """Whether the engine answers. Of Spark that takes some seconds: a driver is started, or a server asked, and a
    worker writes a row that is read here. Raises EngineError, SettingsError."""
    within = f"{settings.compute_memory}, {quantity(settings.compute_threads, 'thread')}"
    if not may_be_spark(settings):
        return [Inspection("engine", Outcome.OK, f"DuckDB, on this machine ({within})")]
    engine = engine_of(settings, lake=lake.root, rows=settings.spark_from_rows)
    with engine.session() as session:
        version = str(session.value("SELECT version() AS version")).partition(" ")[0]
        for _ in session.stream("SELECT 1 AS answer", pa.schema([("answer", pa.int64())])):
            pass  # a row that cannot be computed or written, or is not found here, is an error
    what = f"{engine.name} computes, with version {version}"
    if settings.spark_from_rows:
        what += f"; what is made from fewer than {settings.spark_from_rows:,} rows is DuckDB's ({within})"
    return [Inspection("engine", Outcome.OK, what)]
