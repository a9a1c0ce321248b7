"""The devices: identity, platform, group, kind of record, last report.

Here: the device of an index, computed afresh from the seed each time it is asked for, so a fleet of any size takes no
memory. Not here: rows of any dataset (``machines.py`` and its neighbours).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from . import platforms
from .device_groups import GROUPS, KITCHEN, WORKSTATIONS, DeviceGroup, group_shares
from .device_kinds import DUPLICATE_KINDS, FIXED_DEVICES, NOT_ONBOARDED, DeviceTemplate, Discipline, RecordKind
from .platforms import Platform
from .randomness import digest, rng_for, uniform, weighted_choice
from .shape import TenantShape
from .state import TenantState

_RECORD_KINDS = (
    (RecordKind.REGULAR, 0.846),
    (RecordKind.SILENT, 0.03),
    (RecordKind.DUPLICATE, 0.02),
    (RecordKind.MERGED, 0.012),
    (RecordKind.EXCLUDED, 0.012),
    (RecordKind.DISCOVERED, 0.025),
    (RecordKind.UNSUPPORTED, 0.005),
    (RecordKind.INSUFFICIENT, 0.005),
    (RecordKind.INACTIVE, 0.03),
    (RecordKind.NOT_ASSESSED, 0.015),
)
_DISCIPLINES = ((Discipline.FRESH, 0.55), (Discipline.LAGGING, 0.33), (Discipline.NEGLECTED, 0.12))
_ORDINARY = DeviceTemplate(platforms.WINDOWS_11_24H2)


class Device(NamedTuple):
    """One machine record. ``os_lag`` in [0, 1) decides how far its operating system is behind."""

    number: int
    id: str
    record_kind: RecordKind
    platform: Platform
    name: str
    original_index: int | None
    group: DeviceGroup
    former_group: DeviceGroup | None
    first_seen: datetime
    last_seen: datetime
    discipline: Discipline
    os_lag: float
    template: DeviceTemplate

    @property
    def onboarded(self) -> bool:
        return self.record_kind not in NOT_ONBOARDED

    @property
    def hardware(self) -> int:
        """The index of the device whose hardware and Entra registration the record tells of."""
        return self.number if self.original_index is None else self.original_index

    @property
    def two_groups(self) -> bool:
        """Whether the device is moving between two groups, so that assessment rows repeat for both."""
        return self.former_group is not None


class Fleet:
    """The devices of a tenant by index."""

    def __init__(self, shape: TenantShape) -> None:
        self.shape = shape
        self.epoch = shape.as_of
        self._mask = int.from_bytes(digest(shape.seed, "mask", size=4), "big")

    def id_of(self, index: int) -> str:
        """40 hexadecimal characters. The last eight encode the index, so that no table of ids is needed."""
        return f"{digest(self.shape.seed, 'device', index).hex()}{index ^ self._mask:08x}"

    def index_of(self, device_id: str, state: TenantState) -> int | None:
        """The index of a present device, None for an id that the tenant does not have."""
        try:
            index = int(device_id[32:], 16) ^ self._mask
        except ValueError:
            return None
        known = index < state.devices and index not in state.left and self.id_of(index) == device_id
        return index if known else None

    def record_kind_of(self, index: int) -> RecordKind:
        """The kind of a record. A duplicate needs a regular device before it, otherwise it is regular itself."""
        drawn = self._drawn_record_kind(index)
        if drawn in DUPLICATE_KINDS and index >= len(FIXED_DEVICES):
            before = self._drawn_record_kind(index - 1)
            return drawn if before is RecordKind.REGULAR else RecordKind.REGULAR
        return drawn

    def _drawn_record_kind(self, index: int) -> RecordKind:
        if index < len(FIXED_DEVICES):
            return FIXED_DEVICES[index].record_kind
        if index >= self.shape.machines:
            return RecordKind.REGULAR
        return weighted_choice(uniform(self.shape.seed, "standing", index), _RECORD_KINDS)

    def devices(self, state: TenantState) -> Iterator[Device]:
        return (self.device(index, state) for index in state.present)

    def device(self, index: int, state: TenantState) -> Device:
        """The device as it is in ``state``."""
        template = FIXED_DEVICES[index] if index < len(FIXED_DEVICES) else _ORDINARY
        is_fixed = index < len(FIXED_DEVICES)
        rng = rng_for(self.shape.seed, "fleet", index)
        record_kind = self.record_kind_of(index)
        original_index = (
            (template.original_index if is_fixed else index - 1) if record_kind in DUPLICATE_KINDS else None
        )
        drawn_platform = weighted_choice(rng.random(), platforms.PLATFORM_SHARES)
        drawn_discipline = weighted_choice(rng.random(), _DISCIPLINES)
        group_draw, os_lag, age, report, two = (rng.random() for _ in range(5))
        if original_index is not None:
            original = self.device(original_index, state)
            platform, group = original.platform, original.group
            name = template.name or (original.name if record_kind is RecordKind.MERGED else original.name.upper())
        else:
            platform = template.platform if is_fixed else drawn_platform
            group = GROUPS[weighted_choice(group_draw, group_shares(platform))]
            name = template.name or _name_of(platform, index)
        former: DeviceGroup | None = None
        if moved := state.moved.get(index):
            group = GROUPS[moved.present]
        elif original_index is None and (template.two_groups or (not is_fixed and two < 0.003)):
            former = GROUPS[KITCHEN] if group.id != GROUPS[KITCHEN].id else GROUPS[WORKSTATIONS]
        first_seen, last_seen = self._times(index, record_kind, age, report, state)
        patched = index in state.patched
        return Device(
            number=index,
            id=self.id_of(index),
            record_kind=record_kind,
            platform=platform,
            name=name,
            original_index=original_index,
            group=group,
            former_group=former,
            first_seen=first_seen,
            last_seen=last_seen,
            discipline=Discipline.FRESH if patched else template.discipline if is_fixed else drawn_discipline,
            os_lag=0.0 if patched else os_lag,
            template=template,
        )

    def _times(
        self, index: int, record_kind: RecordKind, age: float, report: float, state: TenantState
    ) -> tuple[datetime, datetime]:
        """First and last report. Devices that report did so within the last 22 hours. The others stay at their last
        report, well away from the limits in the compliance rules."""
        if arrived := state.arrived.get(index):
            return arrived, max(arrived, state.now - timedelta(hours=report))
        days = 0.2 + 900 * age * age
        match record_kind:
            case RecordKind.REGULAR | RecordKind.NOT_ASSESSED | RecordKind.EXCLUDED:
                last_seen = state.now - timedelta(seconds=int(60 + report * 22 * 3600))
            case RecordKind.SILENT:
                last_seen = self._past(8.5 + 20 * report)
            case RecordKind.DUPLICATE:
                last_seen = self._past(8.5 + 16 * report if index % 2 else 35 + 100 * report)
            case RecordKind.INACTIVE:
                last_seen = self._past(31.5 + 130 * report)
            case _:
                last_seen = self._past(0.5 + 60 * report)
        # No record is seen for the first time after its last report.
        first_seen = min(self._past(days), last_seen - timedelta(days=1 + 200 * age))
        if record_kind in (RecordKind.REGULAR, RecordKind.NOT_ASSESSED, RecordKind.EXCLUDED):
            first_seen = self._past(days)
            last_seen = max(last_seen, first_seen)
        return first_seen.replace(microsecond=0), last_seen

    def _past(self, days: float) -> datetime:
        return self.epoch - timedelta(seconds=int(days * 86_400))


def _name_of(platform: Platform, index: int) -> str:
    """Fully qualified names, short ones for phones; upper or lower case as the device reports it."""
    if platform.kind == "phone":
        return f"{platform.family}-{index:06d}"
    if platform.family == "macos":
        return f"MBP-{index:06d}.corp.contoso.example"
    if platform.kind == "server":
        return f"srv-{index:06d}.corp.contoso.example"
    prefix = "lt" if index % 3 else "WS"
    return f"{prefix}-{index:06d}.corp.contoso.example"
