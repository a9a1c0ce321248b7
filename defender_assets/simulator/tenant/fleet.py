"""Who the devices are: identity, platform, group, standing, last report.

Here: the device of an index, computed afresh from the seed each time it is asked for, so a fleet of any size takes no
memory. Not here: rows of any dataset (``machines.py`` and its neighbours).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from . import platforms
from .draws import digest, share, stream, weighted
from .platforms import Platform
from .shape import TenantShape
from .state import State


class Standing(Enum):
    """Why a record counts, or does not, in what is computed of the fleet."""

    REGULAR = "regular"
    SILENT = "silent"  # 8 to 29 days without a report: inactive in health, still of the population
    DUPLICATE = "duplicate"  # an older record of the device before it, under the same name
    MERGED = "merged"
    EXCLUDED = "excluded"
    DISCOVERED = "discovered"  # seen on the network, not onboarded
    UNSUPPORTED = "unsupported"
    INSUFFICIENT = "insufficient"
    INACTIVE = "inactive"  # more than 30 days without a report
    NOT_ASSESSED = "not_assessed"


TWINS = frozenset({Standing.DUPLICATE, Standing.MERGED})
NOT_ONBOARDED = frozenset({Standing.DISCOVERED, Standing.UNSUPPORTED, Standing.INSUFFICIENT})

_STANDINGS = (
    (Standing.REGULAR, 0.846),
    (Standing.SILENT, 0.03),
    (Standing.DUPLICATE, 0.02),
    (Standing.MERGED, 0.012),
    (Standing.EXCLUDED, 0.012),
    (Standing.DISCOVERED, 0.025),
    (Standing.UNSUPPORTED, 0.005),
    (Standing.INSUFFICIENT, 0.005),
    (Standing.INACTIVE, 0.03),
    (Standing.NOT_ASSESSED, 0.015),
)


class Discipline(Enum):
    """How well a device is kept up to date."""

    FRESH = "fresh"
    LAGGING = "lagging"
    NEGLECTED = "neglected"


_DISCIPLINES = ((Discipline.FRESH, 0.55), (Discipline.LAGGING, 0.33), (Discipline.NEGLECTED, 0.12))


@dataclass(frozen=True)
class Group:
    """A device group (RBAC group); id 0 is none."""

    id: int
    name: str | None

    @property
    def tvm_name(self) -> str:
        return self.name or "Unassigned"


GROUPS = (
    Group(0, None),
    Group(12, "Workstations"),
    Group(3, "Servers"),
    Group(14, "Executives"),
    Group(21, "Developers"),
    Group(27, "Küche & Lager"),
    Group(33, "Mac"),
    Group(35, "Linux"),
)
_NO_GROUP, _WORKSTATIONS, _SERVERS, _EXECUTIVES, _DEVELOPERS, _KITCHEN, _MAC, _LINUX = range(len(GROUPS))
_CLIENT_GROUPS = (
    (_WORKSTATIONS, 0.62),
    (_DEVELOPERS, 0.14),
    (_EXECUTIVES, 0.05),
    (_KITCHEN, 0.07),
    (_NO_GROUP, 0.12),
)
_SERVER_GROUPS = ((_SERVERS, 0.9), (_NO_GROUP, 0.1))
_MAC_GROUPS = ((_MAC, 0.85), (_NO_GROUP, 0.15))
_LINUX_GROUPS = ((_LINUX, 0.8), (_SERVERS, 0.12), (_NO_GROUP, 0.08))
_PHONE_GROUPS = ((_NO_GROUP, 0.7), (_EXECUTIVES, 0.3))


@dataclass(frozen=True)
class Guise:
    """A device of the gallery: the first devices of every tenant, among them one of each oddity, so that the
    smallest tenant has what the largest has. ``agent`` and ``antivirus`` name special cases of those modules."""

    platform: Platform
    standing: Standing = Standing.REGULAR
    name: str | None = None
    twin: int | None = None
    agent: str | None = None
    antivirus: str | None = None
    health: str | None = None
    two_groups: bool = False
    discipline: Discipline = Discipline.FRESH


GALLERY = (
    Guise(platforms.WINDOWS_11_24H2, agent="current", antivirus="fresh"),
    Guise(platforms.UBUNTU, agent="current"),
    Guise(platforms.MACOS, agent="current"),
    Guise(platforms.WINDOWS_11_24H2, Standing.MERGED, twin=0),
    Guise(platforms.UBUNTU, Standing.DUPLICATE, twin=1),
    Guise(platforms.WINDOWS_10, Standing.EXCLUDED),
    Guise(platforms.WINDOWS_10, Standing.DISCOVERED),
    Guise(platforms.WINDOWS_10, Standing.INACTIVE, discipline=Discipline.NEGLECTED),
    Guise(platforms.SERVER_2022, Standing.NOT_ASSESSED),
    Guise(platforms.SERVER_2019, agent="unsupported", discipline=Discipline.NEGLECTED),
    Guise(platforms.WINDOWS_11_23H2, name="<script>alert(1)</script>", discipline=Discipline.LAGGING),
    Guise(platforms.WINDOWS_10, name="chat_Desk "),
    Guise(platforms.WINDOWS_11_24H2, name="büro-münchen-07", two_groups=True, discipline=Discipline.LAGGING),
    Guise(platforms.ANDROID),
    Guise(platforms.IOS),
    Guise(platforms.RED_HAT, agent="expiring"),
    Guise(platforms.WINDOWS_10, Standing.SILENT),
    Guise(platforms.WINDOWS_11_24H2, Standing.MERGED, twin=11),
    Guise(platforms.WINDOWS_11_24H2, agent="behind", antivirus="stale_intelligence"),
    Guise(platforms.WINDOWS_11_23H2, agent="malformed"),
    Guise(platforms.WINDOWS_10, agent="missing"),
    Guise(platforms.WINDOWS_11_24H2, antivirus="no_row"),
    Guise(platforms.WINDOWS_11_24H2, antivirus="stale_report"),
    Guise(platforms.WINDOWS_11_24H2, antivirus="disagrees"),
    Guise(platforms.SERVER_2022, health="ImpairedCommunication"),
    Guise(platforms.WINDOWS_11_24H2, health="NoSensorData"),
    Guise(platforms.WINDOWS_10, Standing.UNSUPPORTED),
    Guise(platforms.DEBIAN, Standing.INSUFFICIENT),
    Guise(platforms.SERVER_2016, agent="current"),
    Guise(platforms.SERVER_2012_R2, agent="behind"),
    Guise(platforms.MACOS, agent="unsupported"),
    Guise(platforms.DEBIAN, agent="unsupported"),
    Guise(platforms.UBUNTU, agent="app_spelling"),
    Guise(platforms.WINDOWS_10, antivirus="unreadable"),
    Guise(platforms.WINDOWS_11_24H2, agent="preview", antivirus="no_refresh_time"),
    Guise(platforms.SERVER_2019, antivirus="old_engine", discipline=Discipline.NEGLECTED),
    Guise(platforms.WINDOWS_11_24H2, antivirus="old_platform"),
    Guise(platforms.SERVER_2022, Standing.DUPLICATE, twin=8),
    Guise(platforms.WINDOWS_11_24H2, health="Unknown"),
    Guise(platforms.WINDOWS_10, health="NoSensorDataImpairedCommunication"),
)
_ORDINARY = Guise(platforms.WINDOWS_11_24H2)


class Device(NamedTuple):
    """One machine record. ``os_lag`` in [0, 1) decides how far its operating system is behind."""

    number: int
    id: str
    standing: Standing
    platform: Platform
    name: str
    twin: int | None
    group: Group
    former_group: Group | None
    first_seen: datetime
    last_seen: datetime
    discipline: Discipline
    os_lag: float
    guise: Guise

    @property
    def onboarded(self) -> bool:
        return self.standing not in NOT_ONBOARDED

    @property
    def two_groups(self) -> bool:
        """The device is between two groups, and assessment rows repeat for both."""
        return self.former_group is not None


class Fleet:
    """The devices of a tenant by index."""

    def __init__(self, shape: TenantShape) -> None:
        self.shape = shape
        self.epoch = shape.as_of
        self._mask = int.from_bytes(digest(shape.seed, "mask", size=4), "big")

    def id_of(self, index: int) -> str:
        """40 hexadecimal characters; the last eight hide the index, so that no table of ids has to be kept."""
        return f"{digest(self.shape.seed, 'device', index).hex()}{index ^ self._mask:08x}"

    def index_of(self, device_id: str, state: State) -> int | None:
        """The index of a device that is there, None for an id the tenant does not have."""
        try:
            index = int(device_id[32:], 16) ^ self._mask
        except ValueError:
            return None
        known = index < state.devices and index not in state.left and self.id_of(index) == device_id
        return index if known else None

    def standing_of(self, index: int) -> Standing:
        """What the record counts for. A twin needs an ordinary device before it, else it is ordinary itself."""
        drawn = self._drawn_standing(index)
        if drawn in TWINS and index >= len(GALLERY):
            before = self._drawn_standing(index - 1)
            return drawn if before is Standing.REGULAR else Standing.REGULAR
        return drawn

    def _drawn_standing(self, index: int) -> Standing:
        if index < len(GALLERY):
            return GALLERY[index].standing
        if index >= self.shape.machines:
            return Standing.REGULAR
        return weighted(share(self.shape.seed, "standing", index), _STANDINGS)

    def devices(self, state: State) -> Iterator[Device]:
        return (self.device(index, state) for index in state.present)

    def device(self, index: int, state: State) -> Device:
        """The device as it stands in ``state``."""
        guise = GALLERY[index] if index < len(GALLERY) else _ORDINARY
        gallery = index < len(GALLERY)
        chance = stream(self.shape.seed, "fleet", index)
        standing = self.standing_of(index)
        twin = (guise.twin if gallery else index - 1) if standing in TWINS else None
        drawn_platform = weighted(chance.random(), platforms.SHARES)
        drawn_discipline = weighted(chance.random(), _DISCIPLINES)
        group_draw, os_lag, age, report, two = (chance.random() for _ in range(5))
        if twin is not None:
            original = self.device(twin, state)
            platform, group = original.platform, original.group
            name = original.name if standing is Standing.MERGED else original.name.upper()
        else:
            platform = guise.platform if gallery else drawn_platform
            group = GROUPS[weighted(group_draw, _groups_of(platform))]
            name = guise.name or _name_of(platform, index)
        former: Group | None = None
        if moved := state.moved.get(index):
            group = GROUPS[moved.present]
        elif twin is None and (guise.two_groups or (not gallery and two < 0.003)):
            former = GROUPS[_KITCHEN] if group.id != GROUPS[_KITCHEN].id else GROUPS[_WORKSTATIONS]
        first_seen, last_seen = self._times(index, standing, age, report, state)
        patched = index in state.patched
        return Device(
            number=index,
            id=self.id_of(index),
            standing=standing,
            platform=platform,
            name=name,
            twin=twin,
            group=group,
            former_group=former,
            first_seen=first_seen,
            last_seen=last_seen,
            discipline=Discipline.FRESH if patched else guise.discipline if gallery else drawn_discipline,
            os_lag=0.0 if patched else os_lag,
            guise=guise,
        )

    def _times(
        self, index: int, standing: Standing, age: float, report: float, state: State
    ) -> tuple[datetime, datetime]:
        """First and last report. Whoever reports does so within 22 hours of the present moment; the others
        stay where they stopped, well away from the boundaries that rules are made of."""
        if arrived := state.arrived.get(index):
            return arrived, max(arrived, state.now - timedelta(hours=report))
        days = 0.2 + 900 * age * age
        match standing:
            case Standing.REGULAR | Standing.NOT_ASSESSED | Standing.EXCLUDED:
                last_seen = state.now - timedelta(seconds=int(60 + report * 22 * 3600))
            case Standing.SILENT:
                last_seen = self._past(8.5 + 20 * report)
            case Standing.DUPLICATE:
                last_seen = self._past(8.5 + 16 * report if index % 2 else 35 + 100 * report)
            case Standing.INACTIVE:
                last_seen = self._past(31.5 + 130 * report)
            case _:
                last_seen = self._past(0.5 + 60 * report)
        # A record stays a while after its last report, and none is younger than its first.
        first_seen = min(self._past(days), last_seen - timedelta(days=1 + 200 * age))
        if standing in (Standing.REGULAR, Standing.NOT_ASSESSED, Standing.EXCLUDED):
            first_seen = self._past(days)
            last_seen = max(last_seen, first_seen)
        return first_seen.replace(microsecond=0), last_seen

    def _past(self, days: float) -> datetime:
        return self.epoch - timedelta(seconds=int(days * 86_400))


def _groups_of(platform: Platform) -> tuple[tuple[int, float], ...]:
    if platform.kind == "phone":
        return _PHONE_GROUPS
    if platform.family == "macos":
        return _MAC_GROUPS
    if platform.family == "linux":
        return _LINUX_GROUPS
    return _SERVER_GROUPS if platform.kind == "server" else _CLIENT_GROUPS


def _name_of(platform: Platform, index: int) -> str:
    """Fully qualified names, short ones in workgroups (phones), case as the device reports it."""
    if platform.kind == "phone":
        return f"{platform.family}-{index:06d}"
    if platform.family == "macos":
        return f"MBP-{index:06d}.corp.contoso.example"
    if platform.kind == "server":
        return f"srv-{index:06d}.corp.contoso.example"
    prefix = "lt" if index % 3 else "WS"
    return f"{prefix}-{index:06d}.corp.contoso.example"
