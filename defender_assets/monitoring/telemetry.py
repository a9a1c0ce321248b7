"""Metrics and traces by OpenTelemetry, where its standard environment variables name a collector.

Here: what is measured, and to whom it is sent. Not here: log lines (``log_lines.py``), the status of tables
(``metrics_file.py``), the numbers of one refresh (``work.py``).

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or that of metrics or traces alone) names the collector, which is sent OTLP over HTTP;
the other variables of the standard hold as well (https://opentelemetry.io/docs/specs/otel/protocol/exporter/,
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Without one of these, or without the
extra ``otel``, nothing is measured and nothing is sent. Attributes name tenants, tables, hosts and statuses, never a
device, a person or an address.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..api import CALLS, Call
from ..refresh import TABLE_EVENTS, TableBegan, TableEnded
from ..sanitize import redacted
from ..settings import in_dotenv, take_into_environment
from ..version import __version__
from .work import RequestCount, TableWork, work_of

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_log = logging.getLogger("defender_assets.telemetry")

_NAME = "defender_assets"
_SERVICE = "defender-assets"
_ROOT = "refresh"
"""The span of a whole refresh; those of its tables have their names after it."""
_SIGNALS = ("TRACES", "METRICS")
_FLUSH_SECONDS = 5.0
"""A collector that is gone must not hold up the end of a refresh."""
_SAID_AGAIN_AFTER_SECONDS = 3_600.0

_started: "Telemetry | None" = None
_is_decided = False
_starting = threading.Lock()


def start_telemetry() -> "Telemetry | None":
    """The measuring of this process, begun with the first call; None where nothing is to be sent."""
    global _started, _is_decided  # noqa: PLW0603 - a process is measured once
    with _starting:
        if not _is_decided:
            _is_decided = True
            take_into_environment(name for name in in_dotenv() if name.startswith("OTEL_"))
            signals = [signal for signal in _SIGNALS if _is_wanted(signal)]
            if signals and _is_installed():
                _started = Telemetry(*_providers(signals))
        return _started


def flush_telemetry() -> None:
    """Sends what was measured so far, if anything is to be sent; to be called before the process may end."""
    if _started is not None:
        _started.flush()


def _is_wanted(signal: str) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() != "otlp":
        return False
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(os.environ.get(name, "").strip() for name in names)


def _is_installed() -> bool:
    if all(find_spec(name) for name in ("opentelemetry", "requests")) and find_spec("opentelemetry.sdk"):
        return True
    _log.warning(
        "OTEL_EXPORTER_OTLP_ENDPOINT names a collector, but nothing is sent: it takes  pip install "
        "'defender-assets[otel]'"
    )
    return False


def _providers(signals: list[str]) -> "tuple[TracerProvider | None, MeterProvider | None]":
    """What traces and metrics go to."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    library = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _ToldOnce) for handler in library.handlers):
        library.addHandler(_ToldOnce(logging.WARNING))
        library.propagate = False
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    defaults = {"service.version": __version__}
    if not os.environ.get("OTEL_SERVICE_NAME") and "service.name=" not in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        defaults["service.name"] = _SERVICE
    resource = Resource.create(defaults)
    tracers: TracerProvider | None = None
    meters: MeterProvider | None = None
    if "TRACES" in signals:
        tracers = TracerProvider(
            resource=resource, shutdown_on_exit=False
        )  # flush_telemetry waits for as long as it may
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if "METRICS" in signals:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    return tracers, meters


class _ToldOnce(logging.Handler):
    """What the library has to say, once an hour at most, and without the address and its headers."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._told_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        if record.created - self._told_at >= _SAID_AGAIN_AFTER_SECONDS:
            self._told_at = record.created
            _log.warning("Metrics and traces could not be sent to the collector: %s", redacted(record.getMessage()))


@dataclass
class _Sums:
    """What all tables of a trace came to. ``calls`` were made to the API, and ``bytes_received`` from it and the
    storage, also before a table began."""

    tenants: set[str] = field(default_factory=set)
    tables: int = 0
    failed: int = 0
    rows: int = 0
    calls: int = 0
    bytes_received: int = 0

    def add(self, work: TableWork) -> None:
        self.tenants.add(work.tenant)
        self.tables += 1
        self.failed += work.failed
        self.rows += work.rows or 0


class Telemetry:
    """The listener that makes spans and measurements of what happens in this process."""

    def __init__(self, tracers: "TracerProvider | None", meters: "MeterProvider | None") -> None:
        from opentelemetry import metrics, trace

        self._providers: list[Any] = [provider for provider in (tracers, meters) if provider is not None]
        self._tracer = (tracers or trace.NoOpTracerProvider()).get_tracer(_NAME, __version__)
        meter = (meters or metrics.NoOpMeterProvider()).get_meter(_NAME, __version__)
        self._refreshes = meter.create_counter("defender_assets.refreshes", "{refresh}", "Refreshes of a table.")
        self._durations = meter.create_histogram(
            "defender_assets.refresh.duration", "s", "How long the refresh of a table took."
        )
        self._rows = meter.create_gauge("defender_assets.table.rows", "{row}", "Rows that a refresh published.")
        self._bytes = meter.create_counter("defender_assets.written", "By", "Bytes written to the lake.")
        self._calls = meter.create_histogram(
            "http.client.request.duration", "s", "How long a request to the service or its storage took."
        )
        self._received = meter.create_counter("defender_assets.received", "By", "Bytes received, as packed.")
        self._requests = RequestCount()
        self._open: dict[tuple[str, str], Span] = {}
        self._root: Span | None = None
        self._run: dict[str, str] | None = None
        self._sums = _Sums()
        self._lock = threading.Lock()
        CALLS.add(self._note_call)
        TABLE_EVENTS.add(self._note_table)

    @contextmanager
    def one_trace(self, tenant: str) -> Iterator[None]:
        """Within this block all tables are parts of one trace, which ends with their sums."""
        with self._lock:
            self._begin_root({"defender_assets.tenant": tenant})
        try:
            yield
        finally:
            self._end_root()

    def begin_run(self, run_id: str) -> None:
        """From its first table on, a run of Dagster in this process is one trace, until ``end_run``; one within
        ``one_trace`` belongs to that."""
        with self._lock:
            if self._root is None:
                self._run = {"defender_assets.run_id": run_id}

    def end_run(self) -> None:
        """Ends the trace of the run that was begun, if there is one."""
        if self._run is not None:
            self._run = None
            self._end_root()

    def _begin_root(self, attributes: dict[str, str]) -> None:
        self._sums = _Sums()
        self._root = self._tracer.start_span(_ROOT, attributes=attributes)

    def _end_root(self) -> None:
        from opentelemetry.trace import StatusCode

        with self._lock:
            root, self._root, sums = self._root, None, self._sums
        if root is None:
            return
        for name, value in asdict(sums).items():
            root.set_attribute(f"defender_assets.{name}", sorted(value) if isinstance(value, set) else value)
        if sums.failed:
            root.set_attribute("error.type", "table_failed")
            root.set_status(StatusCode.ERROR, f"{sums.failed} of {sums.tables} tables failed")
        root.end()

    def flush(self) -> None:
        """Sends what was measured so far, and waits for some seconds at most."""
        # The library's own limits are not kept while it tries a collector again that does not answer.
        sending = [threading.Thread(target=provider.force_flush, daemon=True) for provider in self._providers]
        for thread in sending:
            thread.start()
        until = time.monotonic() + _FLUSH_SECONDS
        for thread in sending:
            thread.join(max(0.0, until - time.monotonic()))

    def _note_table(self, event: TableBegan | TableEnded) -> None:
        if isinstance(event, TableBegan):
            self._begin(event)
        else:
            self._end(event)

    def _begin(self, event: TableBegan) -> None:
        attributes = {"defender_assets.tenant": event.tenant, "defender_assets.table": event.table}
        if event.days:
            attributes |= {"defender_assets.first_day": str(min(event.days))}
            attributes |= {"defender_assets.last_day": str(max(event.days))}
        with self._lock:
            if self._root is None and self._run is not None:
                self._begin_root(self._run)
        span = self._tracer.start_span(
            f"{_ROOT} {event.table}", _below(self._root), attributes=attributes, start_time=_nanoseconds(event.at)
        )
        self._open[event.tenant, event.table] = span

    def _end(self, event: TableEnded) -> None:
        from opentelemetry.trace import StatusCode

        work = work_of(event, self._requests)
        labels = {"tenant": work.tenant, "table": work.table}
        with_status = labels | {"status": work.status} | ({"error.type": work.reason} if work.reason else {})
        self._refreshes.add(1, with_status)
        self._durations.record(event.seconds, with_status)
        if work.rows is not None:
            self._rows.set(work.rows, labels)
        if work.bytes is not None:
            self._bytes.add(work.bytes, labels)
        with self._lock:
            self._sums.add(work)
        span = self._open.pop((work.tenant, work.table), None)
        if span is None:
            return
        span.set_attributes({f"defender_assets.{name}": value for name, value in (
            ("status", work.status), ("calls", work.calls), ("bytes_received", work.bytes_received),
            ("rows", work.rows), ("warnings", len(work.warnings)),
        ) if value is not None})  # fmt: skip
        if work.failed:
            span.set_attribute("error.type", work.reason or work.status)
            span.set_status(StatusCode.ERROR, work.reason)
        span.end(_nanoseconds(event.began.at + event.seconds))

    def _note_call(self, call: Call) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        self._requests.note(call)
        with self._lock:
            self._sums.calls += call.service == "api"
            self._sums.bytes_received += call.bytes_received
        attributes: dict[str, str | int] = {
            "http.request.method": "GET",
            "server.address": call.host,
            "tenant": call.tenant,
            "table": call.dataset,
            "to": call.service,
        }
        if call.status:
            attributes["http.response.status_code"] = call.status
        if not call.status or call.status >= 400:
            attributes["error.type"] = str(call.status) if call.status else "no_response"
        self._calls.record(call.seconds, attributes)
        self._received.add(call.bytes_received, {"tenant": call.tenant, "table": call.dataset})
        parent = self._open.get((call.tenant, call.dataset)) or self._root
        began = _nanoseconds(call.began_at)
        span = self._tracer.start_span("GET", _below(parent), SpanKind.CLIENT, attributes, start_time=began)
        span.set_attribute("http.response.body.size", call.bytes_received)
        if "error.type" in attributes:
            span.set_status(StatusCode.ERROR)
        span.end(_nanoseconds(call.began_at + call.seconds))


def _below(parent: "Span | None") -> Any:
    """The context of a span below that one; an empty one, for a trace of its own, without."""
    from opentelemetry.context import Context
    from opentelemetry.trace import set_span_in_context

    return set_span_in_context(parent, Context()) if parent is not None else Context()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
