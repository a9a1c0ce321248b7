"""Tenants that are looked at less often, because looks at them failed.

Here: how long, as a pure decision. Not here: what a sensor remembers (``cursor.py``), the looks (``all_tenants.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_FIRST, _LONGEST = timedelta(minutes=2), timedelta(minutes=30)


@dataclass(frozen=True)
class Pause:
    """After so many ``failures`` in a row, the last for this ``reason``, the next look comes at ``until`` at the
    earliest."""

    failures: int
    until: datetime
    reason: str

    @property
    def in_words(self) -> str:
        """For the tick that passes the tenant over."""
        return f"not asked again before {self.until:%H:%M} UTC, after {self.failures} looks that failed: {self.reason}"


def after_failure(former: Pause | None, now: datetime, reason: str) -> Pause:
    """The pause after one more failure. After the first there is none: what is down for a moment, and a secret that was
    rotated, are asked at the next tick."""
    failures = former.failures + 1 if former else 1
    pause = timedelta(0) if failures == 1 else min(_FIRST * 2 ** min(failures - 2, 10), _LONGEST)
    return Pause(failures, now + pause, reason)


def paused(pauses: Mapping[str, Pause], tenant: str, now: datetime) -> Pause | None:
    """The pause that a tenant is in."""
    pause = pauses.get(tenant)
    return pause if pause is not None and now < pause.until else None
