"""Where the SQL of compliance runs: the seam between what is computed and what computes it.

Here: the interface (``base.py``), its implementations (``duckdb_engine.py``, ``spark_engine.py``), the choice between
them, one session for several questions (``one_session.py``). Not here: what is computed (``compliance/tables/``,
``compliance/checks/``, ``compliance/headlines/``).
Nothing else in ``compliance/`` knows DuckDB or Spark.
"""

from ...lake.staging import staging_folder
from ...settings import Settings, spark_remote
from .base import Engine, Limits, Session, Value
from .duckdb_engine import DuckDBEngine
from .one_session import in_one_session
from .spark_driver import SparkPlace, not_installed


def engine_of(settings: Settings, *, lake: str = "", rows: int = 0) -> Engine:
    """The engine for what is made from so many ``rows``, within the limits of the settings. ``lake``: the address of
    the lake where it is not that of the settings. Raises EngineError where Spark's libraries are not installed, and
    SettingsError."""
    limits = Limits(
        memory=settings.compute_memory, threads=settings.compute_threads, temporary_folder=settings.compute_temp
    )
    if not may_be_spark(settings) or rows < settings.spark_from_rows:
        return DuckDBEngine(limits)
    try:
        from .spark_engine import SparkEngine  # what it imports need not be installed
    except ImportError as error:
        raise not_installed(error) from None
    root = (lake or settings.lake).rstrip("/")
    return SparkEngine(
        limits,
        SparkPlace(settings.spark_master, spark_remote(settings)),
        staging=staging_folder(root, settings.spark_staging),
        lake=root,
    )


def may_be_spark(settings: Settings) -> bool:
    """Whether Spark is to compute what is large."""
    return settings.engine == "spark"


__all__ = ["DuckDBEngine", "Engine", "Limits", "Session", "Value", "engine_of", "in_one_session", "may_be_spark"]
