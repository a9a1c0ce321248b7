"""The tenants that a tick is about: those of the file that Dagster has partitions of.

Here: what is said of a file that changed since the definitions were loaded. Not here: reading the file
(``settings/tenants.py``), the partitions (``partitions.py``).

The partitions of the tenants are a part of the definitions, in the order of the file, so that a range of them has a
meaning; a run for a tenant without partitions would fail the whole tick.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import DefenderAssetsError
from ..failures import failure_of
from ..partitions import TenantDays
from .probe import TenantProbes


@dataclass(frozen=True)
class ListedTenants:
    """``tenants`` are to be looked at; ``messages`` say which are not, and why."""

    tenants: tuple[str, ...]
    messages: tuple[str, ...] = ()


def listed_tenants(probes: TenantProbes, partitions: TenantDays) -> ListedTenants:
    """The tenants that are in the file now, without those that were added since the definitions were loaded. Those the
    definitions have, where the file cannot be read: somebody may be editing it, and a run reads it again."""
    try:
        listed = probes.tenants()
    except DefenderAssetsError as error:
        why = f"the last known tenants are asked, because their list cannot be read: {failure_of(error).description}"
        return ListedTenants(partitions.tenants, (why,))
    known = tuple(tenant for tenant in listed if tenant in partitions.tenants)
    messages = (
        *_said(
            [tenant for tenant in listed if tenant not in known],
            "added to the list of tenants, and without partitions until the definitions are loaded anew (start "
            "defender-assets serve, or the code location, again; with dagster dev: Deployment, Reload)",
        ),
        *_said([tenant for tenant in partitions.tenants if tenant not in listed], "no longer in the list of tenants"),
    )
    return ListedTenants(known, messages)


def _said(tenants: Sequence[str], what: str) -> tuple[str, ...]:
    return (f"{', '.join(tenants)}: {what}",) if tenants else ()
