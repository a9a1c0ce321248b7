"""How the tenant changes while it is served.

Here: the present state, the stored assessments, and the changes of both. Not here: the rows of a state (``tenant.py``).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from .alerts import Alerts
from .device_groups import GROUPS
from .device_kinds import FIXED_DEVICES, RecordKind
from .fleet import Fleet
from .formats import iso_seconds
from .randomness import rng_for
from .state import Assessment, GroupMove, TenantState

_KEPT_ASSESSMENTS = 4
_ASSESSED_EVERY = timedelta(hours=6)
_FOLLOWED_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class JournalEntry:
    """One change: when (on the tenant's clock), what, and the ids of what changed."""

    moment: datetime
    what: str
    which: tuple[str, ...] = ()


class Timeline:
    """The tenant's states. Every change makes a new frozen one; assessments keep the one they were made from."""

    def __init__(self, fleet: Fleet, alerts: Alerts) -> None:
        self._fleet = fleet
        self._alerts = alerts
        self._lock = threading.RLock()
        self._began = time.monotonic()
        self.live = TenantState(now=fleet.epoch, devices=fleet.shape.machines)
        generated = fleet.epoch.replace(hour=fleet.epoch.hour // 6 * 6, minute=1, second=0)
        if generated > fleet.epoch:
            generated -= _ASSESSED_EVERY
        self.assessments: tuple[Assessment, ...] = (Assessment(generated, self.live),)
        self.journal: list[JournalEntry] = []

    @property
    def assessment(self) -> Assessment:
        """The newest stored assessment."""
        return self.assessments[-1]

    def assessment_at(self, time_path: str) -> Assessment | None:
        """A stored assessment by its name in skip tokens and blob paths, None if it is not kept (any more)."""
        return next((stored for stored in self.assessments if stored.time_path == time_path), None)

    def moment(self) -> datetime:
        """The tenant's clock: the time of the present state plus the real time that has passed since."""
        return self.live.now + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, by: timedelta) -> datetime:
        """Lets time pass: devices report again, nothing else changes."""
        with self._lock:
            self.live = replace(self.live, now=self.live.now + by)
            self._note("advance", str(by))
            return self.live.now

    def follow_clock(self) -> None:
        """Lets the tenant's time follow the real one, hour by hour; assessments are made anew every six hours."""
        with self._lock:
            moment = self.moment()
            if moment - self.live.now < _FOLLOWED_EVERY:
                return
            self._began = time.monotonic()
            self.live = replace(self.live, now=moment.replace(microsecond=0))
            if moment - self.assessment.generated >= _ASSESSED_EVERY:
                self.regenerate_exports()

    def regenerate_exports(self) -> datetime:
        """Stores a new assessment of the present state, at least a minute later than the one before."""
        with self._lock:
            generated = max(self.moment(), self.assessment.generated + timedelta(minutes=1))
            generated = generated.replace(second=0, microsecond=0)
            self.assessments = (*self.assessments, Assessment(generated, self.live))[-_KEPT_ASSESSMENTS:]
            self._note("regenerate_exports", f"{iso_seconds(generated)}Z")
            return generated

    def remove_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        """Devices leave: the machine list at once, the assessments with the next one."""
        return self._on_devices(
            "remove_devices", count, ids, lambda state, index, at: {"left": {**state.left, index: at}}
        )

    def patch_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        """Devices get every update, which the next assessment shows."""
        return self._on_devices(
            "patch_devices", count, ids, lambda state, index, at: {"patched": {**state.patched, index: at}}
        )

    def move_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        """Devices change their device group."""

        def move(state: TenantState, index: int, at: datetime) -> dict[str, Any]:
            former = GROUPS.index(self._fleet.device(index, state).group)
            present = former % (len(GROUPS) - 1) + 1
            return {"moved": {**state.moved, index: GroupMove(at, former, present)}}

        return self._on_devices("move_devices", count, ids, move)

    def add_devices(self, count: int = 1) -> list[str]:
        """Onboards new devices."""
        with self._lock:
            state, at = self.live, self.moment().replace(microsecond=0)
            indices = range(state.devices, state.devices + count)
            self.live = replace(
                state, devices=state.devices + count, arrived={**state.arrived, **dict.fromkeys(indices, at)}
            )
            ids = [self._fleet.id_of(index) for index in indices]
            self._note("add_devices", *ids)
            return ids

    def create_alerts(self, count: int = 1, at: datetime | None = None) -> list[str]:
        """Creates alerts, now or at a given time."""
        with self._lock:
            first = self._alerts.count + len(self.live.created_alerts)
            created = (at or self.moment()).replace(microsecond=0)
            self.live = replace(self.live, created_alerts=self.live.created_alerts + (created,) * count)
            ids = [self._alerts.id_of(first + k) for k in range(count)]
            self._note("create_alerts", *ids)
            return ids

    def update_alert(self, alert_id: str | None = None, **changes: Any) -> str:
        """Changes the given members of an alert, by default its status, and its update time."""
        with self._lock:
            state = self.live
            if alert_id is None:
                refs = self._alerts.refs(state)
                number = refs[int(self._rng().random() * len(refs))].number
            else:
                found = self._alerts.number_of(alert_id, state)
                if found is None:
                    raise ValueError("there is no such alert")
                number = found
            at = self.moment()
            stamp = f"{iso_seconds(at)}.{at.microsecond:06d}Z".replace(".000000Z", "Z")
            changed: Mapping[str, Any] = {
                **state.updated_alerts.get(number, {}),
                **(changes or {"status": "Resolved", "resolvedTime": stamp, "classification": "TruePositive"}),
                "lastUpdateTime": stamp,
            }
            self.live = replace(state, updated_alerts={**state.updated_alerts, number: changed})
            changed_id = self._alerts.id_of(number)
            self._note("update_alert", changed_id)
            return changed_id

    def _on_devices(
        self,
        what: str,
        count: int,
        ids: list[str] | None,
        change: Callable[[TenantState, int, datetime], dict[str, Any]],
    ) -> list[str]:
        with self._lock:
            at = self.moment().replace(microsecond=0)
            indices = self._chosen(count) if ids is None else [self._known(device_id) for device_id in ids]
            for index in indices:
                self.live = replace(self.live, **change(self.live, index, at))
            changed = [self._fleet.id_of(index) for index in indices]
            self._note(what, *changed)
            return changed

    def _chosen(self, count: int) -> list[int]:
        """Regular devices at random, fixed ones only if no others are left."""
        present, rng = self.live.present, self._rng()
        chosen: list[int] = []
        for attempt in range(200 * count):
            index = present[int(rng.random() * len(present))]
            regular = self._fleet.record_kind_of(index) is RecordKind.REGULAR
            if regular and index not in chosen and (index >= len(FIXED_DEVICES) or attempt > 100 * count):
                chosen.append(index)
                if len(chosen) == count:
                    return chosen
        raise ValueError(f"the tenant has not {count} ordinary devices left")

    def _known(self, device_id: str) -> int:
        index = self._fleet.index_of(device_id, self.live)
        if index is None:
            raise ValueError("there is no such device")
        return index

    def _rng(self) -> Random:
        return rng_for(self._fleet.shape.seed, "happening", len(self.journal))

    def _note(self, what: str, *which: str) -> None:
        self.journal.append(JournalEntry(self.moment(), what, which))
