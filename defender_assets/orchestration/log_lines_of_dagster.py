"""What is logged through Dagster, by runs, schedules and sensors, as JSON lines too.

Here: the logger that Dagster makes for the console of each run and tick. Not here: the form of the lines
(``monitoring/log_lines.py``), what Dagster's own processes log (``serve/processes.py``).

Dagster has no setting for it: such a logger writes in colours, whatever ``--log-format`` says. Only that it does is
replaced; what the UI shows of a run or a tick is kept as before.
"""

import copy
import logging

import dagster._loggers as loggers_of_runs
from dagster._core.definitions import instigation_logger as logger_of_ticks
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR

from ..monitoring import is_written, log_line_handler, with_fields

_FIELDS = {"name": "tick", "run_id": "run", "step_key": "step"}
"""What Dagster knows of a record -> the field that it has in the line."""


def write_dagsters_log_as_json() -> None:
    """From now on, in this process."""
    for module in (logger_of_ticks, loggers_of_runs):
        module.create_console_logger = _console_logger  # type: ignore[attr-defined]  # no seam of its own


def _console_logger(name: str, level: str | int) -> logging.Logger:
    logger = logging.Logger(name, level)
    logger.addHandler(_JsonLines())
    return logger


class _JsonLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._lines = log_line_handler()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the message as it was logged; whose run or tick it is has fields of its own."""
        if is_written(record):
            return  # logged by this project: dagster.yaml lets Dagster keep that too (managed_python_loggers)
        told = getattr(record, LOG_RECORD_METADATA_ATTR, None)
        if told is not None:
            # A copy: others write the record after this.
            record = copy.copy(record)
            record.msg, record.args = told["orig_message"], ()
            record = with_fields(record, {field: told[name] for name, field in _FIELDS.items() if told.get(name)})
        if record.levelno >= self._lines.level:
            self._lines.handle(record)
