"""What surrounds the login: the certificate's end, this machine's clock, calls that are left, roles to do without.

Here: one function for each. Not here: the login and the datasets (``service.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..api import Clock, SystemClock, budget_of, reach
from ..catalog import DATASETS
from ..quantity import quantity
from ..settings import ClientCertificate, Connection, Settings, chosen_datasets, usable_certificate
from .diagnosis import Inspection, Outcome

_RENEW_WITHIN = timedelta(days=30)
# Entra refuses assertions that are more than five minutes off, and storage its own signed addresses.
_REFUSED_SECONDS = 300
_NOTICED_SECONDS = 30
_LITTLE = 0.1
_READS = (".Read.All", ".Read")


def inspect_certificate(connection: Connection, *, clock: Clock | None = None) -> list[Inspection]:
    """When the application's certificate ends; nothing where it logs in by other means. Raises SettingsError."""
    credential = connection.credential
    if not isinstance(credential, ClientCertificate):
        return []
    pair = usable_certificate(credential)
    now = datetime.fromtimestamp((clock or SystemClock()).now(), UTC)
    renew = (
        "Make a new one, upload it (Entra admin center, App registrations, Certificates & secrets) and let "
        "DEFENDER_CLIENT_CERTIFICATE name it."
    )
    if now < pair.begins:
        what = f"it is valid only from {pair.begins:%Y-%m-%d} on"
        return [Inspection("certificate", Outcome.FAILED, what, f"Check this machine's clock. {renew}")]
    if now >= pair.ends:
        return [Inspection("certificate", Outcome.FAILED, f"it ended on {pair.ends:%Y-%m-%d}", renew)]
    what = f"it ends on {pair.ends:%Y-%m-%d}, in {quantity((pair.ends - now).days, 'day')}"
    if pair.ends - now < _RENEW_WITHIN:
        return [Inspection("certificate", Outcome.WARNING, what, renew)]
    return [Inspection("certificate", Outcome.OK, what)]


def inspect_clock(connection: Connection, *, clock: Clock | None = None) -> list[Inspection]:
    """How far this machine's clock is from that of the login, or of the service. Raises SettingsError."""
    for whose, address in (("login", connection.authority_url), ("service", connection.api_url)):
        ahead = reach(address, connection.ca_bundle, clock=clock).ahead
        if ahead is None:
            continue
        off = abs(ahead)
        way = "ahead of" if ahead > 0 else "behind"
        if off < _NOTICED_SECONDS:
            return [Inspection("clock", Outcome.OK, f"as that of the {whose}, within {_NOTICED_SECONDS} seconds")]
        what = f"this machine's clock is {timedelta(seconds=round(off))} {way} that of the {whose}"
        outcome = Outcome.FAILED if off >= _REFUSED_SECONDS else Outcome.WARNING
        remedy = (
            "Let the machine keep its time (NTP): logins, signed addresses and the day of a partition depend on it."
        )
        return [Inspection("clock", outcome, what, remedy)]
    return [
        Inspection(
            "clock", Outcome.UNKNOWN, "neither the login nor the service told its time", "Make the login work first."
        )
    ]


@dataclass(frozen=True)
class CallsLeft:
    """What is left of the quota of a family of endpoints, as counted here: ``calls`` of ``per_hour``. The service wants
    none for ``blocked_seconds``."""

    family: str
    calls: int
    per_hour: int
    blocked_seconds: float

    @property
    def words(self) -> str:
        return f"{self.calls:,} of {self.per_hour:,} calls an hour are left"

    @property
    def share(self) -> float:
        """Of the hour's calls."""
        return self.calls / self.per_hour


def calls_left(connection: Connection, settings: Settings, *, clock: Clock | None = None) -> list[CallsLeft]:
    """What the application has left in this tenant, by the family of endpoints. Raises SettingsError and
    BudgetUnusable."""
    chosen = chosen_datasets(settings)
    families = {dataset.quota for dataset in DATASETS.values() if not chosen.leaves_out(dataset)}
    left: list[CallsLeft] = []
    with budget_of(connection, settings, clock=clock) as budget:
        for family in sorted(families, key=lambda family: family.name):
            # By the hour: what a minute allows is there again before anybody has read this.
            used, blocked = budget.used(family)
            left.append(CallsLeft(family.name, max(0, family.per_hour - used), family.per_hour, blocked))
    return left


def inspect_quotas(connection: Connection, settings: Settings, *, clock: Clock | None = None) -> list[Inspection]:
    """The calls that the application has left in this tenant, as far as they are counted here. Raises
    SettingsError and BudgetUnusable."""
    return judge_quotas(calls_left(connection, settings, clock=clock))


def judge_quotas(left: Collection[CallsLeft]) -> list[Inspection]:
    """What is to be said of the calls that are left."""
    scarce: list[Inspection] = []
    for family in left:
        words = family.words
        if family.blocked_seconds:
            words = f"the service wants no calls for {quantity(round(family.blocked_seconds) or 1, 'second')}"
        if family.blocked_seconds or family.share < _LITTLE:
            remedy = "Wait; other programs that use the same application id spend the same quota."
            scarce.append(Inspection("quotas", Outcome.WARNING, words, remedy, subject=family.family))
    if scarce or not left:
        return scarce
    least = min(left, key=lambda family: family.share)
    what = f"enough everywhere, as counted here; least of {least.family}: {least.words}"
    return [Inspection("quotas", Outcome.OK, what)]


def inspect_roles(roles: Collection[str]) -> list[Inspection]:
    """Roles that let the application do more than read, which nothing here needs."""
    if more := sorted(role for role in roles if not role.endswith(_READS)):
        return [
            Inspection(
                "roles",
                Outcome.WARNING,
                f"the application may do more than read: {', '.join(more)}",
                "Nothing here needs that: take them from the app registration, or use an application of its own.",
            )
        ]
    return []
