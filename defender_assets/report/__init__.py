"""The compliance report: one self-contained HTML page per day.

Here: its queries (``sql/``, ``sections/``), plots and page. Not here: computing compliance (``compliance``), Dagster.

    report = build_report(lake, day, partitions, policy=policy, engine=engine)
    address = publish_report(lake, day, report)
"""

from .build import Report, build_report
from .csv_files import publish_csv_files
from .publishing import newest_report, publish_report
from .snapshot import Partitions

__all__ = ["Partitions", "Report", "build_report", "newest_report", "publish_csv_files", "publish_report"]
