"""Metrics and traces by OpenTelemetry, where its standard environment variables name a collector.

Here: whether anything is sent from this process, beginning with it, and sending what is left at its end. Not here: to
whom it is sent (``collector.py``), what is measured (``measured_work.py``), log lines (``log_lines.py``), the status of
tables (``metrics_file.py``).

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or that of metrics or traces alone) names the collector, which is sent OTLP over HTTP;
the other variables of the standard hold as well (https://opentelemetry.io/docs/specs/otel/protocol/exporter/,
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Without one of these, or without the
extra ``otel``, nothing is measured and nothing is sent.
"""

import logging
import os
import threading
from importlib.util import find_spec

from ..settings import in_dotenv, take_into_environment
from .collector import Signal, providers
from .measured_work import MeasuredWork

_log = logging.getLogger("defender_assets.telemetry")

_started: MeasuredWork | None = None
_is_decided = False
_starting = threading.Lock()


def start_telemetry() -> MeasuredWork | None:
    """The measuring of this process, begun with the first call; None where nothing is to be sent."""
    global _started, _is_decided  # noqa: PLW0603 - a process is measured once
    with _starting:
        if not _is_decided:
            _is_decided = True
            take_into_environment(name for name in in_dotenv() if name.startswith("OTEL_"))
            signals = [signal for signal in Signal if _is_wanted(signal)]
            if signals and _is_installed():
                _started = MeasuredWork(*providers(signals))
        return _started


def flush_telemetry() -> None:
    """Sends what was measured so far, if anything is to be sent; to be called before the process may end."""
    if _started is not None:
        _started.flush()


def _is_wanted(signal: Signal) -> bool:
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
