"""Rows of the delta: findings that are new, fixed or updated in the 14 days before an assessment.

Here: the events of each device, six-hour grain, with the traps of the real feed: a move between device groups is Fixed
and New of the same id, an upgrade that keeps a CVE is Fixed and New with the first-seen time carried over, and devices
that left. Not here: the assessment itself (``findings.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from .draws import stream
from .estate import Estate, Installed
from .findings import Findings, Times
from .fleet import GROUPS, Device, Group
from .products import Product, Version
from .spelling import second, tvm
from .state import Assessment, Move, State
from .weaknesses import Flaw

GroupAt = Callable[[datetime], Group]
REMEMBERED = timedelta(days=14)
_GRAIN = timedelta(hours=6)
_GHOSTS = 1_900_000
"""Indices from here on are devices that had left before the tenant is looked at."""


def window_of(moment: datetime) -> datetime:
    """The beginning of the six-hour window that contains the moment."""
    return moment.replace(hour=moment.hour // 6 * 6, minute=0, second=0, microsecond=0)


def _computed(moment: datetime) -> datetime:
    """When a change of that moment shows: at the end of its window."""
    return window_of(moment) + _GRAIN


@dataclass(frozen=True)
class Event:
    at: datetime
    status: str
    group: Group
    product: Product
    version: Version
    flaw: Flaw
    fixed: bool
    onboarded: bool = True

    @property
    def key(self) -> tuple:
        return self.at, self.status, self.group.id, self.version.number, self.flaw.number


class Changes:
    """The change feed of a tenant."""

    def __init__(self, estate: Estate, findings: Findings) -> None:
        self.estate = estate
        self.fleet = estate.fleet
        self.findings = findings
        self.epoch = estate.shape.as_of
        self._ghosts = range(_GHOSTS, _GHOSTS + max(1, estate.shape.machines // 150))

    def indices(self, state: State) -> list[int]:
        """The devices that may have changes: those present, those that left, those that had left before."""
        return [*state.present, *state.left, *self._ghosts]

    def rows(self, index: int, assessment: Assessment, since: datetime) -> Iterator[dict]:
        """The device's changes of windows that end after ``since``, oldest first."""
        known: set[tuple] = set()
        state = assessment.state
        unpatched = replace(state, patched={k: v for k, v in state.patched.items() if k != index})
        device = self.fleet.device(index, unpatched if index in state.patched else state)
        if not self.estate.is_assessed(device):
            return
        times = Times(self.estate.shape.seed, device, assessment)
        last = window_of(assessment.generated)
        for event in sorted(self._events(device, assessment, times), key=lambda event: event.at):
            if max(since, last - REMEMBERED) <= event.at <= last and event.key not in known:
                known.add(event.key)
                yield self._row(device, event, assessment, times)

    def _events(self, device: Device, assessment: Assessment, times: Times) -> Iterator[Event]:
        state, index = assessment.state, device.number
        chance = stream(self.estate.shape.seed, "changes", index)
        installed = self.estate.installed_on(device)
        moves = self._moves(device, state, chance)

        def group_at(at: datetime) -> Group:
            """What happened before a move was told under the former group."""
            return next((GROUPS[move.former] for move in moves if at < _computed(move.at)), device.group)

        yield from self._appearances(device, installed, times, chance, group_at)
        yield from self._upgrades(installed, times, chance, group_at)
        for move in moves:
            yield from self._move(installed, times, move)
        if patched := state.patched.get(index):
            for product, version in installed:
                if version.lag:
                    yield from self._upgrade(product, version, product.versions[0], _computed(patched), times, group_at)
        gone = state.left.get(index)
        if gone is None and index >= _GHOSTS and chance.random() < 0.7:
            gone = self.epoch - timedelta(hours=10 + int(chance.random() * 300))
        if gone:
            yield from self._departure(device, installed, times, _computed(gone))

    def _appearances(
        self, device: Device, installed: list[Installed], times: Times, chance: Random, group_at: GroupAt
    ) -> Iterator[Event]:
        start = self.epoch - REMEMBERED
        for product, version in installed:
            for flaw, fixed in self.estate.affecting(product, version):
                if flaw.seen_from < start and device.first_seen < start:
                    if chance.random() < 0.002:
                        at = _computed(start + timedelta(hours=chance.random() * 330))
                        yield Event(at, "Updated", group_at(at), product, version, flaw, fixed)
                    continue
                at = _computed(times.first_moment(flaw))
                yield Event(at, "New", group_at(at), product, version, flaw, fixed)

    def _upgrades(self, installed: list[Installed], times: Times, chance: Random, group_at: GroupAt) -> Iterator[Event]:
        """What was patched in these days: the version before the present one, if it is not still there."""
        there = {version.number for _, version in installed}
        for product, version in installed:
            if version.number + 1 in there:
                continue
            if not product.spread or version.lag + 1 >= len(product.versions) or chance.random() > 0.3:
                continue
            age = self.estate.weaknesses.release_age(product, version.lag)
            earliest = self.epoch - min(REMEMBERED, timedelta(days=age - 2.5))
            at = earliest + (self.epoch - earliest) * chance.random()
            before = product.versions[version.lag + 1]
            yield from self._upgrade(product, before, version, _computed(at), times, group_at)

    def _upgrade(
        self, product: Product, before: Version, after: Version, at: datetime, times: Times, group_at: GroupAt
    ) -> Iterator[Event]:
        kept = {flaw.number for flaw, _ in self.estate.affecting(product, after)}
        for flaw, fixed in self.estate.affecting(product, before):
            if _computed(times.first_moment(flaw)) < at:
                yield Event(at, "Fixed", group_at(at), product, before, flaw, fixed)
                if flaw.number in kept:
                    yield Event(at, "New", group_at(at), product, after, flaw, fixed)

    def _moves(self, device: Device, state: State, chance: Random) -> list[Move]:
        """The moves of a device, oldest first: one device in seventy had moved before the tenant is looked at."""
        moved = state.moved.get(device.number)
        group = device.group if moved is None else GROUPS[moved.former]
        moves = [] if moved is None else [moved]
        hours = 8 + chance.random() * 320
        if chance.random() < 0.015 and not device.two_groups and device.number < _GHOSTS:
            former = next(k for k, other in enumerate(GROUPS) if other.id not in (group.id, 0))
            moves.insert(0, Move(self.epoch - timedelta(hours=hours), former, GROUPS.index(group)))
        return moves

    def _move(self, installed: list[Installed], times: Times, move: Move) -> Iterator[Event]:
        at = _computed(move.at)
        for product, version in installed:
            for flaw, fixed in self.estate.affecting(product, version):
                if _computed(times.first_moment(flaw)) < at:
                    yield Event(at, "Fixed", GROUPS[move.former], product, version, flaw, fixed)
                    yield Event(at, "New", GROUPS[move.present], product, version, flaw, fixed)

    def _departure(self, device: Device, installed: list[Installed], times: Times, at: datetime) -> Iterator[Event]:
        for product, version in installed:
            for flaw, fixed in self.estate.affecting(product, version):
                if _computed(times.first_moment(flaw)) < at:
                    yield Event(at, "Fixed", device.group, product, version, flaw, fixed, onboarded=False)

    def _row(self, device: Device, event: Event, assessment: Assessment, times: Times) -> dict[str, Any]:
        product, version, flaw = event.product, event.version, event.flaw
        members = self.findings.flaw_members(product, flaw, fixed=event.fixed, files=False)
        row = {
            "id": f"{device.id}_{product.vendor or ''}_{product.name}_{version.text}_{flaw.id}",
            **self.findings.head(device, event.group, times, assessment, files=False),
            **self.findings.version_members(product, version, files=False),
            **members,
            "firstSeenTimestamp": times.first_seen(flaw),
            "isOnboarded": event.onboarded,
            "status": event.status,
            "eventTimestamp": _spelled(event.at, flaw.number),
        }
        del row["securityUpdateAvailable"]  # the one member that the delta lacks
        return row


def _spelled(at: datetime, number: int) -> str:
    """An event's time in any of the three forms that schema, examples and files disagree on."""
    if number % 7 == 0:
        return tvm(at, ".0000000")
    return f"{second(at)}Z" if number % 2 else tvm(at)
