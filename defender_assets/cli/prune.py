"""``defender-assets prune``: what retention does not keep, and how much that is; with ``--delete`` it is removed.

Here: the verb and what it prints. Not here: which days stay (``lake/retention.py``), removing them
(``lake/pruning.py``), Dagster's history (``orchestration/history_retention.py``).
"""

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid

from ..quantity import quantity, size
from ..tenant import ALL_TENANTS, of_tenant
from .console import print_line, stdout
from .errors import guarded

if TYPE_CHECKING:
    import dagster as dg

    from ..lake import Lake, Pruned, TablePlan
    from ..settings import Keep, Retention, Settings


@click.command()
@click.option("--delete", is_flag=True, help="Remove it. Without this, it is only said what would be removed.")
@click.option("--keep", metavar="RULES", help="Rules to try or use in place of DEFENDER_RETENTION (docs/retention.md).")
@click.option("--tenant", default=ALL_TENANTS, show_default=True, help="Of which tenant's lake.")
@guarded
def prune(delete: bool, keep: str | None, tenant: str) -> None:
    """Remove days of the lake that retention does not keep, and old runs from Dagster's history.

    By default nothing is removed: it is said what would be, and how much room it takes. What stays is said by
    DEFENDER_RETENTION (such as 30 days, 26 weeks, 24 months), of Dagster's runs by DEFENDER_HISTORY_DAYS.
    """
    from ..lake import Lake
    from ..settings import Problem, Settings, SettingsError
    from .checked_settings import checked_settings

    # Asked first: to see whether a lake can be written makes its folder.
    has_folder = _has_folder(Settings.readable()[0].lake)
    settings = checked_settings(tenant=None if tenant == ALL_TENANTS else tenant, writes=delete and has_folder)
    rules = _rules(settings, keep)
    if rules is not None and not has_folder:
        remedy = "correct it, or defender-assets refresh makes the lake"
        raise SettingsError(Problem("DEFENDER_LAKE", "names a folder that does not exist", remedy))
    if rules is None and settings.history_days is None:
        remedy = "say which days stay, such as 30 days, 26 weeks, 24 months, here or by --keep"
        raise SettingsError(Problem("DEFENDER_RETENTION", "is not set, so every day stays", remedy))
    now = datetime.now(UTC)
    with ExitStack() as stack:
        instance = _instance(stack) if delete or settings.history_days is not None else None
        there_is_something = False
        if rules is not None:
            for name in _tenants(settings, tenant):
                lake = Lake(settings.lake, name)
                there_is_something |= _prune_lake(
                    lake, rules, now.date(), instance if delete else None, settings.spark_staging
                )
        if instance is not None and settings.history_days is not None:
            there_is_something |= _prune_history(instance, settings.history_days, now, delete=delete)
        if not delete and not there_is_something:
            print_line("There is nothing to remove.", style="bold")
        elif not delete:
            given = [
                *([] if keep is None else ["--keep", shlex.quote(keep)]),
                *([] if tenant == ALL_TENANTS else ["--tenant", tenant]),
            ]
            again = " ".join(["defender-assets prune --delete", *given])
            print_line(f"Nothing was removed. To remove it: {again}", style="bold")


def _has_folder(address: str) -> bool:
    """Whether a lake on a disk is there; of others, and of what is no lake's address, others tell."""
    from ..lake import Lake, LakeError

    try:
        storage = Lake(address).storage
    except LakeError:
        return True
    return storage.filesystem is not None or Path(storage.root).exists()


def _rules(settings: "Settings", keep: str | None) -> "Retention | None":
    from ..refresh import table_refreshes
    from ..settings import RETENTION_VARIABLE, retention

    return retention(
        settings.retention if keep is None else keep,
        table_refreshes(),
        named=RETENTION_VARIABLE if keep is None else "--keep",
    )


def _tenants(settings: "Settings", tenant: str) -> Sequence[str]:
    from ..settings import tenant_names

    return (*tenant_names(settings), ALL_TENANTS) if tenant == ALL_TENANTS else (tenant,)


def _instance(stack: ExitStack) -> "dg.DagsterInstance":
    from ..orchestration.dagster_home import dagster_instance

    return stack.enter_context(dagster_instance())


def _prune_lake(
    lake: "Lake", rules: "Retention", today: date, instance: "dg.DagsterInstance | None", staging: str | None
) -> bool:
    """Prints what becomes of a tenant's lake; with an ``instance`` it is done. Returns whether there is something to
    remove."""
    from ..lake import days_apart, planned

    whose = " of all tenants together" if lake.tenant is None else of_tenant(lake.tenant)
    plans = planned(lake, rules, today)
    if not plans and lake.tenant is None:
        return False  # no page over all of them was ever made
    if not plans:
        print_line(f"The lake{whose} at {lake.root} is empty.")
        return False
    if instance is None:
        pruned = {}
    else:
        from ..orchestration.pruning import prune_lake

        pruned = {done.table: done for done in prune_lake(instance, lake, plans, today, staging)}
    print_line(f"The lake{whose} at {lake.root} keeps: {rules.general}", style="bold")
    stdout.print(_grid(plans, pruned, rules.general, is_done=instance is not None))
    if apart := days_apart(plans, today):
        print_line(apart, style="yellow")
    for plan in plans:
        if plan.remembered_days is not None:
            print_line(
                f"{plan.table}: {plan.in_effect} stay, not {plan.keep} as its rule says; the service still has the "
                f"last {plan.remembered_days} days, and the next refresh would fetch them again.",
                indent="  ",
            )
        done = pruned.get(plan.table)
        if done is not None and done.in_use:
            left = quantity(len(done.in_use), "day")
            print_line(f"{plan.table}: {left} left until the next time, because a refresh works on it.", style="yellow")
    print_line(_in_words(plans, pruned, is_done=instance is not None))
    return any(plan.removed for plan in plans)


def _grid(plans: "Sequence[TablePlan]", pruned: "dict[str, Pruned]", general: "Keep", *, is_done: bool) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    for column in ("table", "days", "size", "removed" if is_done else "would go", "frees", "keeps instead"):
        grid.add_column(column, justify="left" if column in ("table", "keeps instead") else "right", no_wrap=True)
    for plan in plans:
        done = pruned.get(plan.table)
        days = len(plan.removed) if not is_done else len(done.removed) if done else 0
        freed = plan.freed if not is_done else done.bytes if done else 0
        held = str(len(plan.kept) + len(plan.removed))
        cells = [plan.table, held, size(plan.bytes), *([str(days), size(freed)] if days else ["-", "-"])]
        own = "" if plan.in_effect == general else str(plan.in_effect)
        grid.add_row(*cells, own, style=None if days else "dim")
    return grid


def _in_words(plans: "Sequence[TablePlan]", pruned: "dict[str, Pruned]", *, is_done: bool) -> str:
    held = sum(len(plan.kept) + len(plan.removed) for plan in plans)
    if is_done:
        gone, freed = sum(len(done.removed) for done in pruned.values()), sum(done.bytes for done in pruned.values())
    else:
        gone, freed = sum(len(plan.removed) for plan in plans), sum(plan.freed for plan in plans)
    whole = size(sum(plan.bytes for plan in plans))
    return (
        f"{gone:,} of {quantity(held, 'partition')} {'were removed' if is_done else 'would go'}, "
        f"{size(freed)} of {whole}."
    )


def _prune_history(instance: "dg.DagsterInstance", days: int, now: datetime, *, delete: bool) -> bool:
    """Prints what becomes of Dagster's history; with ``delete`` it is done. Returns whether there is something to
    remove."""
    from ..orchestration.history_retention import compact, databases, old_runs, remove_old_history

    runs = old_runs(instance, days, now)
    before = databases(instance)
    old = f"more than {quantity(days, 'day')} old"
    on_disk = "" if before is None else f" Its databases take {size(before.bytes)}, {size(before.unused)} of it unused."
    if not delete:
        print_line(f"Dagster's history: {quantity(runs, 'run')} {old} would go.{on_disk}")
        return runs > 0
    removed = remove_old_history(instance, days, now)
    not_compacted = compact(instance)
    after = databases(instance)
    room = f" Its databases took {size(before.bytes)}, now {size(after.bytes)}." if before and after else ""
    runs_and_evaluations = f"{quantity(removed.runs, 'run')} {old} and {quantity(removed.evaluations, 'evaluation')}"
    print_line(f"Dagster's history: {runs_and_evaluations} of conditions were removed.{room}")
    for why in not_compacted:
        print_line(f"{why} The room is used again.", style="yellow")
    return removed.runs > 0
