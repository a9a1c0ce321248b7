"""A part of a tenant, as the settings name it.

Here: the value, and its words. Not here: which devices it holds (``rule.py``).
"""

import re
from dataclasses import dataclass

from ..settings import Settings, listed_names

SEVERITY_LEVELS = ("low", "medium", "high", "critical")
"""From the least to the most severe; in the service's spelling each begins with a capital."""
DEVICE_COLUMNS = ("id", "onboarding_status", "machine_tags", "rbac_group_name", "last_seen")
"""The columns of ``machines`` that the rule for devices reads."""

_PLAIN_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class FleetScope:
    """What has to hold of a device, and of a finding; everything at once. Without any of these it is the whole tenant.

    ``onboarded``: the device is onboarded. ``tags``: it has one of them. ``device_groups``: it is in one of them.
    ``seen_within_days``: it was seen so many days (of 24 hours) before the machine list was read, or later.
    ``severity``: the least severity of a finding, one of ``SEVERITY_LEVELS``.
    """

    onboarded: bool = False
    tags: tuple[str, ...] = ()
    device_groups: tuple[str, ...] = ()
    seen_within_days: int | None = None
    severity: str | None = None

    @property
    def levels_below(self) -> tuple[str, ...]:
        """The severities that are out of it, in lower case; none where any severity is in."""
        return () if self.severity is None else SEVERITY_LEVELS[: SEVERITY_LEVELS.index(self.severity)]

    @property
    def chooses_devices(self) -> bool:
        """Whether any device can be out of it."""
        return bool(self.onboarded or self.tags or self.device_groups or self.seen_within_days)

    def __bool__(self) -> bool:
        """Whether anything can be out of it."""
        return self.chooses_devices or self.severity is not None

    def __str__(self) -> str:
        """In words, the same for the same scope and for no other: partitions are compared by them. Empty for the whole
        tenant."""
        parts = [
            "onboarded devices" if self.onboarded else "",
            f"devices tagged {_either(self.tags)}" if self.tags else "",
            f"devices of the group {_either(self.device_groups)}" if self.device_groups else "",
            f"devices seen within {self.seen_within_days} days" if self.seen_within_days else "",
            f"findings of severity {_and_above(self.severity)}" if self.severity else "",
        ]
        return "; ".join(part for part in parts if part)


WHOLE_TENANT = FleetScope()


def fleet_scope(settings: Settings) -> FleetScope:
    """The scope of the settings ``DEFENDER_SCOPE_ONBOARDED``, ``_TAGS``, ``_DEVICE_GROUPS``, ``_SEEN_WITHIN_DAYS`` and
    ``_SEVERITY``."""
    return FleetScope(
        onboarded=settings.scope_onboarded,
        tags=listed_names(settings.scope_tags or ""),
        device_groups=listed_names(settings.scope_device_groups or ""),
        seen_within_days=settings.scope_seen_within_days,
        severity=settings.scope_severity,
    )


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(map(_quoted, sorted(set(names), key=lambda name: (name.lower(), name))))


def _quoted(name: str) -> str:
    """In double quotes, unless it is a plain word: the tag "Kiosk or VIP" is not the tags Kiosk and VIP."""
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _and_above(severity: str) -> str:
    return severity if severity == SEVERITY_LEVELS[-1] else f"{severity} or above"
