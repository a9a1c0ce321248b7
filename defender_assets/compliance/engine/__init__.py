"""Where the SQL of compliance runs: the seam between what is computed and what computes it.

Here: the interface (``base.py``), the one engine there is (``duckdb_engine.py``), and the choice between engines. Not
here: what is computed (``tables/``, ``checks/``, ``headlines/``). Nothing outside this package knows DuckDB by name.
"""

from ...settings import Settings
from .base import Engine, Limits, Session, Value
from .duckdb_engine import DuckDBEngine


def engine_of(settings: Settings) -> Engine:
    """The engine that the settings ask for, within the limits they give."""
    return DuckDBEngine(
        Limits(memory=settings.compute_memory, threads=settings.compute_threads, temporary_folder=settings.compute_temp)
    )


__all__ = ["DuckDBEngine", "Engine", "Limits", "Session", "Value", "engine_of"]
