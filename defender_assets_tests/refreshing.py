"""One refresh of a table in plain Python, for tests that are not about Dagster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from defender_assets.api import DefenderClient
from defender_assets.catalog import Dataset
from defender_assets.lake import Lake
from defender_assets.refresh import Fact, PartitionOutcome, RefreshContext
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.settings import Settings


@dataclass
class Refreshed:
    """The outcome of each day, and what they have in common."""

    outcomes: list[PartitionOutcome]

    @property
    def rows(self) -> int:
        return sum(outcome.rows or 0 for outcome in self.outcomes)

    @property
    def facts(self) -> Mapping[str, Fact]:
        return self.outcomes[-1].facts

    @property
    def failed_checks(self) -> set[str]:
        return {check.name for outcome in self.outcomes for check in outcome.checks if not check.passed}


def refresh_dataset(
    dataset: Dataset, client: DefenderClient, lake: Lake, days: Sequence[date] | None = None
) -> Refreshed:
    """Refreshes these days (today without any) by the settings of the environment; raises what the outcome says."""
    today = datetime.now(UTC).date()
    context = RefreshContext(lake=lake, settings=Settings.load(), today=today, client=lambda: client)
    outcomes = DatasetRefresh(dataset).refresh(days or [today], context)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return Refreshed(outcomes)
