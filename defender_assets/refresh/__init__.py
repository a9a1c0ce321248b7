"""From a source to a published partition, in plain Python: inputs, rows, proof, publication, one outcome.

    outcomes = table_refreshes()["machines"].refresh([today], context)

Here: one procedure for every table, wherever its rows come from (a dataset of the service, a public feed, SQL over
other tables, a rendered page). Not here: Dagster (``orchestration/``), the command line (``cli/``).
"""

from .absence import Absence, known_absence, known_absences, left_out_on, was_fetched
from .caught_up import CaughtUp, caught_up, note_caught_up
from .context import RefreshContext
from .days import Window, consecutive, remembered
from .derived import headlines_in_words
from .errors import NotPublished, RefreshError, Stopped, WrongDay
from .observed import TABLE_EVENTS, TableBegan, TableEnded
from .outcome import Fact, FilePath, Link, Markdown, PartitionOutcome, Status, failures
from .progress import Began, Ended, Event, Planned, Progress, in_work, progress_listener, report_plan, report_progress
from .side_by_side import SideBySide, Turn, computed_beside_crawls, inputs_of, turns
from .staleness import Staleness, stale_days
from .stopping import check_not_stopped, request_stop, stop_requested
from .table_refresh import TableRefresh
from .tables import left_out_by_choice, not_made_without, table_refreshes

__all__ = [
    "TABLE_EVENTS",
    "Absence",
    "Began",
    "CaughtUp",
    "Ended",
    "Event",
    "Fact",
    "FilePath",
    "Link",
    "Markdown",
    "NotPublished",
    "PartitionOutcome",
    "Planned",
    "Progress",
    "RefreshContext",
    "RefreshError",
    "SideBySide",
    "Staleness",
    "Status",
    "Stopped",
    "TableBegan",
    "TableEnded",
    "TableRefresh",
    "Turn",
    "Window",
    "WrongDay",
    "caught_up",
    "check_not_stopped",
    "computed_beside_crawls",
    "consecutive",
    "failures",
    "headlines_in_words",
    "in_work",
    "inputs_of",
    "known_absence",
    "known_absences",
    "left_out_by_choice",
    "left_out_on",
    "not_made_without",
    "note_caught_up",
    "progress_listener",
    "remembered",
    "report_plan",
    "report_progress",
    "request_stop",
    "stale_days",
    "stop_requested",
    "table_refreshes",
    "turns",
    "was_fetched",
]
