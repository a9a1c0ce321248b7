"""Lists behind one device under faults: a crawl reads each of them whole, or its answers wait for the next crawl."""

import pytest

from .kinds import BODIES, EVERY, TRANSPORT
from .law import TABLES, FaultyTenant, strike

USERS = TABLES["machine_users"]
ONCE = {**BODIES, **TRANSPORT, "link_loop": {}}


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 20])
@pytest.mark.parametrize(("kind", "how"), ONCE.items(), ids=ONCE)
def test_a_fault_of_one_answer(kind, how, after, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", "machines", *([USERS.name] if former else []))
    attempt = tenant.refresh(USERS, lake, strike(kind, USERS.name, after=after, **how), user_calls=1_000)
    tenant.check_law(attempt)
    if not attempt.published:
        # Answers that came before the fault are in the journal, and the next crawl publishes them.
        tenant.check_law(healed := tenant.refresh(USERS, lake, user_calls=1_000))
        assert healed.published


LINKS = ["renamed", "number", "relative", "other_list", "user", "foreign", "back", "loop", "twice"]
"""Not among them: a link that is missing, or null time and again. Nothing tells a device with one page of users from a
device with more."""


@pytest.mark.parametrize("kind", [None, *(f"link_{name}" for name in LINKS)])
def test_the_users_of_a_device_come_in_pages(kind, tenant: FaultyTenant, tmp_path):
    """Given a service that pages every list of users, when the link of one page is wrong, then nobody is missing."""
    lake = tenant.lake(tmp_path / "lake", "machines")
    strikes = [strike("users_paged", USERS.name, times=EVERY, rows=1)]
    if kind is not None:
        strikes.append(strike(kind, USERS.name, times=EVERY))
    attempt = tenant.refresh(USERS, lake, *strikes, user_calls=1_000)
    tenant.check_law(attempt)
    assert kind is not None or attempt.published


@pytest.mark.parametrize("kind", ["link_null", "link_blank"])
def test_a_link_of_users_that_is_empty_once_is_no_end(kind, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", "machines")
    paged = strike("users_paged", USERS.name, times=EVERY, rows=1)
    attempt = tenant.refresh(USERS, lake, paged, strike(kind, USERS.name, after=3), user_calls=1_000)
    tenant.check_law(attempt)
