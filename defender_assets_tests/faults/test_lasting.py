"""Faults that do not pass: the table is refused with a sentence, or published whole by another way.

Some of them are the truth as far as anybody outside can see: a list that always lacks a row, or always ends at the same
one, and, where there was no former partition, a list that is always empty. They are not tried, or with a former
partition only.
"""

import pytest

from .kinds import BODIES, EVERY, LINKS, ORDERS, TRANSPORT, Kinds
from .law import TABLES, FaultyTenant, in_pages, strike

LIST = in_pages(TABLES["machines"], 6)
CURSOR = in_pages(TABLES["software_inventory"], 130)
CHANGES = in_pages(TABLES["software_vulnerability_changes"], 90)


def without(kinds: Kinds, *names: str) -> Kinds:
    return {kind: how for kind, how in kinds.items() if kind not in names}


WRONG = without(BODIES, "not_found", "page_empty")
OF_A_LIST = {
    **WRONG,
    **without(ORDERS, "row_missing", "row_extra"),
    "page_short": {"rows": 2},
    "page_larger": {"rows": 3},
}
OF_A_CURSOR = {
    **WRONG,
    **without(LINKS, "link_missing", "link_null", "link_blank"),
    "page_short": {"rows": 50},
    "page_larger": {"rows": 30},
}
OF_ITS_END = {
    "link_missing": {},
    "link_null": {},
    "link_blank": {},
    "page_empty": {},
    "not_found": {},
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
@pytest.mark.parametrize(("kind", "how"), OF_A_LIST.items(), ids=OF_A_LIST)
def test_wrong_pages_of_a_list(kind, how, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([LIST.name] if former else []))
    tenant.check_law(tenant.refresh(LIST, lake, strike(kind, LIST.name, **{**how, "times": EVERY})))


@pytest.mark.parametrize(("kind", "how"), (TRANSPORT | LINKS).items(), ids=TRANSPORT | LINKS)
def test_no_answer_of_a_list_or_links_in_it(kind, how, tenant: FaultyTenant, tmp_path):
    fault = strike(kind, LIST.name, **{**how, "times": EVERY})
    tenant.check_law(tenant.refresh(LIST, tenant.lake(tmp_path / "lake", LIST.name), fault))


@pytest.mark.parametrize("kind", ["not_found", "page_empty"])
def test_a_list_that_had_rows_is_not_replaced_by_none(kind, tenant: FaultyTenant, tmp_path):
    attempt = tenant.refresh(LIST, tenant.lake(tmp_path / "lake", LIST.name), strike(kind, LIST.name, times=EVERY))
    tenant.check_law(attempt)
    assert not attempt.published


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("table", [CURSOR, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize(("kind", "how"), OF_A_CURSOR.items(), ids=OF_A_CURSOR)
def test_wrong_pages_by_cursor(kind, how, table, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([table.name] if former else []))
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, **{**how, "times": EVERY})))


@pytest.mark.parametrize("table", [CURSOR, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize(("kind", "how"), OF_ITS_END.items(), ids=OF_ITS_END)
def test_a_cursor_that_ends_earlier_than_before(kind, how, table, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", table.name)
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, times=EVERY, **how)))


@pytest.mark.parametrize(("kind", "how"), OF_A_FILE.items(), ids=OF_A_FILE)
def test_wrong_files(kind, how, tenant: FaultyTenant, tmp_path):
    fault = strike(kind, "storage", times=EVERY, **how)
    tenant.check_law(tenant.refresh(CURSOR, tenant.lake(tmp_path / "lake"), fault, export_files="always"))


@pytest.mark.parametrize("kind", ["no_files", "part_empty", "part_missing"])
def test_files_with_less_than_before(kind, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", CURSOR.name)
    dataset = "storage" if kind == "part_empty" else CURSOR.name
    attempt = tenant.refresh(CURSOR, lake, strike(kind, dataset, times=EVERY, row=2), export_files="always")
    tenant.check_law(attempt)
