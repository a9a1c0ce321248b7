"""All that the day's tables say about single devices, for as many devices as a page holds.

Here: the devices in the order in which they need somebody, and what is known of each. Not here: lists of devices (the
other sections), how much of this a page embeds (``device_details.py``).

What a device has much of is cut by the queries, which say how much there was, so that ten million findings never come
into Python's memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Protocol, TypeVar

import pyarrow as pa

from ..snapshot import DaySnapshot


class OfDevice(Protocol):
    """A row about a device. ``total`` is how many of its kind the device has."""

    @property
    def device_id(self) -> str: ...

    @property
    def total(self) -> int: ...


_Row = TypeVar("_Row", bound=OfDevice)


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A machine record and its verdicts; None where it was not judged."""

    device_id: str
    group_name: str | None
    os_platform: str | None
    last_seen: datetime | None
    population: str
    patch_verdict: str | None
    agent_verdict: str | None
    configuration_verdict: str | None

    @property
    def total(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class ReasonTold:
    """A sentence about a device, and where the policy says so. ``verdict`` is that of the topic; None where there is
    none, and for what does not speak against the device in a topic where something else does."""

    device_id: str
    topic: str
    verdict: str | None
    sentence: str
    setting: str | None
    policy_file: str | None
    policy_line: int | None
    total: int

    @property
    def policy(self) -> str | None:
        """The setting of the policy that decided, and where it is written."""
        if not self.setting or not self.policy_file:
            return self.setting
        return f"{self.setting}, {self.policy_file}, line {self.policy_line}"


@dataclass(frozen=True, slots=True)
class ProductOnDevice:
    """A version of a product with open findings on a device."""

    device_id: str
    product: str
    fix_id: str | None
    open_findings: int
    overdue_findings: int
    kev_findings: int | None
    critical_findings: int
    due_at: datetime | None
    oldest_overdue_days: int | None
    cves: list[str] | None
    total: int


@dataclass(frozen=True, slots=True)
class UpdateMissing:
    """An update that a device lacks, and what it would close."""

    device_id: str
    update_id: str | None
    update_name: str | None
    severity: str | None
    state: str | None
    open_findings: int | None
    overdue_findings: int | None
    due_at: datetime | None
    total: int


@dataclass(frozen=True, slots=True)
class ControlFailed:
    """A control that a device fails."""

    device_id: str
    configuration_id: str | None
    configuration_name: str | None
    configuration_category: str | None
    configuration_impact: float | None
    is_required: bool
    total: int


@dataclass(frozen=True, slots=True)
class UserSeen:
    """Somebody who has logged on to a device."""

    device_id: str
    account_name: str | None
    account_domain: str | None
    logon_types: str | None
    is_domain_admin: bool | None
    last_seen: datetime | None
    total: int

    @property
    def account(self) -> str | None:
        return "\\".join(part for part in (self.account_domain, self.account_name) if part) or None


@dataclass(frozen=True)
class OpenedDevices:
    """What is known of devices, by their ids. ``facts`` has the devices in their order. The others are None where the
    table that tells them is absent."""

    facts: Mapping[str, Sequence[DeviceFacts]]
    reasons: Mapping[str, Sequence[ReasonTold]] | None
    products: Mapping[str, Sequence[ProductOnDevice]] | None
    updates: Mapping[str, Sequence[UpdateMissing]] | None
    controls: Mapping[str, Sequence[ControlFailed]] | None
    users: Mapping[str, Sequence[UserSeen]] | None
    names_users: bool


def opened_devices(snapshot: DaySnapshot, names_users: bool) -> OpenedDevices | None:
    """None where the day has no device_identity. Without ``names_users`` nobody who logged on is told."""
    if not snapshot.has("device_identity"):
        return None
    facts, _ = snapshot.first(DeviceFacts, "devices_to_open")
    snapshot.offer("opened_devices", pa.table({"device_id": pa.array([row.device_id for row in facts], pa.string())}))
    return OpenedDevices(
        facts={row.device_id: [row] for row in facts},
        reasons=_by_device(snapshot.all(ReasonTold, "device_reasons")) if snapshot.has("verdict_reasons") else None,
        products=_by_device(snapshot.all(ProductOnDevice, "device_products"))
        if snapshot.has("patch_findings")
        else None,
        updates=_by_device(snapshot.all(UpdateMissing, "device_updates")) if snapshot.has("missing_updates") else None,
        controls=_by_device(snapshot.all(ControlFailed, "device_controls"))
        if snapshot.has("policy_compliance")
        else None,
        users=_by_device(snapshot.all(UserSeen, "device_users"))
        if names_users and snapshot.has("machine_users")
        else None,
        names_users=names_users,
    )


def _by_device(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    return {device_id: list(of_device) for device_id, of_device in groupby(rows, key=attrgetter("device_id"))}
