"""The collector that OpenTelemetry's environment variables name.

Here: what sends traces and metrics to it, and what is said where they do not arrive. Not here: whether anything is sent
(``telemetry.py``), what (``measured_work.py``).
"""

import logging
import os
from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING

from ..sanitize import redacted
from ..version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_log = logging.getLogger("defender_assets.telemetry")

_SERVICE = "defender-assets"
_SAID_AGAIN_AFTER_SECONDS = 3_600.0


class Signal(StrEnum):
    """What can be sent, as the standard's variables spell it."""

    TRACES = "TRACES"
    METRICS = "METRICS"


def providers(signals: Collection[Signal]) -> "tuple[TracerProvider | None, MeterProvider | None]":
    """What traces and metrics go to; None for those that are not sent."""
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
    if Signal.TRACES in signals:
        # flush_telemetry waits for as long as it may.
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if Signal.METRICS in signals:
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
