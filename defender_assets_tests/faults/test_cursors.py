"""Lists by cursor under faults, in small pages: one whose rows have export files too, and one that has none."""

import pytest

from .kinds import BODIES, CAPS, ENDS, LINKS, TRANSPORT
from .law import TABLES, FaultyTenant, in_pages, strike

INVENTORY = in_pages(TABLES["software_inventory"], 130)
CHANGES = in_pages(TABLES["software_vulnerability_changes"], 90)

ROWS = {**BODIES, **ENDS, "silent_cap": {"rows": 47}, "cut_closed": {"rows": 4}}
LOST_LINKS = {kind: LINKS[kind] for kind in ("link_missing", "link_null", "link_blank")}


def placed(kind: str, after: int, former: bool) -> bool:
    """All but the first page of the first reading that ends early: one call, and nothing to compare it with."""
    return kind not in CAPS or after > 0 or former


@pytest.mark.parametrize(
    ("kind", "after", "former"),
    [
        (kind, after, former)
        for kind in (*ROWS, *LOST_LINKS)
        for after in (0, 1, 3)
        for former in (False, True)
        if placed(kind, after, former)
    ],
)
@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
def test_other_rows_or_an_end_at_one_request(kind, after, former, table, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", *([table.name] if former else []))
    how = (ROWS | LOST_LINKS)[kind]
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, after=after, **how)))


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
@pytest.mark.parametrize("kind", sorted(LINKS.keys() - LOST_LINKS.keys()))
def test_a_link_to_elsewhere(kind, table, after, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake")
    tenant.check_law(tenant.refresh(table, lake, strike(kind, table.name, after=after)))


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(("kind", "how"), TRANSPORT.items(), ids=TRANSPORT)
def test_no_answer_at_one_request(kind, how, after, tenant: FaultyTenant, tmp_path):
    lake = tenant.lake(tmp_path / "lake", INVENTORY.name)
    tenant.check_law(tenant.refresh(INVENTORY, lake, strike(kind, INVENTORY.name, after=after, **how)))


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
def test_a_link_to_another_port_of_the_same_host_gets_nothing(table, after, tenant: FaultyTenant, tmp_path):
    port = int(tenant.simulator.storage_url.rpartition(":")[2])
    lake = tenant.lake(tmp_path / "lake")
    tenant.check_law(tenant.refresh(table, lake, strike("link_port", table.name, after=after, port=port)))


@pytest.mark.parametrize("table", [INVENTORY, CHANGES], ids=["inventory", "changes"])
def test_what_was_doubted_and_how_it_was_settled_is_told(table, tenant: FaultyTenant, tmp_path):
    """Given a page that lost its last rows, though its link leads on, then another reading finds them."""
    lake = tenant.lake(tmp_path / "lake", table.name)
    attempt = tenant.refresh(table, lake, strike("rows_dropped", table.name, after=1, rows=2))
    tenant.check_law(attempt)
    assert attempt.published
    (complete,) = [check for check in attempt.outcomes[0].checks if check.name == "complete"]
    assert complete.numbers["readings"] == 2
    assert "page 2 has only" in complete.message
