"""Looking at a part of the tenant in a lake that holds all of it.

Here: what a view of a table is restricted to. Not here: the views (``views.py``), the rule for devices
(``scope/rule.py``), a lake that holds a part alone (``refresh/``).

The newest ``machines`` decide which devices are in the scope, for the history of a table too. Tables about no single
device are whole where the service tells them so; a computed one counts devices, and cannot be looked at in part.
"""

import pyarrow as pa

from ..catalog import DATASETS, DERIVED
from ..catalog.devices import MACHINES
from ..lake import Lake
from ..scope import DEVICE_COLUMNS, FleetScope, in_scope
from ..sql import identifier, literal, literals
from .errors import QueryError

DEVICES_IN_SCOPE = "devices_in_scope"
_RATED = "rated_severity"
"""The severity of the findings of a computed table."""


def devices_of(lake: Lake, scope: FleetScope) -> pa.Table:
    """The ids (``id``) of the devices in the scope, by the newest ``machines``. Raises QueryError for a lake of several
    tenants, NoSnapshot, UnreadableSnapshot."""
    if lake.tenant is None:
        raise QueryError("A scope is looked at in one tenant: name it with --tenant.")
    machines = lake.read(MACHINES.name, columns=[*DEVICE_COLUMNS, "observed_at"])
    as_of = max(machines["observed_at"].to_pylist(), default=None)
    if as_of is None:
        return machines.select(["id"])
    return machines.filter(pa.array(in_scope(machines, scope, as_of))).select(["id"])


def restricted_to(table: str, scope: FleetScope) -> str | None:
    """The condition that a row of the table has to meet, in SQL; None where it is shown whole."""
    dataset, derived = DATASETS.get(table), DERIVED.get(table)
    device = severity = None
    if dataset is not None:
        device = "id" if table == MACHINES.name else dataset.device_column
        severity = dataset.finding_severity
    elif derived is not None:
        names = {column.name for column in derived.columns}
        device = "device_id" if "device_id" in names else None
        severity = _RATED if _RATED in names else None
        if device is None:
            sentence = (
                f"{table} is about the whole tenant, and has no rows of single devices: it cannot be looked at with a "
                "scope. Leave --scope out, or count in a table that has device_id."
            )
            # An error when its rows are read: the other tables can still be looked at, and this one listed.
            return f"error({literal(sentence)}) IS NULL"
    conditions = []
    if device is not None and scope.chooses_devices:
        name = identifier(device)
        conditions.append(f"({name} IS NULL OR {name} IN (SELECT id FROM {DEVICES_IN_SCOPE}))")
    if severity is not None and scope.levels_below:
        below = literals(scope.levels_below)
        conditions.append(f"NOT list_contains({below}, coalesce(lower(trim({identifier(severity)})), ''))")
    return " AND ".join(conditions) or None
