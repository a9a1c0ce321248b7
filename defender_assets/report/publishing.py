"""Reports in the lake: ``compliance_report/tenant=NAME/snapshot_date=YYYY-MM-DD/report.html``.

Here: publishing one, finding the newest. Not here: what is in it (``build.py``).
"""

from datetime import date
from urllib.parse import quote

from ..lake import Lake
from .build import Report

COMPLIANCE_REPORT, REPORT_FILE = "compliance_report", "report.html"
REPORT_PATH = "/compliance_report/{tenant}/{day}/{file}"
"""Where the web server of ``defender-assets serve`` has a report; that of ``dagster dev`` serves no files."""


def page_of(tenant: str, day: date) -> str:
    """The path of a day's report on that web server."""
    return REPORT_PATH.format(tenant=quote(tenant, safe=""), day=day, file=REPORT_FILE)


def publish_report(lake: Lake, day: date, report: Report) -> str:
    """Publishes the report in one step, and returns its address (a path or a URL). Raises LakeNotWritable."""
    return lake.files.publish(COMPLIANCE_REPORT, day, REPORT_FILE, report.html)


def newest_report(lake: Lake) -> str | None:
    """The address of the newest report, or None."""
    return lake.files.newest(COMPLIANCE_REPORT, REPORT_FILE)


def report_of(lake: Lake, day: date) -> str | None:
    """The address of the report of that day, or None."""
    if not lake.files.is_there(COMPLIANCE_REPORT, day, REPORT_FILE):
        return None
    return lake.files.address(COMPLIANCE_REPORT, day, REPORT_FILE)
