"""What a verb that works for long tells: progress for people, or log lines for programs.

Here: the choice, by ``DEFENDER_LOG_FORMAT``, and the trace around it. Not here: the lines
(``monitoring/log_lines.py``), the measuring (``monitoring/telemetry.py``), the progress (``progress.py``).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .console import before_the_first_error, muted, say_as_log_lines, says_log_lines
from .progress import show_progress

if TYPE_CHECKING:
    from ..settings import Settings

_ROOT_LOGGER = "defender_assets"


@contextmanager
def shown_or_logged(tenant: str) -> Iterator[None]:
    """Shows the progress of everything that is refreshed within this block for the tenant, or, with ``json``, writes
    log lines and nothing else. What is done is measured, where a collector of OpenTelemetry is named."""
    log_if_for_programs(tenant)
    with _measured(tenant):
        if says_log_lines():
            with muted():
                yield
        else:
            with show_progress():
                yield


def log_if_for_programs(tenant: str = "") -> "Settings":
    """Writes log lines from now on, about the ``tenant`` where they do not name another, if the settings say so."""
    from ..settings import Settings

    settings, _ = Settings.readable()  # what is wrong with them is told by those who need them
    if settings.log_format == "json":
        from ..monitoring import start_log_lines

        start_log_lines(settings, tenant)
        say_as_log_lines(logging.getLogger(f"{_ROOT_LOGGER}.cli").log)
    return settings


def log_errors_if_for_programs() -> None:
    """Of a verb whose answer goes to standard output: before the first line to standard error, and before the first
    warning that is logged, the settings are asked whether these are to be log lines. A verb that has nothing to say
    there does not wait for the settings."""
    before_the_first_error(_choose_for_errors)
    logger = logging.getLogger(_ROOT_LOGGER)
    if not any(isinstance(handler, _LastResort) for handler in logger.handlers):
        logger.addHandler(_LastResort(logging.WARNING))


def _choose_for_errors() -> None:
    from ..settings import Settings

    settings, _ = Settings.readable()
    if settings.log_format == "json":
        from ..monitoring import start_log_lines

        start_log_lines(settings)
        say_as_log_lines(logging.getLogger(f"{_ROOT_LOGGER}.cli").log, answers=False)


class _LastResort(logging.Handler):
    """In place of logging's own last resort: what nobody else writes is a log line, if the settings say so."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or leaves it to the handler of the log lines, which comes after this one."""
        if self._others(record.name):
            return
        _choose_for_errors()
        if not self._others(record.name) and logging.lastResort is not None:
            logging.lastResort.handle(record)

    def _others(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


@contextmanager
def _measured(tenant: str) -> Iterator[None]:
    """What happens within this block is one trace, where a collector is named."""
    from ..monitoring import flush_telemetry, start_telemetry

    telemetry = start_telemetry()
    if telemetry is None:
        yield
        return
    try:
        with telemetry.one_trace(tenant):
            yield
    finally:
        flush_telemetry()
