"""Lists by cursor under faults, in small pages: one whose rows have export files too, and one that has none."""

import pytest

from .law import TABLES, FaultyTenant, in_pages, strike

INVENTORY = in_pages(TABLES["software_inventory"], 130)
CHANGES = in_pages(TABLES["software_vulnerability_changes"], 90)

ONCE = {
    "link_missing": {},
    "link_null": {},
    "link_blank": {},
    "link_renamed": {},
    "link_number": {},
    "link_twice": {},
    "link_loop": {},
    "link_back": {},
    "link_endless": {},
    "link_unchanged_place": {},
    "link_other_list": {},
    "link_bare": {},
    "link_relative": {},
    "link_user": {},
    "link_foreign": {},
    "silent_cap": {"rows": 47},
    "page_empty": {},
    "page_short": {"rows": 11},
    "page_larger": {"rows": 11},
    "rows_dropped": {"rows": 4},
    "cut_closed": {"rows": 4},
    "repeated_row": {},
    "row_differs": {},
    "error_row": {},
    "error_beside": {},
    "error_after": {},
    "not_found": {},
    "status": {"status": 503},
    "throttled": {"seconds": 3},
    "html": {"status": 502},
    "reset": {},
    "cut": {},
    "truncated": {},
    "malformed": {},
    "error_in_200": {},
    "empty_answer": {},
}
"""Kind -> how; each hits one request."""


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize(("kind", "how"), ONCE.items(), ids=ONCE)
def test_a_fault_at_one_request(kind, how, table, after, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([table.name] if former else []))
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, after=after, **how)))


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
def test_a_link_to_another_port_of_the_same_host_gets_nothing(table, after, tenant: FaultyTenant, tmp_path):
    port = int(tenant.simulator.storage_url.rpartition(":")[2])
    lake = tenant.lake(tmp_path / "lake")
    tenant.check_law(tenant.refresh(table, lake, strike("link_port", table.name, after=after, port=port)))
