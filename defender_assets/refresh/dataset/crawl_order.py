"""Which devices a crawl queries next, and how much of the fleet it has covered.

Here: pure decisions. Not here: the calls and the journal of answers (``crawl.py``).

``machine_users`` costs one call per device, and 1,500 are allowed an hour, so a large fleet takes days to cover.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

ACTIVE_WITHIN = timedelta(days=7)
"""The service calls a device inactive after seven days without a report."""


@dataclass(frozen=True)
class Coverage:
    """Devices in the fleet, how many of them were ever queried, and the time of the oldest answer in use."""

    devices: int
    covered: int
    oldest: datetime | None


def devices_to_ask(
    last_seen: Mapping[str, datetime | None], asked_at: Mapping[str, datetime], now: datetime, calls: int
) -> list[str]:
    """The devices to query in this refresh, in order, at most ``calls``.

    First those never queried, the most recently seen first; then active devices, the oldest answer first; then the
    others, the oldest answer first. Ties are broken by device id, so that the order is always the same.
    """
    never_seen = datetime.min.replace(tzinfo=now.tzinfo)

    def rank(device: str) -> tuple[int, float, str]:
        seen = last_seen[device] or never_seen
        if device not in asked_at:
            return (0, -(seen - never_seen).total_seconds(), device)
        active = now - seen <= ACTIVE_WITHIN
        return (1 if active else 2, (asked_at[device] - never_seen).total_seconds(), device)

    return sorted(last_seen, key=rank)[: max(calls, 0)]


def coverage(devices: Iterable[str], asked_at: Mapping[str, datetime]) -> Coverage:
    """How much of today's fleet was ever queried."""
    present = set(devices)
    answers = [asked for device, asked in asked_at.items() if device in present]
    return Coverage(devices=len(present), covered=len(answers), oldest=min(answers, default=None))
