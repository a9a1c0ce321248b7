"""What a verb that works for long tells: progress for people, or log lines for programs.

Here: the choice, by ``DEFENDER_LOG_FORMAT``, and the trace around it. Not here: the lines
(``monitoring/log_lines.py``), the measuring (``monitoring/telemetry.py``), the progress (``progress.py``).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .console import muted, say_as_log_lines, says_log_lines
from .progress import show_progress

if TYPE_CHECKING:
    from ..settings import Settings


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
        say_as_log_lines(logging.getLogger("defender_assets.cli").log)
    return settings


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
