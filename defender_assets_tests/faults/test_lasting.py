"""Faults that do not pass: the table is refused with a sentence, or published whole by another way.

Without a former partition and without another way, some of them are the truth as far as anybody outside can see: a
list that always ends at the same row, always is empty, or always lacks a row. Those are tried with a former partition
only, or not at all.
"""

import pytest

from .law import TABLES, FaultyTenant, in_pages, strike

EVERY = -1
LIST = in_pages(TABLES["machines"], 6)
CURSOR = in_pages(TABLES["software_inventory"], 130)
CHANGES = in_pages(TABLES["software_vulnerability_changes"], 90)

OF_ANY_PAGE = {
    "error_row": {},
    "error_beside": {},
    "error_after": {},
    "malformed": {},
    "truncated": {},
    "cut": {"after_bytes": 90},
    "reset": {},
    "html": {"status": 502},
    "status": {"status": 503},
    "throttled": {"seconds": 3},
    "error_in_200": {},
    "empty_answer": {},
    "row_differs": {},
    "repeated_row": {},
    "link_number": {},
    "link_relative": {},
    "link_user": {},
    "link_foreign": {},
    "link_other_list": {},
    "link_loop": {},
    "link_endless": {},
}
OF_A_LIST = {
    "order_shuffled": {},
    "order_rotated": {"rows": 5},
    "order_reversed": {},
    "rows_swapped": {},
    "skip_ignored": {},
    "skip_clamped": {"rows": 9},
    "count_more": {"rows": 2},
    "page_short": {"rows": 2},
    "page_larger": {"rows": 3},
}
OF_A_CURSOR = {
    "page_short": {"rows": 50},
    "page_larger": {"rows": 30},
    "link_renamed": {},
    "link_back": {},
    "link_twice": {},
    "link_unchanged_place": {},
}
OF_ITS_END = {
    "link_missing": {},
    "link_null": {},
    "link_blank": {},
    "page_empty": {},
    "silent_cap": {"rows": 40},
    "cut_closed": {"rows": 4},
}
OF_A_FILE = {
    "part_member_lost": {"members": 3},
    "rows_dropped": {"rows": 2},
    "error_row": {},
    "truncated": {},
    "reset": {},
    "status": {"status": 503},
    "expired_signature": {},
}


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("kind", "how"), (OF_ANY_PAGE | OF_A_LIST).items(), ids=OF_ANY_PAGE | OF_A_LIST)
def test_of_a_list(kind, how, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([LIST.name] if former else []))
    tenant.check_law(tenant.refresh(LIST, lake, strike(kind, LIST.name, times=EVERY, **how)))


@pytest.mark.parametrize("kind", ["not_found", "page_empty"])
def test_a_list_that_had_rows_is_not_replaced_by_none(kind, tenant: FaultyTenant, tmp_path):
    attempt = tenant.refresh(LIST, tenant.lake(tmp_path / "lake", LIST.name), strike(kind, LIST.name, times=EVERY))
    tenant.check_law(attempt)
    assert not attempt.published


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("table", [CURSOR, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize(("kind", "how"), (OF_ANY_PAGE | OF_A_CURSOR).items(), ids=OF_ANY_PAGE | OF_A_CURSOR)
def test_of_a_cursor(kind, how, table, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([table.name] if former else []))
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, times=EVERY, **how)))


@pytest.mark.parametrize("table", [CURSOR, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize(("kind", "how"), OF_ITS_END.items(), ids=OF_ITS_END)
def test_a_cursor_that_ends_earlier_than_before(kind, how, table, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", table.name)
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, times=EVERY, **how)))


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("kind", "how"), OF_A_FILE.items(), ids=OF_A_FILE)
def test_of_the_files(kind, how, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([CURSOR.name] if former else []))
    fault = strike(kind, "storage", times=EVERY, **how)
    tenant.check_law(tenant.refresh(CURSOR, lake, fault, export_files="always"))


@pytest.mark.parametrize("kind", ["no_files", "part_empty", "part_missing"])
def test_files_with_less_than_before(kind, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", CURSOR.name)
    dataset = "storage" if kind == "part_empty" else CURSOR.name
    attempt = tenant.refresh(CURSOR, lake, strike(kind, dataset, times=EVERY, row=2), export_files="always")
    tenant.check_law(attempt)
