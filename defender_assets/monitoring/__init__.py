"""What a monitor is told: how fresh the tables are, what failed, what will run out; log lines, measurements, traces.

Here: the status of all tenants from the lake and the settings, and its forms. Not here: Dagster's own history
(``orchestration/run_history.py``), words for a terminal (``cli/status.py``), what is wrong between the settings and the
tables (``doctor/``).

Nothing here says more of a device or a person than how many there are.
"""

from .expiry import Expiry, expiries_of, judge_expiries
from .log_lines import is_written, log_line_handler, start_log_lines, with_fields
from .metrics_file import MetricsNotWritten, write_metrics
from .overview import Overview, TenantOverview
from .runs import DaemonHistory, FailingTable, RunHistory, TenantRuns
from .survey import survey
from .tables import TableState
from .telemetry import flush_telemetry, start_telemetry

__all__ = [
    "DaemonHistory",
    "Expiry",
    "FailingTable",
    "MetricsNotWritten",
    "Overview",
    "RunHistory",
    "TableState",
    "TenantOverview",
    "TenantRuns",
    "expiries_of",
    "flush_telemetry",
    "is_written",
    "judge_expiries",
    "log_line_handler",
    "start_log_lines",
    "start_telemetry",
    "survey",
    "with_fields",
    "write_metrics",
]
