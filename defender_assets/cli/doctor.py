"""``defender-assets doctor``: tests the connection and everything around it.

Here: the diagnosis in words or as JSON. Not here: making it (``doctor/``).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..quantity import quantity
from ..tenant import ALL_TENANTS, DEFAULT_TENANT
from .console import print_error, print_line, print_warnings
from .errors import FAILED, OK, WRONG_USE, guarded

if TYPE_CHECKING:
    from ..doctor import Cause, Diagnosis
    from ..lake import Lake
    from ..settings import Problem, Settings

_STYLES = {"failed": "red", "warning": "yellow", "unknown": "yellow"}
_WIDTHS = (12, 10)
_TENANTS_AT_A_TIME = 4
"""Each has some requests under way, and a tenant that does not answer takes its turn's time."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON.")
@click.option("--tenant", default=ALL_TENANTS, show_default=True, help="Which tenant to test; all of them by default.")
@click.option("--send", is_flag=True, help="Post a test message to the webhook; without this nothing is posted.")
@guarded
def doctor(as_json: bool, tenant: str, send: bool) -> None:
    """Test everything between the settings and the tables: log in, ask for one row of each dataset, look at the lake,
    the policy, the feeds, the webhook, the clock and Dagster's folder.

    Of a list of tenants each is tested, some at a time, and told in the list's order; what they share is looked at with
    the first. The JSON of all of them has each one's under its name.

    Exits with 1 if something has failed, with 2 if a setting is wrong.
    """
    from ..settings import Settings, SettingsError, unknown_settings

    tenants = _listed() if tenant == ALL_TENANTS else ()
    names = tenants or (DEFAULT_TENANT if tenant == ALL_TENANTS else tenant,)
    diagnoses: dict[str, Diagnosis] = {}
    told: set[Problem] = set()
    print_warnings(unknown_settings(Settings.readable()[0]))
    for name, (diagnosis, settings, lake) in _examined(names, send=send):
        if tenants and not as_json:
            print_line(f"\n{name}" if diagnoses else name, style="bold")
        diagnoses[name] = diagnosis
        if new := [problem for problem in diagnosis.problems if problem not in told]:
            print_error(f"defender-assets: {SettingsError(*new)}")
            told |= set(new)
        if not as_json:
            _print_diagnosis(diagnosis, settings, lake)
    if as_json:
        click.echo(_json(diagnoses) if tenants else diagnoses[names[0]].to_json())
    if any(diagnosis.problems for diagnosis in diagnoses.values()):
        sys.exit(WRONG_USE)
    sys.exit(OK if all(diagnosis.ok for diagnosis in diagnoses.values()) else FAILED)


def _examined(names: Sequence[str], *, send: bool) -> "Iterator[tuple[str, tuple[Diagnosis, Settings, Lake]]]":
    """The diagnosis of each tenant in their order, made side by side; what they share is looked at with the first."""
    pool = ThreadPoolExecutor(_TENANTS_AT_A_TIME, thread_name_prefix="tenant")
    try:
        futures = {name: pool.submit(_examine, name, send=send, looks_around=name == names[0]) for name in names}
        for name, future in futures.items():
            yield name, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C no other is begun


def _examine(name: str, *, send: bool, looks_around: bool) -> "tuple[Diagnosis, Settings, Lake]":
    from ..doctor import examine, read_settings
    from ..lake import Lake
    from ..settings import connection

    settings, problems = read_settings(tenant=name)
    lake = Lake(settings.lake, name)
    diagnosis = examine(
        settings,
        lake,
        partial(connection, settings, tenant=name),
        problems=problems,
        send=partial(_send_test_message, settings) if send else None,
        looks_around=looks_around,
    )
    return diagnosis, settings, lake


def _listed() -> tuple[str, ...]:
    """The tenants of the list; none where there is no list, or it cannot be read, which the diagnosis tells."""
    from ..settings import Settings, SettingsError, tenant_entries

    settings, _ = Settings.readable()
    with suppress(SettingsError):
        return tuple(tenant_entries(settings))
    return ()


def _json(diagnoses: "dict[str, Diagnosis]") -> str:
    by_tenant = {tenant: diagnosis.to_dict() for tenant, diagnosis in diagnoses.items()}
    return json.dumps(by_tenant, indent=2, ensure_ascii=False)


def _send_test_message(settings: "Settings") -> None:
    from ..orchestration.notifications.message import trial_message
    from ..orchestration.notifications.webhook import post

    post(trial_message(settings.ui_url), settings)


def _print_diagnosis(diagnosis: "Diagnosis", settings: "Settings", lake: "Lake") -> None:
    from ..doctor import with_subjects
    from ..scope import fleet_scope

    _print_settings(diagnosis, settings)
    login = diagnosis.login
    if login.ok:
        # Those that are used stand beside the datasets.
        others = sorted(set(login.roles) - {probe.permission for probe in diagnosis.datasets})
        also = f"; beside the roles below it has {', '.join(others)}" if others else ""
        _print_result("login", "ok", f"the application has {quantity(len(login.roles), 'role')}{also}")
    else:
        _print_result("login", "failed", login.message)
    _print_datasets(diagnosis, settings, lake)
    area = ""
    for inspection, subjects in with_subjects(diagnosis.inspections):
        what = f"{', '.join(subjects)}: {inspection.what}" if subjects else inspection.what
        shown, area = inspection.area if inspection.area != area else "", inspection.area
        # What is to be done about the login may be all that is to be done.
        remedy = inspection.remedy.replace(login.remedy, "As for the login.") if login.remedy else inspection.remedy
        _print_result(shown, inspection.outcome.value, f"{_sentence(what)}{remedy}")
    if scope := fleet_scope(settings):
        print_line(f"Scope: {scope} (docs/scope.md)")


def _print_settings(diagnosis: "Diagnosis", settings: "Settings") -> None:
    from ..settings import DOTENV

    file = Path(DOTENV).absolute()
    read = f"{file} is read" if file.exists() else f"there is no {file}"
    if diagnosis.problems:
        _print_result("settings", "failed", f"{quantity(len(diagnosis.problems), 'problem')}, told above; {read}")
    else:
        _print_result("settings", "ok", f"{len(settings.model_fields_set)} are set; {read}")


def _print_datasets(diagnosis: "Diagnosis", settings: "Settings", lake: "Lake") -> None:
    from ..api import LACKS, MISSING_ROLE
    from ..refresh import not_made_without
    from ..settings import NOT_CHOSEN

    if not diagnosis.login.ok:
        # They all failed of the same cause, which stands above.
        _print_result("datasets", "unknown", "Nothing can be asked for without a login.")
        return
    chosen = [probe for probe in diagnosis.datasets if probe.reason != NOT_CHOSEN]
    readable = [probe for probe in chosen if probe.ok]
    not_chosen = len(diagnosis.datasets) - len(chosen)
    of_these = f" that are chosen ({not_chosen} are not)" if not_chosen else ""
    by_role: dict[str, list[str]] = {}
    for probe in readable:
        by_role.setdefault(probe.permission, []).append(probe.dataset)
    summary = f"The application can read {len(readable)} of {len(chosen)}{of_these}{':' if readable else '.'}"
    _print_result("datasets", "ok" if readable else "failed", summary)
    for role, datasets in by_role.items():
        _print_result("", "", f"{role}: {', '.join(datasets)}")
    for cause in diagnosis.causes():
        why = ", ".join(f"{name} ({_why_failed(name, cause, settings, lake)})" for name in cause.datasets)
        _print_result("", "failed", f"{why}. {cause.remedy}")
    wanted = {
        probe.permission for cause in diagnosis.causes() for probe in cause.probes if cause.reason == MISSING_ROLE
    }
    for cause in diagnosis.causes(absent=True):
        status = f" ({cause.status})" if cause.status else ""
        same = cause.reason == MISSING_ROLE and wanted.issuperset(probe.permission for probe in cause.probes)
        remedy = "They need the same roles." if same else cause.remedy
        left_out = f"{', '.join(cause.datasets)}: {cause.reason}{status}, which is no failure. {remedy}"
        _print_result("", "left out", left_out)
        if cause.reason in LACKS and (unknown := not_made_without(*cause.datasets)):
            _print_result("", "warning", f"Not made without them, and so unknown: {', '.join(unknown)}.")


def _why_failed(dataset: str, cause: "Cause", settings: "Settings", lake: "Lake") -> str:
    """What was answered, and why that is a failure where another tenant would merely do without the dataset."""
    from ..api import LACKS
    from ..lake import LakeError
    from ..settings import DATASETS_VARIABLE, chosen_datasets

    parts = [f"{cause.reason}, {cause.status or 'no answer'}"]
    if cause.reason in LACKS:
        if dataset in chosen_datasets(settings).demanded:
            parts.append(f"named in {DATASETS_VARIABLE}")
        # A lake that cannot be read is as one that holds nothing, as for the diagnosis itself.
        with suppress(LakeError):
            if last := lake.newest(dataset):
                parts.append(f"fetched before, last for {last}")
    return "; ".join(parts)


def _sentence(text: str) -> str:
    return f"{text}. " if text and text[-1] not in ".:!?" else f"{text} "


def _print_result(area: str, outcome: str, text: str) -> None:
    """A line: where, how it is, what was found; on a terminal wrapped beside the first two."""
    first, second = _WIDTHS
    line = f"{area:<{first}}{outcome:<{second}}{text.strip()}"
    print_line(line.rstrip(), style=_STYLES.get(outcome, ""), indent=" " * (first + second))
