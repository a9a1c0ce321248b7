"""Everything that is wrong with the settings, found at once and before anybody is asked for anything.

Here: one question to each reader of a setting. Not here: the readers (``settings/``, ``compliance/policy/``,
``reference/source.py``), what only the network or the lake can tell (``examination.py``).
"""

from collections.abc import Callable, Iterable
from functools import partial

from ..api.http import open_http
from ..api.redis_counts import check_address
from ..api.tls import tls_context
from ..compliance import PolicyError, policy_of
from ..lake import Lake, LakeError
from ..reference import FEEDS, source_of
from ..refresh import table_refreshes
from ..settings import (
    Problem,
    Settings,
    SettingsError,
    budget_redis,
    ca_bundle_path,
    check_tenant,
    chosen_datasets,
    connection,
    kept_home,
    needs_network,
    retention,
    spark_remote,
    switched_on,
    tenant_problems,
    usable_home,
    webhook_address,
)
from ..tenant import DEFAULT_TENANT


def read_settings(
    *, tenant: str | None = DEFAULT_TENANT, connects: bool = False, writes: bool = False
) -> tuple[Settings, list[Problem]]:
    """The present settings, defaults in place of what cannot be understood, and everything that is wrong with them;
    with ``connects`` also with the connection of the tenant (None: of no tenant), with ``writes`` also with writing to
    the lake."""
    settings, problems = Settings.readable()
    others = settings_problems(settings, tenant=tenant, connects=connects, writes=writes)
    return settings, without_repetition([problems, others])


def settings_problems(
    settings: Settings, *, tenant: str | None = DEFAULT_TENANT, connects: bool = False, writes: bool = False
) -> list[Problem]:
    """What is wrong with settings that can be understood one by one. No network is used, except to follow the secret
    references of a connection, and to write to a lake that is elsewhere."""
    questions: list[Callable[[], object]] = [
        partial(_check_tenants, settings, tenant),
        *([partial(connection, settings, tenant=tenant)] if connects and tenant is not None else []),
        lambda: tls_context(ca_bundle_path(settings.ca_bundle)),
        lambda: open_http(None).close(),  # the proxies
        partial(chosen_datasets, settings),
        lambda: retention(settings.retention, table_refreshes()),
        # The general one first: a list of tenants that cannot be read must not hide what is wrong with it.
        *(partial(policy_of, settings, each) for each in dict.fromkeys((None, tenant))),
        lambda: Lake(settings.lake).check_writable() if writes else Lake(settings.lake).storage,
        *(
            partial(source_of, feed, getattr(settings, feed.setting))
            for feed in (feed for feeds in FEEDS.values() for feed in feeds)
        ),
        partial(switched_on, settings),
        partial(_webhook_address, settings),
        partial(_budget_redis, settings),
        partial(_spark_remote, settings),
        _check_home,
    ]
    return without_repetition(map(_problems_raised_by, questions))


def without_repetition(readings: Iterable[Iterable[Problem]]) -> list[Problem]:
    """Of a setting that several readers found wrong only what the first said; ``readings`` has the problems of each."""
    told: dict[str, dict[Problem, None]] = {}
    for reading in readings:
        found: dict[str, dict[Problem, None]] = {}
        for problem in reading:
            name = problem.variable.rpartition(" ")[2]  # without "tenant 'contoso': "
            found.setdefault(name, {})[problem] = None
        told |= {name: group for name, group in found.items() if name not in told}
    return [problem for group in told.values() for problem in group]


def problems_of(error: SettingsError | PolicyError | LakeError) -> list[Problem]:
    """What an error says, as problems of settings."""
    match error:
        case SettingsError():
            return list(error.problems)
        case PolicyError():
            return [Problem(error.setting, "cannot be used", str(remark)) for remark in error.problems]
        case LakeError():
            return [Problem("DEFENDER_LAKE", "cannot be used", error.sentence)]


def _problems_raised_by(question: Callable[[], object]) -> list[Problem]:
    try:
        question()
    except (SettingsError, PolicyError, LakeError) as error:
        return problems_of(error)
    return []


def _check_tenants(settings: Settings, tenant: str | None) -> None:
    if problems := tenant_problems(settings):
        raise SettingsError(*problems)
    if tenant is not None:
        check_tenant(settings, tenant)


def _check_home() -> None:
    if home := kept_home():
        usable_home(home.folder, named=home.named)


def _webhook_address(settings: Settings) -> None:
    text = settings.webhook_url.get_secret_value().strip() if settings.webhook_url else ""
    if not needs_network(text):
        webhook_address(settings)


def _budget_redis(settings: Settings) -> None:
    text = settings.budget_redis.get_secret_value().strip() if settings.budget_redis else ""
    if text and not needs_network(text):
        check_address(budget_redis(settings) or "")


def _spark_remote(settings: Settings) -> None:
    text = settings.spark_remote.get_secret_value().strip() if settings.spark_remote else ""
    if not needs_network(text):
        spark_remote(settings)
