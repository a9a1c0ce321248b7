"""How many users are known.

Here: counts. Not here: who logged on to a device (``opened_devices.py``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class UsersInNumbers:
    """Users that are known to have logged on somewhere, and the eligible devices that have one; None where it is not
    known. Of ``admins_unknown`` users it is not known whether they are domain administrators; ``devices_known`` are the
    eligible devices of which the number of users is known."""

    users: int
    domain_admins: int | None
    admins_unknown: int
    on_noncompliant: int | None
    eligible: int
    devices_known: int
    with_users: int | None


def users_in_numbers(snapshot: DaySnapshot) -> UsersInNumbers | None:
    """None where the table is absent."""
    return snapshot.one(UsersInNumbers, "users_in_numbers") if snapshot.has("users") else None
