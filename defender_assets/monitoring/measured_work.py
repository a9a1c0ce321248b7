"""What is measured of calls and tables, as OpenTelemetry's spans and metrics.

Here: their names, units and attributes. Not here: to whom they are sent (``collector.py``), the numbers of one refresh
(``work.py``).

Attributes name tenants, tables, hosts and statuses, never a device, a person or an address.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..api import CALLS, Call
from ..refresh import TABLE_EVENTS, TableBegan, TableEnded
from ..version import __version__
from .work import RequestCount, TableWork, work_of

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

_NAME = "defender_assets"
_ROOT = "refresh"
"""The span of a whole refresh; those of its tables have their names after it."""
_FLUSH_SECONDS = 5.0
"""A collector that is gone must not hold up the end of a refresh."""


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


class MeasuredWork:
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
