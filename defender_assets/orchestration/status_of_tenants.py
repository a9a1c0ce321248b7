"""The status of all tenants, with what Dagster's history tells of them, and the file of metrics made from it.

Here: opening the history that is kept, and when the file is written. Not here: what is looked at
(``monitoring/survey.py``), reading the history (``run_history.py``), the metrics (``monitoring/metrics_file.py``).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from ..monitoring import Overview, RunHistory, survey, write_metrics
from ..settings import Settings, expanded, kept_home, tenant_names
from .dagster_home import open_home
from .run_history import run_history


def status_of(settings: Settings, tenants: Sequence[str]) -> Overview:
    """The status of these tenants."""
    return survey(settings, tenants, lambda: _kept_history(settings))


def write_metrics_file(settings: Settings, instance: dg.DagsterInstance | None = None) -> None:
    """Writes the file of metrics, if the settings name one; ``instance``: the history, where it is open already. Raises
    MetricsNotWritten and SettingsError."""
    if settings.metrics_file is None:
        return
    tenants = tenant_names(settings)
    if instance is None or not instance.is_persistent:
        overview = status_of(settings, tenants)
    else:
        overview = survey(settings, tenants, lambda: run_history(instance, tenants, _beginning(settings)))
    write_metrics(overview, expanded(settings.metrics_file))


def _kept_history(settings: Settings) -> RunHistory | None:
    home = kept_home()
    if home is None:
        return None
    with open_home(home.folder, named=home.named) as instance:
        return run_history(instance, tenant_names(settings), _beginning(settings))


def _beginning(settings: Settings) -> datetime:
    """A failure before then is one of a table that is late."""
    return datetime.now(UTC) - timedelta(hours=2 * settings.late_after_hours)
