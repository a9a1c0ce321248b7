"""The assertion of this room can fail: what nobody can detect from outside breaks the law, and is told apart."""

from dataclasses import replace

import pytest

from .kinds import EVERY
from .law import TABLES, FaultyTenant, strike


@pytest.mark.parametrize(
    ("kind", "how", "words"),
    [
        ("row_wrong", {}, "0 are missing, 0 invented, 1 changed"),
        ("unknown_members", {"members": 2}, "0 are missing, 0 invented, 1 changed"),
        ("row_missing", {"row": 3}, "1 are missing, 0 invented, 0 changed"),
        ("row_extra", {"row": 3}, "0 are missing, 1 invented, 0 changed"),
    ],
)
def test_a_fault_that_is_the_truth_for_everybody_else(kind, how, words, tenant: FaultyTenant, tmp_path):
    table = TABLES["machines"]
    attempt = tenant.refresh(table, tenant.lake(tmp_path / "lake"), strike(kind, table.name, times=EVERY, **how))
    with pytest.raises(AssertionError, match=words):
        tenant.check_law(attempt)


def test_a_partition_that_does_not_stand(tenant: FaultyTenant, tmp_path):
    """Given a refresh that failed, when the former file is not the same as before, then that is noticed."""
    table = TABLES["machines"]
    lake = tenant.lake(tmp_path / "lake", table.name)
    attempt = tenant.refresh(table, lake, strike("html", table.name, status=200, times=EVERY))
    tenant.check_law(attempt)
    assert not attempt.published
    changed = replace(attempt, after=dict.fromkeys(attempt.after, b"PAR1"))
    with pytest.raises(AssertionError, match="a partition was changed"):
        tenant.check_law(changed)
