"""The compliance report: one self-contained HTML page per day, for those who look rather than ask.

Here: what it says (``sections``), its plots and its page. Not here: computing compliance (``compliance``), Dagster.

    report = build_report(lake, day, partitions, policy=policy, engine=engine)
    address = publish_report(lake, day, report)
"""

from .document import Report, build_report
from .place import newest_report, publish_report
from .snapshot import NEEDED, Partitions

__all__ = ["NEEDED", "Partitions", "Report", "build_report", "newest_report", "publish_report"]
