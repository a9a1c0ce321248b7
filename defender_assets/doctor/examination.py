"""The whole examination: settings, service, and everything around them, side by side.

Here: what is examined, in which order it is told, and that nothing found wrong hides the rest. Not here: the single
inspections (``service.py``, ``connection.py``, ``machine.py``, ``feeds.py``), printing them (``cli/doctor.py``).
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ..api import BudgetUnusable, Clock
from ..compliance import PolicyError
from ..errors import DefenderAssetsError
from ..lake import Lake
from ..refresh import was_fetched
from ..settings import Connection, Problem, Settings, SettingsError, ca_bundle_path
from .connection import inspect_certificate, inspect_clock, inspect_quotas, inspect_roles
from .diagnosis import Diagnosis, Inspection, Outcome
from .engine import inspect_engine
from .feeds import inspect_feeds
from .machine import inspect_dagster, inspect_lake, inspect_policy, inspect_readers, inspect_webhook
from .service import examine_service, not_examined
from .wrong_settings import problems_of, without_repetition

_AT_ONCE = 4


def examine(
    settings: Settings,
    lake: Lake,
    connect: Callable[[], Connection],
    *,
    problems: Sequence[Problem] = (),
    send: Callable[[], None] | None = None,
    looks_around: bool = True,
    clock: Clock | None = None,
) -> Diagnosis:
    """Everything that can be wrong between here and the tables, in some seconds. What is wrong is a finding, never an
    error.

    ``connect`` makes the connection; ``problems`` are those that are known of the settings (``wrong_settings.py``).
    ``send`` posts a test message to the webhook; without it nothing is posted. Without ``looks_around``, what all
    tenants share is passed over: engine, feeds, webhook, Dagster.
    """
    wrong: list[Iterable[Problem]] = [problems]
    connection: Connection | None = None
    try:
        connection = connect()
    except SettingsError as error:
        wrong.append(error.problems)
    inspect = partial(_inspected, wrong=wrong)
    shared: list[tuple[str, Callable[[], list[Inspection]]]] = [
        ("engine", lambda: inspect_engine(settings, lake)),
        ("feeds", lambda: inspect_feeds(settings, _ca_bundle(settings), clock=clock)),
        ("webhook", lambda: inspect_webhook(settings, _ca_bundle(settings), send=send, clock=clock)),
        ("dagster", inspect_dagster),
    ]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor") as pool:
        here = [
            pool.submit(inspect, area, question)
            for area, question in (
                ("lake", lambda: [*inspect_lake(lake), *inspect_readers(settings, lake)]),
                ("policy", lambda: inspect_policy(settings, lake.one_tenant())),
                *(shared if looks_around else ()),
            )
        ]
        service = _of_service(connection, settings, lake, wrong, clock)
        around: list[Inspection] = []
        if connection is not None:
            for area, question in (
                ("certificate", partial(inspect_certificate, connection, clock=clock)),
                ("clock", partial(inspect_clock, connection, clock=clock)),
                ("quotas", partial(inspect_quotas, connection, settings, clock=clock)),
                ("roles", partial(inspect_roles, service.login.roles)),
            ):
                around += inspect(area, question)
        found = [*around, *(inspection for future in here for inspection in future.result())]
    return Diagnosis(service.login, service.datasets, tuple(without_repetition(wrong)), tuple(found))


def _of_service(
    connection: Connection | None, settings: Settings, lake: Lake, wrong: list[Iterable[Problem]], clock: Clock | None
) -> Diagnosis:
    if connection is None:
        return not_examined("The settings have to be corrected first.")
    try:
        return examine_service(connection, settings, was_fetched=was_fetched(lake), clock=clock)
    except SettingsError as error:
        wrong.append(error.problems)
        return not_examined("The settings have to be corrected first.")
    except BudgetUnusable:  # which the quotas tell
        return not_examined("Calls have to be counted first, which the quotas tell of.")


def _inspected(
    area: str, question: Callable[[], list[Inspection]], *, wrong: list[Iterable[Problem]]
) -> list[Inspection]:
    """What was found; nothing where a setting is wrong: its problems are added to what is ``wrong``."""
    try:
        return question()
    except (SettingsError, PolicyError) as error:
        wrong.append(problems_of(error))
        return []
    except DefenderAssetsError as error:
        return [Inspection(area, Outcome.FAILED, error.what, error.remedy)]


def _ca_bundle(settings: Settings) -> Path | None:
    return ca_bundle_path(settings.ca_bundle)
