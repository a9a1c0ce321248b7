"""The compliance report: one self-contained HTML page per day.

Here: its queries (``sql/``, ``sections/``), plots and page; the page over all tenants (``tenants/``). Not here:
computing compliance (``compliance``), Dagster.

    report = build_report(lake, day, partitions, policy=policy, engine=engine)
    address = publish_report(lake, day, report)
"""

from .build import Report, build_report
from .csv_files import CSV_FILES, csv_files_of, publish_csv_files
from .publishing import REPORT_PATH, newest_report, page_of, publish_report, report_of
from .snapshot import Partitions

__all__ = [
    "CSV_FILES",
    "REPORT_PATH",
    "Partitions",
    "Report",
    "build_report",
    "csv_files_of",
    "newest_report",
    "page_of",
    "publish_csv_files",
    "publish_report",
    "report_of",
]
