"""A day's report, whole: what is asked of the lake, in which order, and what comes out.

Here: ``build_report`` and its value. Not here: questions (``sections/``), HTML (``page.py``), drawing (``drawing.py``).

The same lake gives the same bytes: nothing in the report is of the wall clock.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..compliance import Engine, Policy
from ..lake import Lake
from .snapshot import Partitions, open_snapshot


@dataclass(frozen=True)
class Report:
    """A page, a small picture of it, and its headline numbers in words (each with its denominator)."""

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


def build_report(lake: Lake, day: date, partitions: Partitions, *, policy: Policy, engine: Engine) -> Report:
    """The report of one day in the lake, made from ``partitions``. ``policy`` is the one that the day's tables were
    judged by; where their files say otherwise, the report says so.

    Raises UnreadableSnapshot for damaged files. Any table but fleet_summary may be absent: the report says which.
    """
    # Altair and Jinja take their time to load; finding the newest report needs neither.
    from .content import gather
    from .drawing import png
    from .page import render
    from .plots import thumbnail

    with open_snapshot(lake, day, partitions, engine=engine) as snapshot:
        content = gather(snapshot, policy)
    picture = png(thumbnail(content.shares, day))
    return Report(
        day=day,
        as_of=content.as_of,
        title=content.title,
        html=render(content),
        thumbnail_png=picture,
        facts=content.facts,
    )
