"""The tenants of one step: each is refreshed, and fails, alone.

Here: the outcomes of each. Not here: which tenants and days a step has (``requested_days.py``), who has a turn when
(``tenants_of_run.py``), who is not asked any more (``silent_tenants.py``), the events of the step (``assets.py``).

A person who makes today's tables of all tenants in the UI, a backfill, and the automation that finds two tenants ready
at once start one run over several tenants. One that is refused, or whose service is silent, costs the others nothing
but a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dagster as dg

from ..errors import DefenderAssetsError
from ..quantity import quantity
from ..refresh import PartitionOutcome, RefreshContext, TableRefresh, failures
from .failures import OF_TENANTS, failure_of_days
from .requested_days import RequestedDays
from .service import Service

TENANTS_AT_A_TIME = 4
"""Tenants at the same time where each step has a process of its own."""


class UnexpectedError(DefenderAssetsError):
    """An error of one of several tenants that nobody foresaw; its stack trace is in the run's log."""

    reason = "unexpected"


@dataclass(frozen=True)
class TenantOfStep:
    """One tenant of a step: its days, what its refresh works with, and what became of each day."""

    requested: RequestedDays
    refreshing: RefreshContext
    outcomes: Sequence[PartitionOutcome] = ()

    @property
    def failed(self) -> bool:
        """Whether a day of it failed."""
        return bool(failures(self.outcomes))


def refresh_tenants(
    context: dg.AssetExecutionContext,
    source: TableRefresh,
    tenants: Sequence[TenantOfStep],
    service: Service,
    together: set[str],
) -> list[TenantOfStep]:
    """The tenants with the outcomes of the step's table. Of one tenant alone errors are raised that no day is to blame
    for, so that Dagster tries the step again where that may help; of several they fail that tenant."""
    if len(tenants) == 1:
        (tenant,) = tenants
        service.begin(tenant.requested.dates, tenant.refreshing, together, service.tenants.unless_gone)
        return [_refreshed(source, tenant, service)]
    run = service.tenants
    failed: dict[str, DefenderAssetsError] = {}
    for tenant in tenants:
        try:
            service.begin(tenant.requested.dates, tenant.refreshing, together, run)
        except DefenderAssetsError as error:
            failed[tenant.requested.tenant] = error

    def refresh_one(tenant: TenantOfStep) -> TenantOfStep:
        name = tenant.requested.tenant
        if (known := run.outcomes.get((name, source.name))) is not None:
            return _with_outcomes(tenant, known)  # it was needed before its step
        try:
            if name in failed:
                raise failed[name]
            made = _refreshed(source, tenant, service)
        except DefenderAssetsError as error:
            made = _with_outcomes(tenant, _all_failed(source, tenant, error))
        except Exception as unexpected:
            context.log.error("%s of %s failed unexpectedly.", source.name, name, exc_info=unexpected)
            what = f"an unexpected {type(unexpected).__name__} stopped it; the run's log has it"
            made = _with_outcomes(tenant, _all_failed(source, tenant, UnexpectedError(what)))
        run.note(name, source.name, made.outcomes)
        return made

    if source.is_computed or together:
        # A query takes every core by itself; and what is fetched is under way.
        return [refresh_one(tenant) for tenant in tenants]
    with ThreadPoolExecutor(TENANTS_AT_A_TIME, thread_name_prefix="tenant") as pool:
        return list(pool.map(refresh_one, tenants))


def _refreshed(source: TableRefresh, tenant: TenantOfStep, service: Service) -> TenantOfStep:
    outcomes = service.refresh(source, tenant.requested.dates, tenant.refreshing)
    service.wait_for(source.compared_with, tenant.requested.tenant)
    return _with_outcomes(tenant, source.compare(outcomes, tenant.refreshing))


def _with_outcomes(tenant: TenantOfStep, outcomes: Sequence[PartitionOutcome]) -> TenantOfStep:
    return TenantOfStep(tenant.requested, tenant.refreshing, outcomes)


def _all_failed(source: TableRefresh, tenant: TenantOfStep, error: DefenderAssetsError) -> list[PartitionOutcome]:
    return [PartitionOutcome.failed(source.name, day, error) for day in tenant.requested.dates]


def failure_of_tenants(context: dg.AssetExecutionContext, table: str, tenants: Sequence[TenantOfStep]) -> dg.Failure:
    """The failure of a step of which some tenants, or all, failed: it names each, and why."""
    if len(tenants) == 1:
        return failure_of_days(context, table, tenants[0].outcomes)
    failed = [tenant for tenant in tenants if tenant.failed]
    told: dict[str, list[str]] = {}
    for tenant in failed:
        why = failure_of_days(context, table, tenant.outcomes).description or ""
        told.setdefault(why.removeprefix(f"{table}: "), []).append(tenant.requested.tenant)
    reasons = {error.reason for tenant in failed for error in failures(tenant.outcomes)}
    others = len(tenants) - len(failed)
    head = f"{table}: not made for {quantity(len(failed), 'tenant')}" + (f", made for {others}" if others else "")
    return dg.Failure(
        ". ".join([head, *(f"{', '.join(names)}: {why.rstrip('.')}" for why, names in told.items())]) + ".",
        metadata={
            "dataset": table,
            "reason": reasons.pop() if len(reasons) == 1 else "several",
            OF_TENANTS: ", ".join(tenant.requested.tenant for tenant in failed),
        },
        allow_retries=False,
    )
