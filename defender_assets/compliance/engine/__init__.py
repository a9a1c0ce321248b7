"""Where the SQL of compliance runs: the seam between what is computed and what computes it.

Here: the interface (``base.py``), its one implementation (``duckdb_engine.py``), and the choice of the engine. Not
here: what is computed (``compliance/tables/``, ``compliance/checks/``, ``compliance/headlines/``). Nothing else in
``compliance/`` knows DuckDB.
"""

from ...settings import Settings
from .base import Engine, Limits, Session, Value
from .duckdb_engine import DuckDBEngine


def engine_of(settings: Settings) -> Engine:
    """The engine, within the limits of the settings."""
    return DuckDBEngine(
        Limits(memory=settings.compute_memory, threads=settings.compute_threads, temporary_folder=settings.compute_temp)
    )


__all__ = ["DuckDBEngine", "Engine", "Limits", "Session", "Value", "engine_of"]
