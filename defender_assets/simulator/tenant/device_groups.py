"""The device groups (RBAC groups) of the tenant.

Here: the groups, and how many devices of each platform are in which. Not here: the group of a device (``fleet.py``).
"""

from dataclasses import dataclass

from .platforms import Platform


@dataclass(frozen=True)
class DeviceGroup:
    """A device group (RBAC group); id 0 is none."""

    id: int
    name: str | None

    @property
    def tvm_name(self) -> str:
        return self.name or "Unassigned"


GROUPS = (
    DeviceGroup(0, None),
    DeviceGroup(12, "Workstations"),
    DeviceGroup(3, "Servers"),
    DeviceGroup(14, "Executives"),
    DeviceGroup(21, "Developers"),
    DeviceGroup(27, "Küche & Lager"),
    DeviceGroup(33, "Mac"),
    DeviceGroup(35, "Linux"),
)
_NO_GROUP, WORKSTATIONS, _SERVERS, _EXECUTIVES, _DEVELOPERS, KITCHEN, _MAC, _LINUX = range(len(GROUPS))
_CLIENT_GROUPS = (
    (WORKSTATIONS, 0.62),
    (_DEVELOPERS, 0.14),
    (_EXECUTIVES, 0.05),
    (KITCHEN, 0.07),
    (_NO_GROUP, 0.12),
)
_SERVER_GROUPS = ((_SERVERS, 0.9), (_NO_GROUP, 0.1))
_MAC_GROUPS = ((_MAC, 0.85), (_NO_GROUP, 0.15))
_LINUX_GROUPS = ((_LINUX, 0.8), (_SERVERS, 0.12), (_NO_GROUP, 0.08))
_PHONE_GROUPS = ((_NO_GROUP, 0.7), (_EXECUTIVES, 0.3))


def group_shares(platform: Platform) -> tuple[tuple[int, float], ...]:
    """(index of the group, share) for devices of a platform."""
    if platform.kind == "phone":
        return _PHONE_GROUPS
    if platform.family == "macos":
        return _MAC_GROUPS
    if platform.family == "linux":
        return _LINUX_GROUPS
    return _SERVER_GROUPS if platform.kind == "server" else _CLIENT_GROUPS
