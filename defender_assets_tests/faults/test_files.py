"""Export files under faults: their list, and each of them."""

import pytest

from .kinds import FILES, LISTS_OF_FILES, TRANSPORT
from .law import TABLES, FaultyTenant, strike

INVENTORY = TABLES["software_inventory"]
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
