"""What a refresh came to: values handed to whoever tells people about it.

Here: frozen results. Not here: refusals (``errors.py``), Dagster's words for them (``orchestration``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlsplit

from ..api import DefenderClient
from ..catalog import Dataset
from .dataset.crawl_order import Coverage


@dataclass(frozen=True)
class Check:
    """A verdict on the data of this refresh. A failed ``blocking`` check means nothing was published."""

    name: str
    passed: bool
    description: str
    blocking: bool = False
    numbers: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class DayPublished:
    """One partition that was written."""

    date: date
    rows: int
    bytes: int
    uri: str


@dataclass(frozen=True)
class Refreshed:
    """One refresh of one dataset, published."""

    dataset: str
    days: tuple[DayPublished, ...]
    observed_at: datetime
    asked_in: str
    calls: int
    bytes_received: int
    seconds: float
    checks: tuple[Check, ...]
    repeated_rows: int = 0
    tolerant_rows: int = 0
    other_days: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict)
    unknown_members: tuple[str, ...] = ()
    generated_time: str | None = None
    coverage: Coverage | None = None

    @property
    def rows(self) -> int:
        return sum(day.rows for day in self.days)


def file_metadata(dataset: Dataset, client: DefenderClient, observed_at: datetime) -> dict[str, str]:
    """What each Parquet file says of itself, beside its schema and what the lake adds (dataset, tenant, version)."""
    return {
        "observed_at": observed_at.isoformat(),
        "api_host": urlsplit(client.connection.api_url).hostname or "",
    }
