"""Rows of the change feed: findings that are new, fixed or updated in the 14 days before an assessment.

Here: the events of each device in windows of six hours, with the oddities of the real feed: a move between device
groups is Fixed and New of the same id, an upgrade that keeps a CVE is Fixed and New with the same first-seen time, and
devices that left have events. Not here: the assessment itself (``findings.py``).
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from .cves import Cve
from .device_groups import GROUPS, DeviceGroup
from .findings import Findings, SeenTimes
from .fleet import Device
from .formats import Row, iso_seconds, tvm_time
from .installed_software import Installed, InstalledSoftware
from .products import SoftwareProduct, SoftwareVersion
from .randomness import rng_for
from .state import Assessment, GroupMove, TenantState

GroupAt = Callable[[datetime], DeviceGroup]
CHANGES_KEPT_FOR = timedelta(days=14)
_WINDOW = timedelta(hours=6)
_DEPARTED = 1_900_000
"""Indices from here on are devices that left before the tenant was made."""


def window_of(moment: datetime) -> datetime:
    """The beginning of the six-hour window that contains the moment."""
    return moment.replace(hour=moment.hour // 6 * 6, minute=0, second=0, microsecond=0)


def _published(moment: datetime) -> datetime:
    """When a change at that moment appears in the feed: at the end of its window."""
    return window_of(moment) + _WINDOW


@dataclass(frozen=True)
class ChangeEvent:
    at: datetime
    status: str
    group: DeviceGroup
    product: SoftwareProduct
    version: SoftwareVersion
    cve: Cve
    fixed: bool
    onboarded: bool = True

    @property
    def key(self) -> tuple[Hashable, ...]:
        return self.at, self.status, self.group.id, self.version.number, self.cve.number


class Changes:
    """The change feed of a tenant."""

    def __init__(self, software: InstalledSoftware, findings: Findings) -> None:
        self.software = software
        self.fleet = software.fleet
        self.findings = findings
        self.epoch = software.shape.as_of
        departed = 0 if software.shape.as_documented else max(1, software.shape.machines // 150)
        self._departed = range(_DEPARTED, _DEPARTED + departed)

    def indices(self, state: TenantState) -> list[int]:
        """The devices that may have changes: present ones, those that left while served, those that left before."""
        return [*state.present, *state.left, *self._departed]

    def rows(self, index: int, assessment: Assessment, since: datetime) -> Iterator[Row]:
        """The device's changes from ``since`` on, oldest first."""
        known: set[tuple[Hashable, ...]] = set()
        state = assessment.state
        unpatched = replace(state, patched={k: v for k, v in state.patched.items() if k != index})
        device = self.fleet.device(index, unpatched if index in state.patched else state)
        if not self.software.is_assessed(device):
            return
        times = SeenTimes(self.software.shape.seed, device, assessment)
        last = window_of(assessment.generated)
        for event in sorted(self._events(device, assessment, times), key=lambda event: event.at):
            if max(since, last - CHANGES_KEPT_FOR) <= event.at <= last and event.key not in known:
                known.add(event.key)
                yield self._row(device, event, assessment, times)

    def _events(self, device: Device, assessment: Assessment, times: SeenTimes) -> Iterator[ChangeEvent]:
        state, index = assessment.state, device.number
        rng = rng_for(self.software.shape.seed, "changes", index)
        installed = self.software.installed_on(device)
        moves = self._moves(device, state, rng)

        def group_at(at: datetime) -> DeviceGroup:
            """The device's group at that time: events before a move have the former group."""
            return next((GROUPS[move.former] for move in moves if at < _published(move.at)), device.group)

        yield from self._appearances(device, installed, times, rng, group_at)
        yield from self._upgrades(installed, times, rng, group_at)
        for move in moves:
            yield from self._move(installed, times, move)
        if patched := state.patched.get(index):
            for product, version in installed:
                if version.lag:
                    yield from self._upgrade(
                        product, version, product.versions[0], _published(patched), times, group_at
                    )
        gone = state.left.get(index)
        if gone is None and index >= _DEPARTED and rng.random() < 0.7:
            gone = self.epoch - timedelta(hours=10 + int(rng.random() * 300))
        if gone:
            yield from self._departure(device, installed, times, _published(gone))

    def _appearances(
        self, device: Device, installed: list[Installed], times: SeenTimes, rng: Random, group_at: GroupAt
    ) -> Iterator[ChangeEvent]:
        start = self.epoch - CHANGES_KEPT_FOR
        for product, version in installed:
            for cve, fixed in self.software.affecting(product, version):
                if cve.seen_from < start and device.first_seen < start:
                    if rng.random() < 0.002:
                        at = _published(start + timedelta(hours=rng.random() * 330))
                        yield ChangeEvent(at, "Updated", group_at(at), product, version, cve, fixed)
                    continue
                at = _published(times.first_moment(cve))
                yield ChangeEvent(at, "New", group_at(at), product, version, cve, fixed)

    def _upgrades(
        self, installed: list[Installed], times: SeenTimes, rng: Random, group_at: GroupAt
    ) -> Iterator[ChangeEvent]:
        """Upgrades to the present version in these days, unless the version before is still installed."""
        present = {version.number for _, version in installed}
        for product, version in installed:
            if version.number + 1 in present:
                continue
            if not product.spread or version.lag + 1 >= len(product.versions) or rng.random() > 0.3:
                continue
            age = self.software.cve_catalog.release_age(product, version.lag)
            earliest = self.epoch - min(CHANGES_KEPT_FOR, timedelta(days=age - 2.5))
            at = earliest + (self.epoch - earliest) * rng.random()
            before = product.versions[version.lag + 1]
            yield from self._upgrade(product, before, version, _published(at), times, group_at)

    def _upgrade(
        self,
        product: SoftwareProduct,
        before: SoftwareVersion,
        after: SoftwareVersion,
        at: datetime,
        times: SeenTimes,
        group_at: GroupAt,
    ) -> Iterator[ChangeEvent]:
        kept = {cve.number for cve, _ in self.software.affecting(product, after)}
        for cve, fixed in self.software.affecting(product, before):
            if _published(times.first_moment(cve)) < at:
                yield ChangeEvent(at, "Fixed", group_at(at), product, before, cve, fixed)
                if cve.number in kept:
                    yield ChangeEvent(at, "New", group_at(at), product, after, cve, fixed)

    def _moves(self, device: Device, state: TenantState, rng: Random) -> list[GroupMove]:
        """The moves of a device, oldest first. One device in seventy moved before the tenant was made."""
        moved = state.moved.get(device.number)
        group = device.group if moved is None else GROUPS[moved.former]
        moves = [] if moved is None else [moved]
        hours = 8 + rng.random() * 320
        if rng.random() < 0.015 and not device.two_groups and device.number < _DEPARTED:
            former = next(k for k, other in enumerate(GROUPS) if other.id not in (group.id, 0))
            moves.insert(0, GroupMove(self.epoch - timedelta(hours=hours), former, GROUPS.index(group)))
        return moves

    def _move(self, installed: list[Installed], times: SeenTimes, move: GroupMove) -> Iterator[ChangeEvent]:
        at = _published(move.at)
        for product, version in installed:
            for cve, fixed in self.software.affecting(product, version):
                if _published(times.first_moment(cve)) < at:
                    yield ChangeEvent(at, "Fixed", GROUPS[move.former], product, version, cve, fixed)
                    yield ChangeEvent(at, "New", GROUPS[move.present], product, version, cve, fixed)

    def _departure(
        self, device: Device, installed: list[Installed], times: SeenTimes, at: datetime
    ) -> Iterator[ChangeEvent]:
        for product, version in installed:
            for cve, fixed in self.software.affecting(product, version):
                if _published(times.first_moment(cve)) < at:
                    yield ChangeEvent(at, "Fixed", device.group, product, version, cve, fixed, onboarded=False)

    def _row(self, device: Device, event: ChangeEvent, assessment: Assessment, times: SeenTimes) -> Row:
        product, version, cve = event.product, event.version, event.cve
        mitigation = self.findings.mitigation(cve, event.group)
        members = self.findings.cve_members(product, cve, fixed=event.fixed, mitigation=mitigation, files=False)
        row = {
            "id": f"{device.id}_{product.vendor or ''}_{product.name}_{version.text}_{cve.id}",
            **self.findings.head(device, event.group, times, assessment, files=False),
            **self.findings.version_members(product, version, files=False),
            **members,
            "firstSeenTimestamp": times.first_seen(cve),
            "isOnboarded": event.onboarded,
            "status": event.status,
            "eventTimestamp": _formatted(event.at, cve.number),
        }
        del row["securityUpdateAvailable"]  # the one member that the change feed lacks
        return row


def _formatted(at: datetime, number: int) -> str:
    """An event's time in one of the three forms found in the schema, the examples and the files."""
    if number % 7 == 0:
        return tvm_time(at, ".0000000")
    return f"{iso_seconds(at)}Z" if number % 2 else tvm_time(at)
