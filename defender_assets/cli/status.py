"""``defender-assets status``: what a monitor asks.

Here: the line for monitoring plugins, the lines for people, and the exit code. Not here: finding it out
(``monitoring/``).
"""

import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from ..errors import DefenderAssetsError
from ..quantity import quantity, time_taken
from ..tenant import ALL_TENANTS
from .all_tenants import summaries
from .console import print_error, print_line
from .errors import guarded, show_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..doctor import Inspection
    from ..monitoring import Overview, TenantOverview

_NAMED_AT_MOST = 3
_NOTHING = "nothing fetched yet"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
@click.option("--tenant", default=ALL_TENANTS, show_default=True, help="Which tenant; all of them by default.")
@guarded
def status(as_json: bool, tenant: str) -> None:
    """Tell a monitor how everything is: the age of each table, failed runs, quotas, certificates that end.

    The service is asked nothing. The first line is one of a monitoring plugin (Nagios, Icinga, Checkmk). Exits with 0
    if all is well, 1 for a warning, 2 if something is critical (a wrong setting is), 3 if something is not known.
    """
    try:
        overview = _overview(tenant)
    except Exception as error:  # noqa: BLE001 - a monitor reads standard output alone
        _exit_without_overview(error, as_json=as_json)
    if as_json:
        click.echo(overview.to_json())
    else:
        _print(overview)
        if len(overview.tenants) > 1 and overview.is_whole:
            _print_sums()
    _exit(overview)


def _exit_without_overview(error: Exception, *, as_json: bool) -> NoReturn:
    """What is ours is critical and says what to do; anything else is a fault of the program, and nothing is known."""
    from ..doctor import Inspection, Outcome
    from ..monitoring.overview import EXIT_CODES, PLUGIN_STATES, finding_alone

    if isinstance(error, DefenderAssetsError):
        print_error(f"defender-assets: {error.sentence}", indent="  ")
        found = Inspection("status", Outcome.FAILED, error.what, error.remedy)
        told = error.sentence
    else:
        show_fault(type(error), error, error.__traceback__)
        told = f"the status could not be found out: an unexpected {type(error).__name__}"
        found = Inspection("status", Outcome.UNKNOWN, told, "Please report it, with what standard error says.")
    if as_json:
        click.echo(finding_alone(found))
    else:
        print_line(f"DEFENDER {PLUGIN_STATES[found.outcome]} - {' '.join(told.split())}".replace("|", "/"))
    sys.exit(EXIT_CODES[found.outcome])


def _overview(tenant: str) -> "Overview":
    from ..settings import Settings, check_tenant, expanded, kept_home, tenant_names

    settings = Settings.load()
    tenants = tenant_names(settings)
    if tenant != ALL_TENANTS:
        check_tenant(settings, tenant)
        tenants = (tenant,)
    if kept_home() is None:
        # Nothing of Dagster is needed, which takes two seconds to load.
        from ..monitoring import survey

        overview = survey(settings, tenants, lambda: None)
    else:
        from ..orchestration.status_of_tenants import status_of

        overview = status_of(settings, tenants)
    if settings.metrics_file is None or tenant != ALL_TENANTS:
        return overview
    from ..doctor import Inspection, Outcome
    from ..monitoring import MetricsNotWritten, write_metrics

    try:
        write_metrics(overview, expanded(settings.metrics_file))
    except MetricsNotWritten as error:
        found = Inspection("metrics", Outcome.WARNING, error.what, error.remedy)
        overview = replace(overview, inspections=(*overview.inspections, found))
    return overview


def _print(overview: "Overview") -> None:
    from ..doctor import with_subjects
    from ..monitoring.overview import PLUGIN_STATES

    print_line(f"DEFENDER {PLUGIN_STATES[overview.outcome]} - {_summary(overview)} | {_numbers(overview)}")
    several = len(overview.tenants) > 1
    groups = [("", overview.inspections)]
    groups += [(f"{each.tenant}: " if several else "", each.inspections) for each in overview.tenants]
    for prefix, inspections in groups:
        for inspection, subjects in with_subjects(_worth_a_line(inspections)):
            # A line of a plugin ends its text at the first bar.
            what = f"{prefix}{_told(inspection, subjects)}".replace("|", "/")
            print_line(f"{PLUGIN_STATES[inspection.outcome]}: {what}", indent="  ")


def _print_sums() -> None:
    """The last line: the headline numbers of all tenants together. What is wrong with the lake stands above it."""
    from ..report.tenants import in_one_line
    from ..settings import Settings

    with suppress(DefenderAssetsError):
        if (found := summaries(Settings.load())) is not None:
            print_line(in_one_line(found).replace("|", "/"), indent="  ")


def _told(inspection: "Inspection", subjects: tuple[str, ...]) -> str:
    named = ", ".join(subjects)
    colon = "" if inspection.area == "tables" else ":"
    subject = f"{named}{colon} " if named else ""
    remedy = f". {inspection.remedy}" if inspection.remedy else ""
    return f"{inspection.area}: {subject}{inspection.what.rstrip('.')}{remedy}"


def _summary(overview: "Overview") -> str:
    """All in one line: how many tenants and tables, and how much of what is wrong."""
    tables = sum(not state.left_out for tenant in overview.tenants for state in tenant.tables)
    counts = f"{quantity(tables, 'table')} of {quantity(len(overview.tenants), 'tenant')}"
    wrong = {"": overview.inspections} | {tenant.tenant: tenant.inspections for tenant in overview.tenants}
    told = [(name, words) for name, inspections in wrong.items() if (words := _in_short(inspections))]
    if not told:
        return f"{counts}, {_oldest_in_words(overview)}{_without_login(overview)}"
    several = len(overview.tenants) > 1
    named = [f"{name}: {words}" if name and several else words for name, words in told[:_NAMED_AT_MOST]]
    more = [f"{quantity(len(told) - _NAMED_AT_MOST, 'more tenant')}"] if len(told) > _NAMED_AT_MOST else []
    return f"{counts}; {'; '.join([*named, *more])}"


def _in_short(inspections: "Iterable[Inspection]") -> str:
    """``3 tables not fresh, 1 failed run, certificate``; empty where nothing is wrong."""
    areas = Counter(_NOTHING if _is_about_all(each) else each.area for each in _wrong(inspections))
    words = {"tables": "{} not fresh", "runs": "{} failing", "quotas": "quota"}
    counted = {"tables": "table", "runs": "table"}
    return ", ".join(
        words.get(area, area).format(quantity(count, counted[area]) if area in counted else "")
        for area, count in areas.items()
    )


def _is_about_all(inspection: "Inspection") -> bool:
    """Whether it is that of a lake in which there is no table."""
    return inspection.area == "tables" and not inspection.subject


def _not_fresh(tenant: "TenantOverview") -> int:
    """How many tables are to be there, and are late, damaged or missing."""
    wrong = [inspection for inspection in _wrong(tenant.inspections) if inspection.area == "tables"]
    if any(map(_is_about_all, wrong)):
        return sum(not state.left_out for state in tenant.tables)
    return len(wrong)


def _without_login(overview: "Overview") -> str:
    from ..monitoring.survey import NO_LOGIN

    named = any(each.area == NO_LOGIN for tenant in overview.tenants for each in tenant.inspections)
    return "; no login is set here" if named else ""


def _worth_a_line(inspections: "Iterable[Inspection]") -> "list[Inspection]":
    """What is wrong, and what could not be judged."""
    from ..doctor import Outcome

    return [inspection for inspection in inspections if inspection.outcome is not Outcome.OK]


def _wrong(inspections: "Iterable[Inspection]") -> "list[Inspection]":
    from ..doctor import Outcome

    return [inspection for inspection in inspections if inspection.outcome not in (Outcome.OK, Outcome.NOT_USED)]


def _oldest(overview: "Overview") -> float | None:
    """Seconds since the table that was read longest ago; None where there is none."""
    ages = [state.age(overview.checked_at) for tenant in overview.tenants for state in tenant.tables]
    return max((age.total_seconds() for age in ages if age is not None), default=None)


def _oldest_in_words(overview: "Overview") -> str:
    oldest = _oldest(overview)
    return "all of them fresh" if oldest is None else f"the oldest read {time_taken(oldest)} ago"


def _numbers(overview: "Overview") -> str:
    """The performance data: label=value[unit];warn;crit;min (Monitoring Plugins Development Guidelines)."""
    late = round(overview.late_seconds)
    oldest = _oldest(overview)
    not_fresh = sum(map(_not_fresh, overview.tenants))
    failing = sum(each.area == "runs" for tenant in overview.tenants for each in _wrong(tenant.inspections))
    numbers = [f"tables_not_fresh={not_fresh};0;;0", f"tables_failing={failing};0;;0"]
    if oldest is not None:
        numbers.insert(0, f"oldest={round(oldest)}s;{late};{2 * late};0")
    return " ".join(numbers)


def _exit(overview: "Overview") -> None:
    from ..monitoring.overview import EXIT_CODES

    code = EXIT_CODES[overview.outcome]
    if overview.is_whole:
        sys.exit(code)
    # Python would wait for the threads that still look.
    print_error("Some tenants could not be looked at in time.")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
