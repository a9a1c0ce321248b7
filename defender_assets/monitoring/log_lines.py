"""Log lines for programs: one JSON object a line on standard error, with ``DEFENDER_LOG_FORMAT=json``.

Here: their form, and the line about each table that was refreshed. Not here: what is measured of it (``work.py``), what
people read at a terminal (``cli/``).

A line has no secret in it: what comes from elsewhere is redacted once more. Nor does it name devices or people.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import IO, Any

import orjson

from ..api import CALLS
from ..refresh import TABLE_EVENTS, TableBegan, TableEnded
from ..sanitize import printable, without_secrets
from ..settings import Settings
from .work import RequestCount, TableWork, work_of

ROOT_LOGGER = "defender_assets"
_log = logging.getLogger(f"{ROOT_LOGGER}.refresh")
_FIELDS = "fields"
"""The attribute of a record that has what is more than its message."""
_WRITTEN = "is_written_as_json"


def start_log_lines(settings: Settings, tenant: str = "") -> None:
    """Lets this process write its log as JSON lines from now on, if the settings say so; to be called any number of
    times. ``tenant``: whom a line is about that does not say so itself."""
    logger = logging.getLogger(ROOT_LOGGER)
    if settings.log_format != "json" or any(isinstance(handler, _JsonLines) for handler in logger.handlers):
        return
    logger.addHandler(_JsonLines(tenant))
    logger.setLevel(logging.INFO)
    lines = _TableLines()
    CALLS.add(lines.requests.note)
    TABLE_EVENTS.add(lines.note)


def log_fields(logger: logging.Logger, level: int, message: str, fields: Mapping[str, Any]) -> None:
    """Writes a line that has more in it than a message."""
    logger.log(level, message, extra={_FIELDS: fields})


def log_line_handler() -> logging.Handler:
    """A handler that writes JSON lines, for a logger that is not below this project's own."""
    return _JsonLines("")


def is_written(record: logging.LogRecord) -> bool:
    """Whether a line was written for the record, or for one that it is a copy of."""
    return hasattr(record, _WRITTEN)


def with_fields(record: logging.LogRecord, fields: Mapping[str, Any]) -> logging.LogRecord:
    """The record, with more in it than its message."""
    setattr(record, _FIELDS, fields)
    return record


class _JsonLines(logging.StreamHandler[IO[str]]):
    """The handler, on whatever standard error is at the moment."""

    def __init__(self, tenant: str) -> None:
        logging.Handler.__init__(self, logging.INFO)
        self.setFormatter(_formatter({"tenant": tenant} if tenant else {}))

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line, and notes so."""
        setattr(record, _WRITTEN, True)
        super().emit(record)

    @property
    def stream(self) -> IO[str]:  # type: ignore[override]
        return sys.stderr


def _formatter(defaults: Mapping[str, str]) -> logging.Formatter:
    import structlog

    def safe(_: Any, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The line in a fixed order, its texts without secrets and without what does not print."""
        first = {name: line.pop(name) for name in ("time", "level", "logger", "message") if name in line}
        everything = {**first, **defaults, **line.pop(_FIELDS, {}), **line}
        return {name: _safe_text(value) if isinstance(value, str) else value for name, value in everything.items()}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.stdlib.ExtraAdder(allow=[_FIELDS]),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            safe,
            structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str).decode()),
        ],
    )


def _safe_text(text: str) -> str:
    return printable(without_secrets(text), keep="\n")


class _TableLines:
    """The listener that writes a line about each refresh of a table when it has ended."""

    def __init__(self) -> None:
        self.requests = RequestCount()

    def note(self, event: TableBegan | TableEnded) -> None:
        if isinstance(event, TableEnded):
            work = work_of(event, self.requests)
            level = logging.ERROR if work.failed else logging.WARNING if work.warnings else logging.INFO
            log_fields(_log, level, f"{work.table}: {work.status}", _fields(work))


def _fields(work: TableWork) -> dict[str, Any]:
    """What the line has of it, without what there is not."""
    fields = {
        "tenant": work.tenant,
        "dataset": work.table,
        "status": work.status,
        "first_day": work.first_day,
        "last_day": work.last_day,
        "rows": work.rows,
        "bytes": work.bytes,
        "calls": work.calls,
        "bytes_received": work.bytes_received,
        "seconds": work.seconds,
        "reason": work.reason,
        "why": work.sentence,
        "warnings": work.warnings,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", ())}
