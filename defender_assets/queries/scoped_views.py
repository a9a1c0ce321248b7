"""Looking at a part of the tenant in a lake that holds all of it.

Here: what a view of a table is restricted to, and scopes that are probably misspelled. Not here: the views
(``views.py``), the rule for devices (``scope/rule.py``), a lake that holds a part alone (``refresh/``).

The newest ``machines`` decide which devices are in the scope, for the history of a table too. Tables about no single
device are whole where the service tells them so; a computed one counts devices, and cannot be looked at in part.
"""

import pyarrow as pa

from ..catalog import DATASETS, DERIVED
from ..catalog.derived.patches import PATCH_FINDINGS
from ..catalog.devices import MACHINES
from ..lake import Lake
from ..quantity import quantity
from ..sanitize import redacted
from ..scope import DEVICE_COLUMNS, FleetScope, in_scope
from ..scope.rule import names_in_use, names_on_devices
from ..spelling import is_meant, near_names
from ..sql import identifier, literal, literals
from .errors import QueryError

DEVICES_IN_SCOPE = "devices_in_scope"
_RATED = "rated_severity"
"""The severity of the findings of a computed table."""


def devices_of(lake: Lake, scope: FleetScope) -> pa.Table:
    """The ids (``id``) of the devices in the scope, by the newest ``machines``. Raises QueryError for a lake of several
    tenants and for a scope without a device, NoSnapshot, UnreadableSnapshot."""
    if lake.tenant is None:
        raise QueryError("A scope is looked at in one tenant: name it with --tenant.")
    machines = lake.read(MACHINES.name, columns=[*DEVICE_COLUMNS, "observed_at"])
    as_of = max(machines["observed_at"].to_pylist(), default=None)
    inside = machines if as_of is None else machines.filter(pa.array(in_scope(machines, scope, as_of)))
    if not inside.num_rows:
        # Without a row nothing is overdue: an answer that would look like good news.
        raise QueryError(
            f"None of the {quantity(machines.num_rows, 'machine record')} of {lake.newest(MACHINES.name)} is in the "
            f"scope ({redacted(str(scope))})",
            remedy=_misspelled(machines, scope) or "Leave out one of the conditions.",
        )
    return inside.select(["id"])


def unknown_scope_names(lake: Lake, scope: FleetScope) -> str:
    """Which tags and device groups of the scope no device has, and what was probably meant; empty where there are none.
    Raises NoSnapshot, UnreadableSnapshot."""
    if not (scope.tags or scope.device_groups):
        return ""
    return _misspelled(lake.read(MACHINES.name, columns=list(DEVICE_COLUMNS)), scope)


def _misspelled(machines: pa.Table, scope: FleetScope) -> str:
    found = names_on_devices(machines, scope)
    missing = [name for name in (*scope.tags, *scope.device_groups) if name not in found]
    if not missing:
        return ""
    in_use = names_in_use(machines)
    near = dict.fromkeys(redacted(meant) for name in missing for meant in near_names(name, in_use))
    hint = is_meant(list(near)) or "are they misspelled?"
    return f"No device has these tags and device groups of the scope: {', '.join(map(redacted, missing))}; {hint}"


def restricted_to(table: str, scope: FleetScope) -> str | None:
    """The condition that a row of the table has to meet, in SQL; None where it is shown whole."""
    dataset, derived = DATASETS.get(table), DERIVED.get(table)
    device = severity = None
    if dataset is not None:
        device = dataset.device_column
        severity = dataset.finding_severity
    elif derived is not None:
        names = {column.name for column in derived.columns}
        device = "device_id" if "device_id" in names else None
        severity = _RATED if _RATED in names else None
        if scope.levels_below and severity is None and counts_findings(table):
            return _refusal(
                f"{table} is made from findings of every severity: it cannot be looked at with --scope severity=. "
                f"Leave that out, or count in {PATCH_FINDINGS.name}."
            )
        if device is None:
            return _refusal(
                f"{table} is about the whole tenant, and has no rows of single devices: it cannot be looked at with a "
                "scope. Leave --scope out, or count in a table that has device_id."
            )
    conditions = []
    if device is not None and scope.chooses_devices:
        name = identifier(device)
        conditions.append(f"({name} IS NULL OR {name} IN (SELECT id FROM {DEVICES_IN_SCOPE}))")
    if severity is not None and scope.levels_below:
        below = literals(scope.levels_below)
        conditions.append(f"NOT list_contains({below}, coalesce(lower(trim({identifier(severity)})), ''))")
    return " AND ".join(conditions) or None


def counts_findings(table: str) -> bool:
    """Whether the rows of a computed table depend on findings, as verdicts and sums do."""
    if table not in DERIVED:
        return False
    inputs = (*DERIVED[table].inputs, *DERIVED[table].optional_inputs)
    return PATCH_FINDINGS.name in inputs or any(map(counts_findings, inputs))


def _refusal(sentence: str) -> str:
    """A condition that is an error when rows are read: the other tables can still be looked at, and this one listed."""
    return f"error({literal(sentence)}) IS NULL"
