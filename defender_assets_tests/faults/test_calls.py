"""What the proof of completeness costs, in calls to a tenant that behaves."""

import pytest

from .law import TABLES, FaultyTenant, in_pages


def calls(table: str, size: int, tenant: FaultyTenant, folder, **settings) -> int:
    attempt = tenant.refresh(in_pages(TABLES[table], size), tenant.lake(folder / "lake"), **settings)
    tenant.check_law(attempt)
    assert attempt.published, attempt.told
    return sum(attempt.calls.values())


@pytest.mark.parametrize("table", ["machines", "av_health", "software", "vulnerabilities", "alerts"])
def test_a_list_in_one_page_costs_two_calls(table, tenant: FaultyTenant, tmp_path):
    """The list, and what comes after its last row."""
    assert calls(table, 10_000 if table != "vulnerabilities" else 8_000, tenant, tmp_path) == 2


@pytest.mark.parametrize(("size", "fewest"), [(12, 2), (10, 3), (6, 4), (5, 5), (3, 8)])
def test_a_list_in_several_pages_costs_at_most_twice_the_fewest_possible(size, fewest, tenant: FaultyTenant, tmp_path):
    """Fewest: 24 machines in pages of this size, and one call more, which finds nothing after the last row."""
    assert calls("machines", size, tenant, tmp_path) <= 2 * (fewest + 1)


def test_a_cursor_walk_in_one_page_costs_one_call(tenant: FaultyTenant, tmp_path):
    assert calls("software_inventory", 50_000, tenant, tmp_path) == 1


@pytest.mark.parametrize(("size", "pages"), [(300, 2), (130, 5)])
def test_a_cursor_walk_in_several_pages_costs_one_call_more_than_it_has_pages(size, pages, tenant, tmp_path):
    """550 rows. The first time, when there is nothing to compare with, every page is asked for twice, then the last."""
    assert calls("software_inventory", size, tenant, tmp_path) == 2 * pages
    assert calls("software_inventory", size, tenant, tmp_path) == pages + 1


def test_export_files_cost_one_call_the_first_time_two_and_one_download_each(tenant: FaultyTenant, tmp_path):
    files = len([part for part in tenant.simulator.tenant.parts(tenant.simulator.tenant.assessment) if part.indices])
    table, lake = TABLES["software_inventory"], tenant.lake(tmp_path / "lake")
    attempt = tenant.refresh(table, lake, export_files="always")
    tenant.check_law(attempt)
    assert attempt.calls == {"tvm_files": 2}
    attempt = tenant.refresh(table, lake, export_files="always")
    assert attempt.calls == {"tvm_files": 1}
    assert sum("json.gz" in request for request in attempt.requests) >= files + 1
