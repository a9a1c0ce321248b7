"""Where reports lie in the lake: ``compliance_report/tenant=NAME/snapshot_date=YYYY-MM-DD/report.html``.

Here: putting one there, finding the newest. Not here: what is in it (``document.py``).
"""

from datetime import date

from ..lake import Lake
from .document import Report

TABLE, FILE = "compliance_report", "report.html"


def publish_report(lake: Lake, day: date, report: Report) -> str:
    """Puts the report in its place in one step, and gives its address (a path or a URL). Raises LakeNotWritable."""
    return lake.publish_file(TABLE, day, FILE, report.html)


def newest_report(lake: Lake) -> str | None:
    """The address of the newest report, None where there is none."""
    return lake.newest_file(TABLE, FILE)
