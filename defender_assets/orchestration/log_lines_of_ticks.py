"""What schedules and sensors log while they are evaluated, as JSON lines too.

Here: the logger that Dagster makes for the console of each tick. Not here: the form of the lines
(``monitoring/log_lines.py``), what Dagster's own processes log (``serve/processes.py``).

Dagster has no setting for it: a tick's logger writes in colours, whatever ``--log-format`` says. Only that it does is
replaced; what the UI shows of a tick is kept as before.
"""

import copy
import logging

from dagster._core.definitions import instigation_logger
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR

from ..monitoring import log_line_handler, with_fields


def write_ticks_as_json() -> None:
    """From now on, in this process."""
    instigation_logger.create_console_logger = _console_logger  # type: ignore[attr-defined]  # no seam of its own


def _console_logger(name: str, level: str | int) -> logging.Logger:
    logger = logging.Logger(name, level)
    logger.addHandler(_LinesOfTick())
    return logger


class _LinesOfTick(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._lines = log_line_handler()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the message as it was logged; whose tick it is has a field of its own."""
        told = getattr(record, LOG_RECORD_METADATA_ATTR, None)
        if told is not None:
            # A copy: others write the record after this.
            record = copy.copy(record)
            record.msg, record.args = told["orig_message"], ()
            record = with_fields(record, {"tick": told["name"]})
        self._lines.handle(record)
