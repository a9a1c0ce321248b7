"""Statistics of fetching a dataset.

Here: the counts, as facts of the outcome, and the metadata of the files. Not here: checks (``checks.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ...decode import Decoder
from ..outcome import Fact
from .crawl_order import Coverage
from .name_list import name_list


@dataclass
class FetchStatistics:
    """``decoder`` keeps counts of its own. ``fetched_by``: pages, export files or calls per device, in words.
    ``rows_of_other_days``: rows of an event table that were not requested; the service answers with whole six-hour
    windows. ``duplicate_rows``: exact repeats that were dropped. ``generated_time``: when the service made the export,
    in its own words. Only for a crawl: ``coverage``, and ``unknown_devices``, which are in the machine list, but
    the service said that it does not know them; ``scope`` in words, ``devices_out_of_scope``, which are not asked, and
    their rows in the former partition, ``former_rows_out_of_scope``. ``keeps_extra``:
    undeclared members are kept, because none of them may hold a credential."""

    decoder: Decoder
    fetched_by: str = ""
    rows_of_other_days: int = 0
    duplicate_rows: int = 0
    generated_time: str | None = None
    coverage: Coverage | None = None
    unknown_devices: int = 0
    scope: str = ""
    devices_out_of_scope: int = 0
    former_rows_out_of_scope: int = 0
    keeps_extra: bool = True

    def facts(self) -> dict[str, Fact]:
        """Facts for people to read; what did not occur is left out."""
        coverage, counts = self.coverage, self.decoder.counts
        undeclared = counts.unknown_members
        known: dict[str, Fact | None] = {
            "fetched by": self.fetched_by,
            "rows of other days left out": self.rows_of_other_days or None,
            "duplicate rows dropped": self.duplicate_rows or None,
            "rows decoded one at a time": counts.tolerant_rows or None,
            "undeclared fields kept in extra": (name_list(undeclared) or None) if self.keeps_extra else None,
            "undeclared fields left out": None if self.keeps_extra else (len(undeclared) or None),
            "export generated at": self.generated_time,
            "devices": coverage.devices if coverage else None,
            "devices covered": coverage.covered if coverage else None,
            "oldest answer": coverage.oldest if coverage else None,
            "devices unknown to the service": self.unknown_devices or None,
            "scope": self.scope or None,
            "devices out of scope": self.devices_out_of_scope or None,
        }
        return {name: fact for name, fact in known.items() if fact is not None}


def file_metadata(api_host: str, observed_at: datetime) -> dict[str, str]:
    """The metadata of each Parquet file, besides what the lake adds (dataset, tenant, day, version)."""
    return {"observed_at": observed_at.isoformat(), "api_host": api_host}
