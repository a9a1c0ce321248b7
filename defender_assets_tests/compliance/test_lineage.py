"""The lineage of columns that ships is what the SQL says."""

import pytest

from . import lineage


@pytest.mark.slow
def test_the_lineage_that_ships_is_that_of_the_sql():
    found = {table: {"digest": lineage.sql_digest(table), **lineage.looked_through(table)} for table in lineage.DERIVED}
    assert lineage.as_text(found) == lineage.FILE.read_text(encoding="utf-8"), "run `make snapshot` and review the diff"
