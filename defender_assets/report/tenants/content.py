"""What the page over all tenants says: sums, a short text, what to know before believing them, and the tenants.

Here: gathering it. Not here: the sums (``sums.py``), HTML (``page.py``, ``templates/tenants.html.j2``).
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from ...lake.layout import DAY, TENANT
from ...queries.tenants import State, Summaries, TenantSummary
from ..caveats import Caveat
from ..formatting import counted, number, percent, share, shown
from ..publishing import REPORT_FILE
from ..sections.excerpt import Excerpt
from ..tiles import Tile
from .sums import Sum, summed, tiles_of_all

_NAMED_AT_MOST = 12


@dataclass(frozen=True)
class TenantRow:
    """A tenant in the list; shares are in percent of its eligible devices."""

    tenant: str
    state: str
    as_of: str | None
    machines: int | None
    eligible: int | None
    patch_compliant: int | None
    patch_pct: float | None
    agent_compliant: int | None
    agent_pct: float | None
    policy_compliant: int | None
    policy_pct: float | None
    open_findings: int | None
    overdue_findings: int | None
    kev_overdue_findings: int | None
    policy: str | None
    absent_inputs: list[str]


@dataclass(frozen=True)
class AllTenantsContent:
    """The page's content. ``pages``: tenant, as it is shown -> the address of its own report, relative to this one."""

    title: str
    organisation: str | None
    day: date
    counted: int
    tenants: int
    judged_from: str | None
    judged_to: str | None
    missing: Caveat | None
    in_short: list[str]
    tiles: list[Tile]
    caveats: list[Caveat]
    rows: Excerpt[TenantRow]
    pages: Mapping[str, str]


def gather_tenants(
    found: Summaries, with_report: Container[str] = (), organisation: str | None = None
) -> AllTenantsContent:
    """What the page says of these tenants; those ``with_report`` have one of their own, of their newest day, in the
    lake."""
    rows = [_row(each) for each in found.tenants]
    moments = sorted(f"{each.as_of:%Y-%m-%d %H:%M}" for each in found.counted if each.as_of)
    return AllTenantsContent(
        title=", ".join(["Compliance report", str(found.day), *([shown(organisation)] if organisation else []),
                         "all tenants"]),
        organisation=organisation,
        day=found.day,
        counted=len(found.counted),
        tenants=len(found.tenants),
        judged_from=moments[0] if moments else None,
        judged_to=moments[-1] if moments else None,
        missing=_missing(found),
        in_short=_in_short(found),
        tiles=tiles_of_all(found),
        caveats=_caveats(found),
        rows=Excerpt(rows, len(rows), "@tenants"),
        pages={each.tenant: address for each in found.tenants
               if each.tenant in with_report and (address := _address(each))},
    )  # fmt: skip


def _row(of: TenantSummary) -> TenantRow:
    eligible = of.number("eligible")

    def pct(column: str) -> float | None:
        return share(of.number(column), eligible)

    return TenantRow(
        tenant=of.tenant,
        state=str(of.state),
        as_of=f"{of.as_of:%Y-%m-%d %H:%M}" if of.as_of else None,
        machines=of.number("machines"),
        eligible=eligible,
        patch_compliant=of.number("patch_compliant_devices"),
        patch_pct=pct("patch_compliant_devices"),
        agent_compliant=of.number("agent_compliant_devices"),
        agent_pct=pct("agent_compliant_devices"),
        policy_compliant=of.number("policy_compliant_devices"),
        policy_pct=pct("policy_compliant_devices"),
        open_findings=of.number("open_findings"),
        overdue_findings=of.number("overdue_findings"),
        kev_overdue_findings=of.number("kev_overdue_findings"),
        policy=of.text("policy"),
        absent_inputs=of.absent_inputs,
    )


def _address(of: TenantSummary) -> str | None:
    """From the page over all tenants to the tenant's own; the same on a disk and on the web server of ``serve``. A name
    that cannot be shown as it is gets none: two such may look alike."""
    if of.day is None or shown(of.tenant) != of.tenant:
        return None
    return f"../../{TENANT}={quote(of.tenant, safe='')}/{DAY}={of.day}/{REPORT_FILE}"


def _named(tenants: Iterable[str], *, longest: int = 60) -> str:
    names = [shown(name, longest) for name in tenants]
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {counted(more, 'more tenant')}" if more > 0 else "")


_WHY: Mapping[State, Callable[[TenantSummary], str]] = {
    State.OLDER: lambda of: f"{shown(of.tenant, 60)} (last judged on {of.day})",
    State.ABSENT: lambda of: f"{shown(of.tenant, 60)} (never judged)",
    State.UNREADABLE: lambda of: f"{shown(of.tenant, 60)} (its fleet_summary of {of.day} cannot be read)",
}


def _missing(found: Summaries) -> Caveat | None:
    """Who is in no sum, and why; None where everybody is."""
    if not found.not_counted:
        return None
    names = _named((_WHY[each.state](each) for each in found.not_counted), longest=140)
    return Caveat(
        "warning",
        f"The sums are of {number(len(found.counted))} of {counted(len(found.tenants), 'tenant')}. In none of them: "
        f"{names}. Their devices and findings are unknown here, not zero.",
    )


def _in_short(found: Summaries) -> list[str]:
    sentences = []
    eligible, machines = summed(found, "eligible"), summed(found, "machines")
    of_tenants = f"{number(len(found.counted))} of {counted(len(found.tenants), 'tenant')}"
    sentences.append(
        f"{of_tenants} judged on {found.day}: {counted(machines.part, 'machine record')}, "
        f"{number(eligible.part)} of them eligible."
    )
    patched = summed(found, "patch_compliant_devices", "eligible")
    if patched.part is not None and patched.whole:
        sentences.append(
            f"{percent(patched.pct)} of {counted(patched.whole, 'eligible device')}{_fewer(patched, found)} are patch "
            f"compliant: {number(patched.part)} devices."
        )
        worst = min(
            (each for each in found.counted if share(each.number("patch_compliant_devices"), each.number("eligible"))
             is not None),
            key=lambda each: share(each.number("patch_compliant_devices"), each.number("eligible")) or 0,
        )  # fmt: skip
        if patched.known > 1:
            pct = share(worst.number("patch_compliant_devices"), worst.number("eligible"))
            sentences.append(f"The lowest share of a tenant is {percent(pct)} ({shown(worst.tenant, 60)}).")
    overdue = summed(found, "overdue_findings", "open_findings")
    if overdue.part is not None:
        most = max(found.counted, key=lambda each: each.number("overdue_findings") or 0)
        where = f", {number(most.number('overdue_findings'))} of them of {shown(most.tenant, 60)}"
        sentences.append(
            f"{number(overdue.part)} of {counted(overdue.whole, 'open finding')}{_fewer(overdue, found)} "
            f"{'is' if overdue.part == 1 else 'are'} overdue{where if overdue.part and overdue.known > 1 else ''}."
        )
    return sentences


def _fewer(of: Sum, found: Summaries) -> str:
    """Of how many tenants a number is, where it is not known of each one that was judged."""
    return f" (of {of.of_tenants})" if of.known < len(found.counted) else ""


def _caveats(found: Summaries) -> list[Caveat]:
    """What makes the sums less than they seem, warnings first."""
    raised: list[Caveat] = []
    if scopes := [each for each in found.counted if each.text("fleet_scope")]:
        names = _named(
            (f"{shown(each.tenant, 60)} ({shown(each.text('fleet_scope'), 120)})" for each in scopes), longest=200
        )
        raised.append(Caveat("warning", f"Of these tenants a part alone is judged: {names}."))
    without: dict[str, list[str]] = {}
    for each in found.counted:
        for name in each.absent_inputs:
            without.setdefault(name, []).append(each.tenant)
    if without:
        lacking = "; ".join(f"{shown(name)} of {_named(tenants)}" for name, tenants in sorted(without.items()))
        raised.append(
            Caveat("note", f"Absent inputs: {lacking}. What needs them is not known of these tenants, or left out.")
        )
    policies: dict[tuple[str | None, str | None], list[str]] = {}
    for each in found.counted:
        policies.setdefault((each.text("policy"), each.text("policy_digest")), []).append(each.tenant)
    if len(policies) > 1:
        judged = "; ".join(
            f"{shown(name or 'not known')} ({shown(digest or 'not known', 12)}) judges {_named(tenants)}"
            for (name, digest), tenants in policies.items()
        )
        raised.append(
            Caveat(
                "note",
                f"{counted(len(policies), 'policy', 'policies')} judge these tenants, so a share of one is not "
                f"measured as that of another: {judged}.",
            )
        )
    if found.unlisted:
        raised.append(
            Caveat(
                "note",
                f"The lake also holds tables of {_named(found.unlisted)}, which the list of tenants lacks: in no sum.",
            )
        )
    return raised
