"""What kinds of machine records there are, and the first devices of every tenant, which have one of each.

Here: kinds of records, update discipline, and the fixed devices. Not here: the other devices (``fleet.py``).
"""

from dataclasses import dataclass
from enum import Enum

from . import platforms
from .platforms import Platform


class RecordKind(Enum):
    """Which population a machine record belongs to."""

    REGULAR = "regular"
    SILENT = "silent"  # 8 to 29 days without a report: its health is inactive, but it still counts
    DUPLICATE = "duplicate"  # an older record of the device with the index before, under the same name
    MERGED = "merged"
    EXCLUDED = "excluded"
    DISCOVERED = "discovered"  # seen on the network, not onboarded
    UNSUPPORTED = "unsupported"
    INSUFFICIENT = "insufficient"
    INACTIVE = "inactive"  # more than 30 days without a report
    NOT_ASSESSED = "not_assessed"


DUPLICATE_KINDS = frozenset({RecordKind.DUPLICATE, RecordKind.MERGED})
NOT_ONBOARDED = frozenset({RecordKind.DISCOVERED, RecordKind.UNSUPPORTED, RecordKind.INSUFFICIENT})


class Discipline(Enum):
    """How well a device is kept up to date."""

    FRESH = "fresh"
    LAGGING = "lagging"
    NEGLECTED = "neglected"


@dataclass(frozen=True)
class DeviceTemplate:
    """One of the first devices of every tenant. Among them is one of each oddity, so that the smallest tenant has every
    case. ``agent`` and ``antivirus`` name special cases of ``machines.py`` and ``antivirus.py``; a device that is
    ``in_entra`` is registered with Entra ID whatever chance says."""

    platform: Platform
    record_kind: RecordKind = RecordKind.REGULAR
    name: str | None = None
    original_index: int | None = None
    agent: str | None = None
    antivirus: str | None = None
    health: str | None = None
    two_groups: bool = False
    in_entra: bool = False
    discipline: Discipline = Discipline.FRESH


FIXED_DEVICES = (
    DeviceTemplate(platforms.WINDOWS_11_24H2, agent="current", antivirus="fresh", in_entra=True),
    DeviceTemplate(platforms.UBUNTU, agent="current"),
    DeviceTemplate(platforms.MACOS, agent="current"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, RecordKind.MERGED, original_index=0),
    DeviceTemplate(platforms.UBUNTU, RecordKind.DUPLICATE, original_index=1),
    DeviceTemplate(platforms.WINDOWS_10, RecordKind.EXCLUDED),
    DeviceTemplate(platforms.WINDOWS_10, RecordKind.DISCOVERED),
    DeviceTemplate(platforms.WINDOWS_10, RecordKind.INACTIVE, discipline=Discipline.NEGLECTED),
    DeviceTemplate(platforms.SERVER_2022, RecordKind.NOT_ASSESSED),
    DeviceTemplate(platforms.SERVER_2019, agent="unsupported", discipline=Discipline.NEGLECTED),
    DeviceTemplate(platforms.WINDOWS_11_23H2, name="<script>alert(1)</script>", discipline=Discipline.LAGGING),
    DeviceTemplate(platforms.WINDOWS_10, name="chat_Desk "),
    DeviceTemplate(platforms.WINDOWS_11_24H2, name="büro-münchen-07", two_groups=True, discipline=Discipline.LAGGING),
    DeviceTemplate(platforms.ANDROID),
    DeviceTemplate(platforms.IOS),
    DeviceTemplate(platforms.RED_HAT, agent="expiring"),
    DeviceTemplate(platforms.WINDOWS_10, RecordKind.SILENT),
    DeviceTemplate(platforms.WINDOWS_11_24H2, RecordKind.MERGED, original_index=11),
    DeviceTemplate(platforms.WINDOWS_11_24H2, agent="behind", antivirus="stale_intelligence"),
    DeviceTemplate(platforms.WINDOWS_11_23H2, agent="malformed"),
    DeviceTemplate(platforms.WINDOWS_10, agent="missing"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, antivirus="no_row"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, antivirus="stale_report"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, antivirus="disagrees"),
    DeviceTemplate(platforms.SERVER_2022, health="ImpairedCommunication"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, health="NoSensorData"),
    DeviceTemplate(platforms.WINDOWS_10, RecordKind.UNSUPPORTED),
    DeviceTemplate(platforms.DEBIAN, RecordKind.INSUFFICIENT),
    DeviceTemplate(platforms.SERVER_2016, agent="current"),
    DeviceTemplate(platforms.SERVER_2012_R2, agent="behind"),
    DeviceTemplate(platforms.MACOS, agent="unsupported"),
    DeviceTemplate(platforms.DEBIAN, agent="unsupported"),
    DeviceTemplate(platforms.UBUNTU, agent="app_spelling"),
    DeviceTemplate(platforms.WINDOWS_10, antivirus="unreadable"),
    DeviceTemplate(platforms.WINDOWS_11_24H2, agent="preview", antivirus="no_refresh_time"),
    DeviceTemplate(platforms.SERVER_2019, antivirus="old_engine", discipline=Discipline.NEGLECTED),
    DeviceTemplate(platforms.WINDOWS_11_24H2, antivirus="old_platform"),
    DeviceTemplate(platforms.SERVER_2022, RecordKind.DUPLICATE, original_index=8),
    DeviceTemplate(platforms.WINDOWS_11_24H2, health="Unknown"),
    DeviceTemplate(platforms.WINDOWS_10, health="NoSensorDataImpairedCommunication"),
    # The first device before it was renamed: another name, the same Entra id.
    DeviceTemplate(
        platforms.WINDOWS_11_24H2,
        RecordKind.DUPLICATE,
        name="win11-template.corp.contoso.example",
        original_index=0,
        in_entra=True,
    ),
    # Strangers of one name: an older record of it is no duplicate.
    DeviceTemplate(platforms.IOS, name="iPhone"),
    DeviceTemplate(platforms.IOS, RecordKind.SILENT, name="iPhone"),
    DeviceTemplate(platforms.MACOS, name="localhost", agent="current"),
    DeviceTemplate(platforms.UBUNTU, RecordKind.SILENT, name="localhost"),
)
