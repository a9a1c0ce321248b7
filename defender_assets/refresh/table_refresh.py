"""The refresh of one table, wherever its rows come from: inputs, rows, checks, publication, and one outcome per day.

Here: what all refreshes have in common. Not here: the four kinds (``dataset/``, ``feed/``, ``derived.py``,
``report.py``), the assets that Dagster shows (``orchestration/assets.py``).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date

from ..catalog import Days, Group, Table
from ..compliance import InputMissing
from ..errors import DefenderAssetsError
from ..tenant import DEFAULT_TENANT
from .absence import Absence, without_inputs
from .context import RefreshContext
from .errors import WrongDay
from .freed_memory import give_back_freed_memory
from .lost_days import days_over, lost_inputs, without_lost_days
from .observed import observed
from .outcome import Fact, PartitionOutcome
from .progress import Progress, in_work, report_outcomes, report_progress
from .stopping import check_not_stopped


class TableRefresh(ABC):
    """One table, and how its partitions are made."""

    name: str
    """Of the table, and of its asset."""
    description: str
    group: Group
    days: Days
    table: Table | None = None
    """Its declaration; None for the report, which is not a table."""
    inputs: tuple[str, ...] = ()
    """Tables of the same day without which there is nothing to compute."""
    optional_inputs: tuple[str, ...] = ()
    """Tables that are used if they exist."""
    compared_with: tuple[str, ...] = ()
    """Tables that its published rows are compared with. They may be fetched at the same time."""
    checks: Mapping[str, str]
    """Name -> description of every check that an outcome may carry."""
    kinds: frozenset[str] = frozenset({"parquet"})
    """Technologies, as short labels in the asset graph."""
    tags: Mapping[str, str]
    """Labels to filter the asset graph by."""
    asks_the_service: bool = False
    """Whether a failure may be the service's, so that trying again later can help."""

    @property
    def is_computed(self) -> bool:
        """Whether it is made from other tables alone, so that it can be made again for any day in the lake."""
        return self.days is Days.DERIVED

    def definition_facts(self) -> Mapping[str, Fact]:
        """Facts about the table that hold for every partition, for people to read."""
        return {}

    def refresh(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Makes the partitions of these days (UTC); returns one outcome per day, in ascending order.

        Expected errors are reported in the outcomes, and the former partition then stays as it was. Only unexpected
        errors are raised. Days that can no longer be captured are no failure as long as there is another of the days,
        made now or in the lake.
        """
        tenant, ascending = context.lake.tenant or DEFAULT_TENANT, sorted(set(days))
        with in_work(self.name), observed(tenant, self.name, ascending) as told:
            outcomes = self._outcomes(ascending, context)
            report_outcomes(self.name, outcomes)
            told += outcomes
        give_back_freed_memory()
        return outcomes

    def _outcomes(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        wrong = {day: error for day in days if (error := self.wrong_day(day, context))}
        try:
            outcomes = days_over(self.name, days, wrong, context.lake)
        except DefenderAssetsError as error:
            return [PartitionOutcome.failed(self.name, day, error) for day in days]
        rest = sorted(set(days) - {outcome.day for outcome in outcomes})
        for together in self.days_together(rest) if rest else ():
            try:
                check_not_stopped(self.name)
                if absence := self.absence(context):
                    outcomes += [PartitionOutcome.left_out(self.name, day, absence.sentence) for day in together]
                    continue
                context.lake.check_writable()
                outcomes += self._timed(together, context)
            except DefenderAssetsError as error:
                outcomes += self._not_made(together, error, context)
            if self.is_computed and len(days) > 1:
                report_progress(Progress(self.name, len(outcomes), len(days), "days"))
        outcomes = without_lost_days(self.name, outcomes, context.lake)
        return sorted(outcomes, key=lambda outcome: outcome.day)

    def _timed(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of ``publish``, with the time that it took for all of the days."""
        started = time.monotonic()
        with context.lake.storage.cached_listings() if self.is_computed else nullcontext():
            outcomes = self.publish(days, context)
        took: dict[str, Fact] = {"duration in seconds": round(time.monotonic() - started, 2)}
        return [replace(outcome, facts=took | {**outcome.facts}) for outcome in outcomes]

    def compare(self, outcomes: Sequence[PartitionOutcome], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes with the checks for which published rows are compared with other tables; to be called when those
        of ``compared_with`` that are fetched at the same time are there."""
        return list(outcomes)

    def _not_made(
        self, days: Sequence[date], error: DefenderAssetsError, context: RefreshContext
    ) -> list[PartitionOutcome]:
        """The outcomes of days that were not made because of this error."""
        absence = None
        try:
            absence = self.absence_after(error, context)
            if isinstance(error, InputMissing) and days[0] < context.today:
                lost = lost_inputs(error.missing, days[0], context.lake)
                error = InputMissing(self.name, error.missing, lost=lost)
        except DefenderAssetsError:
            pass  # nothing is known of it, so what happened first is told
        if absence is None:
            return [PartitionOutcome.failed(self.name, day, error) for day in days]
        return [PartitionOutcome.left_out(self.name, day, absence.sentence) for day in days]

    def absence(self, context: RefreshContext) -> Absence | None:
        """Why the table is left out, as far as that is known before anything is asked for."""
        return None

    def absence_after(self, error: DefenderAssetsError, context: RefreshContext) -> Absence | None:
        """Why the table is left out, after an error that would be a failure otherwise."""
        if isinstance(error, InputMissing):
            return without_inputs(self.name, error.missing, context.settings, context.lake)
        return None

    def days_together(self, days: Sequence[date]) -> list[tuple[date, ...]]:
        """The days that are made together, and that fail together; by default each day on its own."""
        return [(day,) for day in days]

    def wrong_day(self, day: date, context: RefreshContext) -> WrongDay | None:
        """Why a day cannot be made, as far as that is known before any request is sent; None for one that can."""
        return None

    @abstractmethod
    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Makes the partitions of ``days``, each whole or not at all. Raises DefenderAssetsError, and then the former
        partitions stay (see ``publish_rows`` for a lake that fails between two days)."""
