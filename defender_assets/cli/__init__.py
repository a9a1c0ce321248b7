"""The command line: ``defender-assets``.

Here: one file for each verb, and what a person sees in a terminal. Not here: the work itself.

Click and Rich are used in this folder only. A verb imports its work (Dagster, DuckDB, PyArrow) when it runs, so that
``--help`` answers at once.
"""

from .program import main

__all__ = ["main"]
