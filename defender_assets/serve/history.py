"""Dagster's database while it is served: it may be away for a while, which is no reason to end.

Here: asking whether it answers, and telling it of runs without a process where it does. Not here: which runs these are
(``lost_runs.py``), opening it (``orchestration/dagster_home.py``).
"""

import logging
from collections.abc import Callable, Iterable

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from ..sanitize import brief
from .lost_runs import LostRuns, report_ended

_log = logging.getLogger(__package__)


class History:
    """The database of an instance. That it does not answer is logged once, and that it answers again; nothing is
    raised, because whoever serves Dagster waits for it. Any other error is logged with its traceback, once until
    another one comes, or the same after it was over."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._lost_runs = LostRuns(instance)
        self._is_away = False
        self._other_error = ""

    def answers(self) -> bool:
        """Whether it can be read just now."""
        return self._try(lambda: self._instance.get_runs(limit=1))

    def report_lost_runs(self) -> None:
        """Reports the runs that have lost their process (``LostRuns.report``)."""
        self._try(self._lost_runs.report)

    def report_stopped_runs(self) -> None:
        """Reports the runs that were stopped (``LostRuns.report_stopped``). Those that cannot be told of now are lost
        runs at the next start."""
        self._try(self._lost_runs.report_stopped)

    def report_ended(self, run_ids: Iterable[str]) -> bool:
        """Reports runs that have ended (``lost_runs.report_ended``); whether it could."""
        return self._try(lambda: report_ended(self._instance, run_ids))

    def _try(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the UI and the schedules are worth more than this
            if _is_of_database(error):
                if not self._is_away:
                    _log.warning("Dagster's database does not answer (%s); waiting for it.", brief(error))
                self._is_away = True
            else:
                told, self._other_error = self._other_error, f"{type(error).__name__}: {error}"
                if self._other_error != told:
                    _log.exception("Dagster's history cannot be read or written as it is; trying again.")
            return False
        if self._is_away:
            _log.warning("Dagster's database answers again.")
        self._is_away, self._other_error = False, ""
        return True


def _is_of_database(error: BaseException | None) -> bool:
    """Whether the database, or the way to it, is behind an error: Dagster has errors of its own for each of them."""
    while error is not None:
        if isinstance(error, SQLAlchemyError | OSError):
            return True
        error = error.__cause__ or error.__context__
    return False
