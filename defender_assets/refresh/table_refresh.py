"""How the partitions of one table come about, whatever they come from: inputs, rows, proof, publication, one outcome.

Here: what every table's refresh has in common. Not here: the four kinds (``dataset/``, ``feed.py``, ``derived.py``,
``report.py``), what Dagster makes of them (``orchestration/assets.py``).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date

from ..catalog import Days, Group, Table
from ..errors import DefenderAssetsError
from .context import RefreshContext
from .outcome import Fact, PartitionOutcome
from .progress import Progress, report_progress


class TableRefresh(ABC):
    """One table and the one way to its partitions."""

    name: str
    """Of the table, and of its asset."""
    description: str
    group: Group
    days: Days
    table: Table | None = None
    """Its declaration; None for what is no table (the report)."""
    inputs: tuple[str, ...] = ()
    """Tables of the same day without which there is nothing to compute."""
    optional_inputs: tuple[str, ...] = ()
    """Tables that are used where they are there."""
    checks: Mapping[str, str]
    """Name -> description of every check that an outcome may carry."""
    kinds: frozenset[str] = frozenset({"parquet"})
    """What it is made with, as short labels for the asset graph."""
    tags: Mapping[str, str]
    """Labels to filter the graph by."""
    asks_the_service: bool = False
    """Whether a failure may be the service's, so that trying again later can help."""

    @property
    def is_computed(self) -> bool:
        """Whether it is made from other tables alone, so that it can be made again for any day in the lake."""
        return self.days is Days.DERIVED

    def definition_facts(self) -> Mapping[str, Fact]:
        """What is always true of the table: words and values for people."""
        return {}

    def refresh(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Makes the partitions of these days (UTC); one outcome for each, in their order.

        What can go wrong is in the outcomes, and then the former partition stays as it was. Only what nobody foresaw is
        raised.
        """
        outcomes: list[PartitionOutcome] = []
        for together in self.days_together(sorted(set(days))):
            try:
                self.check_days(together, context)
                context.lake.check_writable()
                outcomes += self.publish(together, context)
            except DefenderAssetsError as error:
                outcomes += [PartitionOutcome.failed(self.name, day, error) for day in together]
            if self.is_computed:
                report_progress(Progress(self.name, len(outcomes), len(days), "days"))
        return outcomes

    def days_together(self, days: Sequence[date]) -> list[tuple[date, ...]]:
        """The days that are made in one go, and that fail together: by default each by itself."""
        return [(day,) for day in days]

    def check_days(self, days: Sequence[date], context: RefreshContext) -> None:
        """Raises WrongDay for days that cannot be made, before anything is asked or written."""
        return

    @abstractmethod
    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Makes the partitions of ``days``, whole or not at all. Raises DefenderAssetsError, and then nothing was
        written."""
