"""The headline numbers of all tenants together, each with its denominator.

Here: adding up, and the words. Not here: which tenants are summed (``queries/tenants.py``), what a number
means (``catalog/derived/fleet.py``).

A share is a sum over a sum, never a mean of shares. Part and whole are of the same tenants: those that know both. How
many these are is said wherever they are not all.
"""

from dataclasses import dataclass

from ...queries.tenants import Summaries
from ..formatting import NBSP, counted, number, percent, share
from ..tiles import Tile


@dataclass(frozen=True)
class Sum:
    """``part`` and ``whole`` summed over the ``known`` ones of all ``tenants``; None where no tenant knows it."""

    part: int | None
    whole: int | None
    known: int
    tenants: int

    @property
    def pct(self) -> float | None:
        """The part in percent of the whole."""
        return share(self.part, self.whole)

    @property
    def of_tenants(self) -> str:
        """``2 of 3 tenants``; empty where it is all of them."""
        return "" if self.known == self.tenants else f"{number(self.known)} of {counted(self.tenants, 'tenant')}"


def summed(found: Summaries, part: str, whole: str | None = None) -> Sum:
    """The sum of a column of fleet_summary, and of the one that is its denominator."""
    wanted = (part,) if whole is None else (part, whole)
    rows = [values for each in found.counted if None not in (values := [each.number(column) for column in wanted])]
    sums = [sum(value for value in column if value is not None) for column in zip(*rows, strict=True)]
    return Sum(
        part=sums[0] if rows else None,
        whole=sums[1] if rows and whole is not None else None,
        known=len(rows),
        tenants=len(found.tenants),
    )


def tiles_of_all(found: Summaries) -> list[Tile]:
    """The headline numbers, in the order of the page; those of them that can be added up."""
    return [
        _compliant(found, "Compliant in all", "compliant_devices", "noncompliant_devices"),
        _compliant(found, "Patch compliant", "patch_compliant_devices", "patch_noncompliant_devices"),
        _overdue(found),
        _exploited(found),
        _compliant(found, "Agent compliant", "agent_compliant_devices", "agent_noncompliant_devices"),
        _compliant(found, "Configuration compliant", "policy_compliant_devices", "policy_noncompliant_devices"),
        _protected(found),
        _eligible(found),
    ]


def _tile(title: str, value: str, of: Sum, *denominator: str) -> Tile:
    if not of.known:
        return Tile(title, value, "not known of any tenant", None, ())
    words = "; ".join(filter(None, [*denominator, of.of_tenants]))
    return Tile(title, value, words, None, ())


def _compliant(found: Summaries, title: str, compliant: str, noncompliant: str) -> Tile:
    """What is neither is not known, and nobody shall take it for noncompliant."""
    of = summed(found, compliant, "eligible")
    rows = [
        (yes, no, eligible)
        for each in found.counted
        if None not in ((yes := each.number(compliant)), (no := each.number(noncompliant)))
        and (eligible := each.number("eligible")) is not None
    ]
    unknown = sum(eligible - (yes or 0) - (no or 0) for yes, no, eligible in rows)
    rest = f"{number(unknown)} not known" if unknown else ""
    return _tile(title, percent(of.pct), of, f"{number(of.part)} of {counted(of.whole, 'eligible device')}", rest)


def _protected(found: Summaries) -> Tile:
    of = summed(found, "protected_devices", "known_devices")
    partly, unknown = summed(found, "partly_protected_devices").part, summed(found, "protection_unknown_devices").part
    return _tile(
        "Protected",
        percent(of.pct),
        of,
        f"{number(of.part)} of {counted(of.whole, 'known device')}",
        f"{number(partly)} partly" if partly else "",
        f"{number(unknown)} not known" if unknown else "",
    )


def _overdue(found: Summaries) -> Tile:
    of = summed(found, "overdue_findings", "open_findings")
    undecided = summed(found, "undecided_findings").part
    worst = summed(found, "overdue_critical").part, summed(found, "overdue_high").part
    return _tile(
        "Overdue findings",
        number(of.part),
        of,
        f"of {counted(of.whole, 'open finding')} ({percent(of.pct)}{' or more' if undecided else ''})",
        f"{number(worst[0])} critical, {number(worst[1])} high",
    )


def _exploited(found: Summaries) -> Tile:
    of = summed(found, "kev_overdue_findings", "kev_findings")
    # How many CVEs these are cannot be said: two tenants may have the same one.
    return _tile(
        "Known exploited, overdue",
        number(of.part),
        of,
        f"of {counted(of.whole, 'finding')} on {counted(summed(found, 'kev_devices').part, 'device')}",
    )


def _eligible(found: Summaries) -> Tile:
    of = summed(found, "eligible", "machines")
    left_out = None if of.part is None or of.whole is None else of.whole - of.part
    return _tile(
        "Eligible devices",
        number(of.part),
        of,
        f"of {counted(of.whole, 'machine record')}",
        f"{number(left_out)} left out",
    )


def in_one_line(found: Summaries) -> str:
    """The sums in one sentence, for the end of what a command prints."""
    tenants = f"{number(len(found.counted))} of {counted(len(found.tenants), 'tenant')} judged on {found.day}"
    parts = []
    for words, part, whole, what in (
        ("patch compliant", "patch_compliant_devices", "eligible", "eligible devices"),
        ("agent compliant", "agent_compliant_devices", "eligible", "eligible devices"),
        ("configuration compliant", "policy_compliant_devices", "eligible", "eligible devices"),
        ("overdue", "overdue_findings", "open_findings", "open findings"),
        ("known exploited and overdue", "kev_overdue_findings", "kev_findings", "known exploited findings"),
    ):
        of = summed(found, part, whole)
        if of.part is None:
            parts.append(f"{words}: not known")
            continue
        # Where the sum is of fewer tenants than the line begins with, that is said beside it.
        fewer = f" of {counted(of.known, 'tenant')}" if of.known < len(found.counted) else ""
        pct = "" if of.pct is None else f" ({percent(of.pct)})"
        parts.append(f"{words}: {number(of.part)} of {number(of.whole)} {what}{fewer}{pct}")
    return f"{tenants}; {'; '.join(parts)}.".replace(NBSP, " ")
