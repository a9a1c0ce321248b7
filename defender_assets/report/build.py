"""Building a day's report from the lake.

Here: ``build_report`` and its result. Not here: queries (``sections/``, ``sql/``), HTML (``page.py``), drawing
(``chart_images.py``).

The same lake gives the same bytes: nothing in the report comes from the wall clock.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from ..compliance import Engine, Policy
from ..lake import Lake
from .files_beside import NO_FILES, CsvFiles
from .snapshot import Partitions, open_snapshot


@dataclass(frozen=True)
class Report:
    """A page, a small picture of it, and its headline numbers as texts (each with its denominator)."""

    day: date
    as_of: datetime | None
    title: str
    html: bytes
    thumbnail_png: bytes
    facts: Mapping[str, str]

    @property
    def thumbnail_uri(self) -> str:
        """The picture as a data URI, under 100 KB."""
        return "data:image/png;base64," + base64.b64encode(self.thumbnail_png).decode()


def build_report(
    lake: Lake,
    day: date,
    partitions: Partitions,
    *,
    policy: Policy,
    engine: Engine,
    left_out: Mapping[str, str] = MappingProxyType({}),
    organisation: str | None = None,
    names_users: bool = True,
    csv_files: CsvFiles = NO_FILES,
) -> Report:
    """The report of one day in the lake, made from ``partitions``. ``policy`` is the one that the day's tables were
    judged by; where their files say otherwise, the report says so. ``left_out``: table -> why it is absent on purpose.
    ``organisation`` is the name at its head; ``names_users`` says whether devices open to their users, ``csv_files``
    what is put beside it.

    Raises UnreadableSnapshot for damaged files. Any table but fleet_summary may be absent: the report says which.
    """
    # Altair and Jinja are slow to import, and finding the newest report needs neither.
    from .chart_images import png
    from .content import gather
    from .page import render
    from .plots import thumbnail

    with open_snapshot(lake, day, partitions, engine=engine, left_out=left_out) as snapshot:
        content = gather(snapshot, policy, organisation, names_users, csv_files)
    picture = png(thumbnail(content.trend.now.compliant_pct, day))
    return Report(
        day=day,
        as_of=content.as_of,
        title=content.title,
        html=render(content),
        thumbnail_png=picture,
        facts=content.facts,
    )
