"""The status of every tenant, as plain values, and its form for programs.

Here: the values, what the worst of them is, and JSON. Not here: finding them out (``survey.py``), the lines that people
and monitors read (``cli/status.py``), the metrics of Prometheus (``metrics_file.py``).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..doctor import CallsLeft, Inspection, Outcome
from ..version import __version__
from .expiry import Expiry
from .runs import DaemonHistory, TenantRuns
from .tables import TableState

_FROM_BEST = (Outcome.NOT_USED, Outcome.OK, Outcome.WARNING, Outcome.UNKNOWN, Outcome.FAILED)
"""What is not known is worse than a warning: it may be anything."""
EXIT_CODES = {Outcome.NOT_USED: 0, Outcome.OK: 0, Outcome.WARNING: 1, Outcome.FAILED: 2, Outcome.UNKNOWN: 3}
"""Those of monitoring plugins (https://www.monitoring-plugins.org/doc/guidelines.html)."""
PLUGIN_STATES = {Outcome.NOT_USED: "OK", Outcome.OK: "OK", Outcome.WARNING: "WARNING", Outcome.FAILED: "CRITICAL",
          Outcome.UNKNOWN: "UNKNOWN"}  # fmt: skip


def worst(inspections: Iterable[Inspection]) -> Outcome:
    """The worst that was found; ok where nothing was."""
    return max((inspection.outcome for inspection in inspections), key=_FROM_BEST.index, default=Outcome.OK)


@dataclass(frozen=True)
class TenantOverview:
    """A tenant. ``runs``: None where no history is kept."""

    tenant: str
    tables: tuple[TableState, ...] = ()
    quotas: tuple[CallsLeft, ...] = ()
    expiries: tuple[Expiry, ...] = ()
    runs: TenantRuns | None = None
    inspections: tuple[Inspection, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst that was found of this tenant."""
        return worst(self.inspections)


@dataclass(frozen=True)
class Overview:
    """All tenants at one moment. ``late_seconds``: from which age on a table is late. ``inspections`` are about all of
    them; ``is_whole``: every tenant could be looked at in time; ``daemon``: None where no history is kept."""

    checked_at: datetime
    late_seconds: float
    tenants: tuple[TenantOverview, ...]
    inspections: tuple[Inspection, ...] = field(default=())
    is_whole: bool = True
    daemon: DaemonHistory | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst that was found anywhere."""
        return worst([*self.inspections, *(each for tenant in self.tenants for each in tenant.inspections)])

    def to_dict(self) -> dict[str, Any]:
        """What ``status --json`` prints."""
        return {
            "status": PLUGIN_STATES[self.outcome].lower(),
            "exit_code": EXIT_CODES[self.outcome],
            "checked_at": self.checked_at.isoformat(),
            "version": __version__,
            "late_after_seconds": self.late_seconds,
            "findings": [_finding(inspection) for inspection in self.inspections],
            "tenants": [self._tenant(tenant) for tenant in self.tenants],
        }

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def _tenant(self, tenant: TenantOverview) -> dict[str, Any]:
        return {
            "tenant": tenant.tenant,
            "status": PLUGIN_STATES[tenant.outcome].lower(),
            "findings": [_finding(inspection) for inspection in tenant.inspections],
            "last_run": None
            if tenant.runs is None or tenant.runs.last_end is None
            else {"ended_at": tenant.runs.last_end.isoformat(), "succeeded": tenant.runs.last_succeeded},
            "failing": [
                {"table": each.table, "reason": each.reason, "failed_at": each.failed_at.isoformat()}
                for each in (tenant.runs.failing if tenant.runs else ())
            ],
            "expiries": [
                {"kind": each.kind, "ends_at": each.ends_at.isoformat() if each.ends_at else None}
                for each in tenant.expiries
            ],
            "quotas": [
                {
                    "family": quota.family,
                    "calls_left": quota.calls,
                    "calls_per_hour": quota.per_hour,
                    "blocked_seconds": round(quota.blocked_seconds),
                }
                for quota in tenant.quotas
            ],
            "tables": [self._table(state) for state in tenant.tables],
        }

    def _table(self, state: TableState) -> dict[str, Any]:
        age = state.age(self.checked_at)
        return {
            "table": state.table,
            "newest": state.newest.isoformat() if state.newest else None,
            "observed_at": state.observed_at.isoformat() if state.observed_at else None,
            "age_seconds": None if age is None else round(age.total_seconds()),
            "rows": state.rows,
            "bytes": state.bytes,
            "left_out": state.left_out or None,
        }


def finding_alone(inspection: Inspection) -> str:
    """JSON of the same form, where no tenant could be looked at."""
    told = {
        "status": PLUGIN_STATES[inspection.outcome].lower(),
        "exit_code": EXIT_CODES[inspection.outcome],
        "version": __version__,
        "findings": [_finding(inspection)],
        "tenants": [],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _finding(inspection: Inspection) -> dict[str, str]:
    return {
        "area": inspection.area,
        "subject": inspection.subject,
        "status": PLUGIN_STATES[inspection.outcome].lower(),
        "what": inspection.what,
        "remedy": inspection.remedy,
    }
