"""Export files under faults: their list, and each of them."""

import pytest

from .law import TABLES, FaultyTenant, strike

INVENTORY = TABLES["software_inventory"]

OF_A_FILE = {
    "part_empty": {},
    "part_members": {"members": 3},
    "part_member_lost": {"members": 3},
    "rows_dropped": {"rows": 2},
    "error_row": {},
    "blanks": {"mebibytes": 2},
    "pending": {},
    "expired_signature": {},
    "truncated": {},
    "cut": {"after_bytes": 40},
    "reset": {},
    "status": {"status": 503},
    "html": {"status": 502},
    "not_found": {},
}
OF_THE_LIST = {
    "no_files": {},
    "part_missing": {"row": 2},
    "error_beside": {},
    "error_after": {},
    "not_found": {},
    "status": {"status": 503},
    "throttled": {"seconds": 3},
    "malformed": {},
    "truncated": {},
    "error_in_200": {},
    "empty_answer": {},
}


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 2, 4])
@pytest.mark.parametrize(("kind", "how"), OF_A_FILE.items(), ids=OF_A_FILE)
def test_a_fault_of_one_file(kind, how, after, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([INVENTORY.name] if former else []))
    attempt = tenant.refresh(INVENTORY, lake, strike(kind, "storage", after=after, **how), export_files="always")
    tenant.check_law(attempt)


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("kind", "how"), OF_THE_LIST.items(), ids=OF_THE_LIST)
def test_a_fault_of_the_list(kind, how, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([INVENTORY.name] if former else []))
    attempt = tenant.refresh(INVENTORY, lake, strike(kind, INVENTORY.name, **how), export_files="always")
    tenant.check_law(attempt)
