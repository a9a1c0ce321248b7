"""Export files under faults: their list, and each of them; with pages to compare them with, and without."""

import pytest

from defender_assets.checks import Check

from .kinds import EVERY, FILES, LISTS_OF_FILES, TRANSPORT
from .law import TABLES, Attempt, FaultyTenant, strike

INVENTORY, GATHERED = TABLES["software_inventory"], TABLES["information_gathering"]
OF_A_FILE = {**FILES, **TRANSPORT}
OF_THE_LIST = {**LISTS_OF_FILES, **TRANSPORT, "error_after": {}}


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 2, 7])
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


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("kind", "how"), FILES.items(), ids=FILES)
def test_a_fault_of_one_file_of_a_table_without_pages(kind, how, former, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([GATHERED.name] if former else []))
    tenant.check_law(tenant.refresh(GATHERED, lake, strike(kind, "storage", after=1, **how)))


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(("kind", "how"), LISTS_OF_FILES.items(), ids=LISTS_OF_FILES)
def test_a_fault_of_the_list_of_a_table_without_pages(kind, how, former, tenant: FaultyTenant, tmp_path):
    """Its list is requested twice in each reading: the fault hits the first, then the second of them."""
    lake = tenant.lake(tmp_path / "lake", *([GATHERED.name] if former else []))
    for after in (0, 1):
        tenant.check_law(tenant.refresh(GATHERED, lake, strike(kind, GATHERED.name, after=after, **how)))


def test_files_that_the_first_list_lacks_are_found_by_the_second(tenant: FaultyTenant, tmp_path):
    attempt = tenant.refresh(GATHERED, tenant.lake(tmp_path / "lake"), strike("part_missing", GATHERED.name, row=1))
    tenant.check_law(attempt)
    assert "the first list of export files lacked" in _complete(attempt).message


def test_a_list_without_files_is_believed_when_another_reading_has_none_either(tenant: FaultyTenant, tmp_path):
    """Given a table that never had rows; one that had some is refused, and a list that is empty once is none."""
    empty = strike("no_files", GATHERED.name, times=EVERY)
    attempt = tenant.refresh(GATHERED, tenant.lake(tmp_path / "new"), empty)
    assert (attempt.published, attempt.outcomes[0].rows) == (True, 0)
    assert "the list of export files is empty), and confirmed by another reading" in _complete(attempt).message

    lake = tenant.lake(tmp_path / "lake", GATHERED.name)
    attempt = tenant.refresh(GATHERED, lake, empty)
    tenant.check_law(attempt)
    assert "DEFENDER_ALLOW_COLLAPSE" in str(attempt.error)

    attempt = tenant.refresh(GATHERED, tenant.lake(tmp_path / "once"), strike("no_files", GATHERED.name, times=2))
    tenant.check_law(attempt)
    assert attempt.published


def _complete(attempt: Attempt) -> Check:
    return next(check for check in attempt.outcomes[0].checks if check.name == "complete")
