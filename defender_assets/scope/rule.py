"""Which devices and which findings are in a scope: one rule for what is fetched and for what is looked at.

Here: pure functions from columns to a mask. Not here: reading columns, counting what is left out.

What is not known leaves nothing out, as far as it may be: a device that does not say when it was last seen, and a
finding that nothing rates, are in. A device without the tag, the group or the onboarding status that the scope asks for
is out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .fleet_scope import FleetScope

Mask = npt.NDArray[np.bool_]


def in_scope(machines: pa.Table, scope: FleetScope, as_of: datetime) -> Mask:
    """Of each machine record, whether its device is in the scope. ``machines`` has ``DEVICE_COLUMNS``; ``as_of`` is
    when the machine list was read (UTC). Names are compared without regard to case."""
    inside = np.ones(machines.num_rows, dtype=np.bool_)
    if scope.onboarded:
        inside &= _is_one_of(machines["onboarding_status"], ["onboarded"])
    if scope.tags:
        inside &= _has_one_of(machines["machine_tags"], scope.tags)
    if scope.device_groups:
        inside &= _is_one_of(machines["rbac_group_name"], scope.device_groups)
    if scope.seen_within_days:
        since = pa.scalar(as_of - timedelta(days=scope.seen_within_days), pa.timestamp("us", "UTC"))
        inside &= _mask(pc.fill_null(pc.greater_equal(machines["last_seen"], since), True))
    return inside


def names_on_devices(machines: pa.Table, scope: FleetScope) -> list[str]:
    """The tags and device groups of the scope that at least one of these records has."""
    tags = [name for name in scope.tags if _has_one_of(machines["machine_tags"], [name]).any()]
    groups = [name for name in scope.device_groups if _is_one_of(machines["rbac_group_name"], [name]).any()]
    return tags + groups


def names_in_use(machines: pa.Table) -> list[str]:
    """Every tag and device group that a record has, each once."""
    tags = pc.list_flatten(machines["machine_tags"])
    names = {*pc.unique(tags).to_pylist(), *pc.unique(machines["rbac_group_name"]).to_pylist()}
    return sorted(name for name in names if name)


def severe_enough(severity: pa.ChunkedArray, scope: FleetScope) -> Mask:
    """Of each finding, whether it is of the scope's severity or above. A level that is absent or unknown is in, and so
    is a row that only says that a product was assessed."""
    return ~_is_one_of(severity, scope.levels_below)


def _is_one_of(texts: pa.ChunkedArray, names: Sequence[str]) -> Mask:
    return _mask(pc.is_in(_comparable(texts), value_set=_comparable(pa.array(names, pa.string()))))


def _has_one_of(lists: pa.ChunkedArray, names: Sequence[str]) -> Mask:
    found = np.zeros(len(lists), dtype=np.bool_)
    start = 0
    for chunk in lists.chunks:
        rows = pc.list_parent_indices(chunk).to_numpy(zero_copy_only=False)
        matching = _is_one_of(pa.chunked_array([pc.list_flatten(chunk)]), names)
        found[start + rows[matching]] = True
        start += len(chunk)
    return found


def _comparable(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.utf8_lower(pc.utf8_trim_whitespace(texts))


def _mask(values: pa.ChunkedArray) -> Mask:
    mask: Mask = values.to_numpy().astype(np.bool_)
    return mask
