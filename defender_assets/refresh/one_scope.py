"""Whether the tables that a day of a derived table is made from hold the same part of the tenant.

Here: their scope and what is known of the devices out of it, as the files of the partitions say, and the checks. Not
here: leaving rows out (``dataset/scoped_rows.py``), what is to be known (``compliance/rest_of_fleet.py``), the same
question for the policy (``one_policy.py``).
"""

from collections.abc import Iterable

from ..catalog import DATASETS, DERIVED
from ..checks import Check, Severity
from ..compliance import RestOfFleet, rest_in
from ..lake import Lake
from ..report import Partitions
from ..sanitize import redacted
from ..scope import ScopeOfTables
from .dataset.scoped_rows import is_scoped

INPUTS_OF_ONE_SCOPE = "inputs_of_one_scope"
REST_OF_FLEET_IS_KNOWN = "rest_of_fleet_is_known"
_TELL_OF_REST = ("machines", "av_health")


def has_scope(tables: Iterable[str]) -> bool:
    """Whether a scope can leave rows out of any of the tables."""
    return any(map(_is_scoped, tables))


def scope_of_inputs(lake: Lake, partitions: Partitions) -> ScopeOfTables:
    """The scope of the partitions that something is made from. Raises NoSnapshot, UnreadableSnapshot."""
    return ScopeOfTables.of_partitions(
        (name, lake.metadata(name, day)) for name, days in partitions.items() if _is_scoped(name) for day in days
    )


def rest_of_inputs(lake: Lake, partitions: Partitions) -> RestOfFleet:
    """What these partitions say of the devices that their scope left out. Raises NoSnapshot, UnreadableSnapshot."""
    return rest_in(lake.metadata(name, day) for name in _TELL_OF_REST for day in partitions.get(name, ()))


def inputs_of_one_scope(scope: ScopeOfTables) -> Check:
    """All inputs hold the same part of the tenant, or all of it. A warning: after a change of the scope the change feed
    tells of another part for as long as its earlier days are looked at."""
    words = f"what this is made from holds the same part of the tenant: {redacted(scope.words or 'all of it')}"
    if not scope.is_one:
        parts = ", ".join(f"{name} ({redacted(part or 'whole tenant')})" for name, part in scope.by_table.items())
        earlier = ", ".join(sorted(scope.on_other_days))
        words = (
            f"made from tables that hold different parts of the tenant: {parts}"
            + (f"; earlier days of {earlier} hold another part" if earlier else "")
            + ". Refresh all of them under one scope (DEFENDER_SCOPE_…), as far back as the service remembers"
        )
    numbers = {"scopes": len(set(scope.by_table.values())), "tables with other days": len(scope.on_other_days)}
    return Check(INPUTS_OF_ONE_SCOPE, scope.is_one, words, Severity.WARNING, numbers)


def rest_of_fleet_is_known(rest: RestOfFleet) -> Check:
    """Duplicates, and the newest release that the fleet runs, were looked for among the devices out of the scope too. A
    warning: without them a record may pass for a device of its own."""
    words = "what there is to know of the devices out of the scope is known, or none is out of it"
    if not rest.is_known:
        words = (
            "the files of machines and av_health do not tell of the devices out of the scope, or hold different parts "
            "of the tenant. Refresh both: until then a record whose later record is out of the scope may count as a "
            "device of its own, and no agent and no antivirus is called up to date by what the fleet runs"
        )
    return Check(REST_OF_FLEET_IS_KNOWN, rest.is_known, words, Severity.WARNING)


def _is_scoped(name: str) -> bool:
    return is_scoped(DATASETS[name]) if name in DATASETS else name in DERIVED
