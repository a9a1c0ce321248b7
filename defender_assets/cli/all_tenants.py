"""The report over all tenants, for the verbs that write it.

Here: whose numbers it sums, and where it was written. Not here: what is in it (``report/tenants/``).
"""

from datetime import date
from typing import TYPE_CHECKING

from ..tenant import ALL_TENANTS
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from ..queries.tenants import Summaries
    from ..settings import Settings


def summaries(settings: "Settings", day: date | None = None) -> "Summaries | None":
    """The tenants of the list, or without a list those of the lake, on a day, by default the newest; None where none
    was judged. Raises SettingsError, LakeError."""
    from ..queries.tenants import summaries_of

    return summaries_of(lake_to_read(settings, ALL_TENANTS), day)


def write_report(settings: "Settings", found: "Summaries") -> str:
    """Writes the report over all tenants, and gives its address. Raises LakeNotWritable."""
    from ..lake import Lake
    from ..report.tenants import publish_report_of_all

    return publish_report_of_all(Lake(settings.lake, ALL_TENANTS), found, settings.organisation)
