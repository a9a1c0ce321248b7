"""What the proof of completeness costs, in calls to a tenant that behaves."""

import pytest

from .company import MACHINES
from .law import TABLES, FaultyTenant, in_pages

INVENTORY = TABLES["software_inventory"]
BOTH = pytest.mark.parametrize("former", [False, True], ids=["first", "again"])


def calls(table: str, size: int, former: bool, tenant: FaultyTenant, folder) -> int:
    lake = tenant.lake(folder / "lake", *([table] if former else []))
    attempt = tenant.refresh(in_pages(TABLES[table], size), lake)
    tenant.check_law(attempt)
    assert attempt.published, attempt.told
    return sum(attempt.calls.values())


@BOTH
@pytest.mark.parametrize("table", ["machines", "av_health", "software", "vulnerabilities", "alerts"])
def test_a_list_in_one_page_costs_two_calls(table, former, tenant: FaultyTenant, tmp_path):
    """The list, and what comes after its last row."""
    assert calls(table, TABLES[table].fetch.top, former, tenant, tmp_path) == 2


@BOTH
@pytest.mark.parametrize("size", [12, 10, 6, 5, 3])
def test_a_list_in_several_pages_costs_twice_the_fewest_possible(size, former, tenant: FaultyTenant, tmp_path):
    """The fewest: its pages up to one that is not full, which may be empty."""
    fewest = MACHINES // size + 1
    assert calls("machines", size, former, tenant, tmp_path) == 2 * fewest


@BOTH
@pytest.mark.parametrize(
    ("size", "first", "again"),
    [
        (50_000, 1, 1),
        (300, 2 * 2, 2 + 1),
        (130, 2 * 5, 5 + 1),
    ],
)
def test_a_walk_by_cursor(size, first, again, former, tenant: FaultyTenant, tmp_path):
    """Each page is asked for twice the first time, then the last one; a page that is alone never."""
    assert calls(INVENTORY.name, size, former, tenant, tmp_path) == (again if former else first)


@BOTH
def test_export_files(former, tenant: FaultyTenant, tmp_path):
    """The list once, the first time twice. Each file, and its length; the one that is empty three times."""
    assessed = tenant.simulator.tenant.parts(tenant.simulator.tenant.assessment)
    files = len([part for part in assessed if len(part.indices)])
    attempt = tenant.refresh(
        INVENTORY, tenant.lake(tmp_path / "lake", *([INVENTORY.name] if former else [])), export_files="always"
    )
    tenant.check_law(attempt)
    assert attempt.calls == {"tvm_files": 1 if former else 2}
    assert sum("json.gz" in request for request in attempt.requests) == 2 * files + 2 * 3


def test_a_device_costs_one_call_and_one_without_users_two(tenant: FaultyTenant, tmp_path):
    table = TABLES["machine_users"]
    with_users = {row["machineId"] for row in tenant.simulator.tenant.rows(table.name)}
    attempt = tenant.refresh(table, tenant.lake(tmp_path / "lake", "machines"), user_calls=1_000)
    tenant.check_law(attempt)
    assert attempt.calls == {"logon_users": len(with_users) + 2 * (MACHINES - len(with_users))}
