"""Tenants for which a schedule starts no run, because it would fail for the reason that the last one told.

Here: the look at each tenant before a run is requested, and what Dagster's history tells of its last run. Not here:
looks that a sensor makes less often (``pauses.py``), asking the service (``probe.py``).

A tenant whose secret is wrong, whose role was taken away, or whose service is silent would have a failed run each hour,
and a message about it. The first one tells; after that one look at each tick, and a run again once it is answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from ...api import BrokenAnswer, NotFound, ServiceFault, Throttled, Unreachable
from ...catalog.devices import MACHINES
from ...errors import DefenderAssetsError
from ...settings import DAILY_REFRESH, HOURLY_INVENTORY
from ..failures import failure_of
from ..partitions import TenantDays
from ..run_history import failed_tables
from ..run_tags import LAUNCHED_BY, OF_TENANT
from .all_tenants import SECONDS_OF_A_LOOK, TenantLooks
from .probe import TenantProbes

_ASKS_FOR_MACHINES = [DAILY_REFRESH, HOURLY_INVENTORY]
_MOST_RUNS = 10
"""Runs for the past days of event tables are among them, which say nothing of the machines."""
_NO_REFUSAL = (Throttled, ServiceFault, BrokenAnswer, NotFound)
"""A run waits longer than a look, and an empty list of machines is an answer."""


@dataclass(frozen=True)
class Refusal:
    """Why a tenant's machines cannot be had: a reason code, and the sentence."""

    reason: str
    sentence: str


def told_refusals(
    context: dg.ScheduleEvaluationContext, probes: TenantProbes, tenants: Sequence[str], partitions: TenantDays
) -> Mapping[str, str]:
    """Those of the tenants that refuse now, or do not answer, and whose last run failed for that reason, with the
    sentence."""
    if context.instance_ref is None:  # evaluated without a daemon, so there are no runs either
        return {}
    looked = TenantLooks[Refusal | None]().look(tenants, lambda tenant: _refusal(probes, tenant))
    no_answer = Refusal(Unreachable.reason, f"no answer in {SECONDS_OF_A_LOOK:.0f} s")
    refusals = {tenant: refusal for tenant, refusal in looked.results.items() if refusal is not None}
    refusals |= dict.fromkeys(looked.silent, no_answer)
    return {
        tenant: refusal.sentence
        for tenant, refusal in refusals.items()
        if refusal.reason == _last_told(context.instance, tenant, partitions)
    }


def _refusal(probes: TenantProbes, tenant: str) -> Refusal | None:
    try:
        with probes.open(tenant) as probe:
            probe.ask_for_machine()
    except _NO_REFUSAL:
        return None
    except DefenderAssetsError as error:
        return Refusal(error.reason, failure_of(error).description or "")
    return None


def _last_told(instance: dg.DagsterInstance, tenant: str, partitions: TenantDays) -> str | None:
    """The reason for which the tenant's machines were not made by the last run that was to make them; None if they
    were, or were never."""
    tags: dict[str, str | list[str]] = {LAUNCHED_BY: _ASKS_FOR_MACHINES}
    if partitions.has_tenants:
        tags[OF_TENANT] = tenant
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=ended), limit=_MOST_RUNS):
        if dg.AssetKey(MACHINES.name) in (run.asset_selection or ()):
            told = {failed.table: failed.reason for failed in failed_tables(instance, run)}
            return told.get(MACHINES.name)
    return None
