"""Reports in the lake: ``compliance_report/tenant=NAME/snapshot_date=YYYY-MM-DD/report.html``.

Here: publishing one, finding the newest. Not here: what is in it (``build.py``).
"""

from datetime import date

from ..lake import Lake
from .build import Report

COMPLIANCE_REPORT, FILE = "compliance_report", "report.html"


def publish_report(lake: Lake, day: date, report: Report) -> str:
    """Publishes the report in one step, and returns its address (a path or a URL). Raises LakeNotWritable."""
    return lake.files.publish(COMPLIANCE_REPORT, day, FILE, report.html)


def newest_report(lake: Lake) -> str | None:
    """The address of the newest report, or None."""
    return lake.files.newest(COMPLIANCE_REPORT, FILE)
