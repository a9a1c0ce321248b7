"""The status as metrics in a file, for the textfile collector of Prometheus' node_exporter.

Here: which metrics there are, and writing the file whole or not at all. Not here: what they are made from
(``survey.py``).

https://github.com/prometheus/node_exporter#textfile-collector. Times are absolute, so that an alert on their age holds
even where nobody writes the file any more. No label has more in it than the names of tenants, tables and quotas.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DefenderAssetsError
from ..sanitize import brief
from ..version import __version__
from .overview import EXIT_CODES, Overview

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

_PREFIX = "defender_assets_"
_READABLE_BY_ALL = 0o644
"""The collector is another user."""


class MetricsNotWritten(DefenderAssetsError):
    """The file of metrics could not be written; a former one stays as it was."""

    reason = "metrics_not_written"


def write_metrics(overview: Overview, file: Path) -> None:
    """Writes the metrics of all tenants to ``file``, in place of what it was. Raises MetricsNotWritten."""
    # Imported here, because few have such a file and everybody would wait for the library.
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Metrics(overview))
    # Not ending in .prom, so that the collector does not read it while it is written.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as stream:
            stream.write(generate_latest(registry))
            os.fchmod(stream.fileno(), _READABLE_BY_ALL)
        draft.replace(file)
    except OSError as error:
        raise MetricsNotWritten(
            f"The metrics could not be written to {file} ({brief(error)})",
            remedy="Let DEFENDER_METRICS_FILE name a file in a folder that exists and that this user can write.",
        ) from None
    finally:
        with suppress(OSError):  # what stands in the way of writing it does here, too
            draft.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)  # the library keeps it in a dictionary
class _Metrics:
    """The families of metrics, each with all of its samples: a collector of the library."""

    _overview: Overview

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        build = _gauge("build_info", "The version that wrote this file.", "version")
        build.add_metric([__version__], 1)
        yield build
        checked = _gauge("checked_timestamp_seconds", "When this file was written.")
        checked.add_metric([], self._overview.checked_at.timestamp())
        yield checked
        late = _gauge("late_after_seconds", "From which age on a table is late; after twice as long it is critical.")
        late.add_metric([], self._overview.late_seconds)
        yield late
        overall = _gauge("overall_status", "The exit code of defender-assets status: also of what is no tenant's.")
        overall.add_metric([], EXIT_CODES[self._overview.outcome])
        yield overall
        yield from self._of_daemon()
        yield from self._of_tenants()
        yield from self._of_tables()
        yield from self._of_quotas()

    def _of_daemon(self) -> "Iterator[GaugeMetricFamily]":
        daemon = self._overview.daemon
        heard = _gauge("daemon_heard_timestamp_seconds", "When Dagster's daemon was last heard of.")
        ticks = _gauge("tick_failing", "The last look of a schedule or sensor failed.", "name")
        if daemon is not None and daemon.heard_at is not None:
            heard.add_metric([], daemon.heard_at.timestamp())
        for name in daemon.failed_ticks if daemon is not None else ():
            ticks.add_metric([name], 1)
        yield from (heard, ticks)

    def _of_tenants(self) -> "Iterator[GaugeMetricFamily]":
        status = _gauge("status", "0 ok, 1 warning, 2 critical, 3 unknown: as defender-assets status.", "tenant")
        last_end = _gauge("last_run_end_timestamp_seconds", "When the last run ended.", "tenant")
        succeeded = _gauge("last_run_succeeded", "Whether it succeeded.", "tenant")
        expiry = _gauge("expiry_timestamp_seconds", "When what the login depends on ends.", "tenant", "kind")
        known = _gauge("expiry_known", "1: when it ends is known; 0: nobody here can know it.", "tenant", "kind")
        for tenant in self._overview.tenants:
            status.add_metric([tenant.tenant], EXIT_CODES[tenant.outcome])
            if tenant.runs is not None and tenant.runs.last_end is not None:
                last_end.add_metric([tenant.tenant], tenant.runs.last_end.timestamp())
                succeeded.add_metric([tenant.tenant], int(bool(tenant.runs.last_succeeded)))
            for each in tenant.expiries:
                known.add_metric([tenant.tenant, each.kind], int(each.ends_at is not None))
                if each.ends_at is not None:
                    expiry.add_metric([tenant.tenant, each.kind], each.ends_at.timestamp())
        yield from (status, last_end, succeeded, expiry, known)

    def _of_tables(self) -> "Iterator[GaugeMetricFamily]":
        labels = ("tenant", "table")
        expected = _gauge("table_expected", "1: the table is to be there; 0: it is left out.", *labels)
        observed = _gauge("table_observed_timestamp_seconds", "When its newest partition was read.", *labels)
        rows = _gauge("table_rows", "Rows of its newest partition.", *labels)
        size = _gauge("table_bytes", "Bytes of its newest partition.", *labels)
        failing = _gauge("table_failing", "Whether its last attempt failed, where a history is kept.", *labels)
        for tenant in self._overview.tenants:
            failed = {each.table for each in tenant.runs.failing} if tenant.runs is not None else None
            for state in tenant.tables:
                labelled = [tenant.tenant, state.table]
                expected.add_metric(labelled, int(not state.left_out))
                if state.observed_at is not None:
                    observed.add_metric(labelled, state.observed_at.timestamp())
                if state.rows is not None:
                    rows.add_metric(labelled, state.rows)
                if state.bytes is not None:
                    size.add_metric(labelled, state.bytes)
                if failed is not None:
                    failing.add_metric(labelled, int(state.table in failed))
        yield from (expected, observed, rows, size, failing)

    def _of_quotas(self) -> "Iterator[GaugeMetricFamily]":
        labels = ("tenant", "family")
        left = _gauge("quota_calls_left", "Calls left of the hour's quota, as counted here.", *labels)
        of_hour = _gauge("quota_calls_per_hour", "Calls that the service allows in an hour.", *labels)
        blocked = _gauge("quota_blocked_seconds", "For how long the service wants no calls.", *labels)
        for tenant in self._overview.tenants:
            for quota in tenant.quotas:
                labelled = [tenant.tenant, quota.family]
                left.add_metric(labelled, quota.calls)
                of_hour.add_metric(labelled, quota.per_hour)
                blocked.add_metric(labelled, quota.blocked_seconds)
        yield from (left, of_hour, blocked)


def _gauge(name: str, meaning: str, *labels: str) -> "GaugeMetricFamily":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"{_PREFIX}{name}", meaning, labels=labels)
