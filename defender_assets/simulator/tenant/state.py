"""The state of the tenant: everything that may change while it is served, as one frozen value.

Here: the time, and which devices arrived, left, moved and were patched. Not here: how it changes (``timeline.py``).
A stored assessment keeps the state it was made from, so that a walk over its pages is not disturbed by changes.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class GroupMove:
    """A device changed its device group; ``former`` and ``present`` are indices of ``fleet.GROUPS``."""

    at: datetime
    former: int
    present: int


@dataclass(frozen=True)
class TenantState:
    """The tenant at one time. Devices are indices: first those of the shape, then those that arrived."""

    now: datetime
    devices: int
    left: Mapping[int, datetime] = field(default_factory=dict)
    arrived: Mapping[int, datetime] = field(default_factory=dict)
    moved: Mapping[int, GroupMove] = field(default_factory=dict)
    patched: Mapping[int, datetime] = field(default_factory=dict)
    created_alerts: tuple[datetime, ...] = ()
    updated_alerts: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def present(self) -> "array[int]":
        """The indices of the devices that have not left, ascending."""
        return array("I", (i for i in range(self.devices) if i not in self.left))


@dataclass(frozen=True)
class Assessment:
    """A stored snapshot of vulnerability management: when it was made, and the state it was made from."""

    generated: datetime
    state: TenantState

    @property
    def time_path(self) -> str:
        """The segment of blob paths and skip tokens that names the snapshot: ``2026-03-02/0601``."""
        return self.generated.strftime("%Y-%m-%d/%H%M")
