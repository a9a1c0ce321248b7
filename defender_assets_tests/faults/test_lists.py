"""Lists by ``$top`` and ``$skip`` under faults, in small pages: the law holds wherever they hit."""

import pytest

from .kinds import BODIES, CAPS, ENDS, LINKS, ORDERS, TRANSPORT
from .law import TABLES, FaultyTenant, in_pages, strike

MACHINES = in_pages(TABLES["machines"], 6)
VULNERABILITIES = in_pages(TABLES["vulnerabilities"], 200)
ROWS = {**BODIES, **ENDS, **CAPS, **ORDERS}


@pytest.mark.parametrize("former", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("after", [0, 2, 5, 8])
@pytest.mark.parametrize(("kind", "how"), ROWS.items(), ids=ROWS)
def test_other_rows_than_there_are_at_one_request(kind, how, after, former, tenant: FaultyTenant, tmp_path):
    """The requests: of the first page, of the middle and the end of the first walk, of the second walk."""
    lake = tenant.lake(tmp_path / "lake", *(["machines"] if former else []))
    tenant.check_law(tenant.refresh(MACHINES, lake, strike(kind, "machines", after=after, **how)))


@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize(("kind", "how"), (TRANSPORT | LINKS).items(), ids=TRANSPORT | LINKS)
def test_no_answer_or_a_link_at_one_request(kind, how, after, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", "machines")
    tenant.check_law(tenant.refresh(MACHINES, lake, strike(kind, "machines", after=after, **how)))


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("kind", ["link_bare", "link_other_list", "link_foreign", "link_null", "link_endless"])
def test_a_link_in_a_list_with_a_filter(kind, after, tenant: FaultyTenant, tmp_path):
    """Given alerts of some days with their evidence, when a link has lost both, then it is not followed."""
    fault = strike(kind, "alerts", after=after)
    tenant.check_law(tenant.refresh(in_pages(TABLES["alerts"], 7), tenant.lake(tmp_path / "lake"), fault))


@pytest.mark.parametrize("after", [0, 2, 4])
@pytest.mark.parametrize("kind", ["cut_closed", "rows_dropped", "count_more"])
def test_a_count_that_is_not_that_of_the_rows(kind, after, tenant: FaultyTenant, tmp_path):
    """Given the one list whose pages say how many rows they have."""
    fault = strike(kind, "vulnerabilities", after=after, rows=3)
    tenant.check_law(tenant.refresh(VULNERABILITIES, tenant.lake(tmp_path / "lake"), fault))


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("table", ["machines", "alerts"])
def test_a_list_in_one_page(table, kind, tenant: FaultyTenant, tmp_path):
    tenant.check_law(tenant.refresh(TABLES[table], tenant.lake(tmp_path / "lake"), strike(kind, table)))
