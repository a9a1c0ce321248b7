"""How many users are known.

Here: counts. Not here: who logged on to a device (``opened_devices.py``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class UsersInNumbers:
    """Users that are known to have logged on somewhere, and the eligible devices that have one. ``known`` are the
    devices of which the number of users is known."""

    users: int
    domain_admins: int
    on_noncompliant: int
    eligible: int
    known: int
    with_users: int


def users_in_numbers(snapshot: DaySnapshot) -> UsersInNumbers | None:
    """None where the table is absent."""
    return snapshot.one(UsersInNumbers, "users_in_numbers") if snapshot.has("users") else None
