"""Lists by ``$top`` and ``$skip`` under faults, in small pages: the law holds wherever they hit."""

import pytest

from .law import TABLES, FaultyTenant, in_pages, strike

MACHINES = in_pages(TABLES["machines"], 6)

ONCE = {
    "order_shuffled": {},
    "order_rotated": {"rows": 5},
    "order_reversed": {},
    "rows_swapped": {},
    "row_missing": {"row": 7},
    "row_extra": {"row": 7},
    "skip_ignored": {},
    "skip_clamped": {"rows": 5},
    "count_more": {"rows": 2},
    "page_empty": {},
    "page_short": {"rows": 2},
    "page_larger": {"rows": 3},
    "rows_dropped": {"rows": 2},
    "cut_closed": {"rows": 2},
    "repeated_row": {},
    "row_differs": {},
    "error_row": {},
    "error_beside": {},
    "error_after": {},
    "link_loop": {},
    "link_endless": {},
    "link_null": {},
    "link_renamed": {},
    "link_other_list": {},
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
    "silent_cap": {"rows": 9},
}
"""Kind -> how; each hits one request."""


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 2, 5, 8])
@pytest.mark.parametrize(("kind", "how"), ONCE.items(), ids=ONCE)
def test_a_fault_at_one_request(kind, how, after, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *(["machines"] if former else []))
    tenant.check_law(tenant.refresh(MACHINES, lake, strike(kind, "machines", after=after, **how)))
