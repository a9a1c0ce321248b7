"""docs/readers.md: its lines read a lake in which columns were added later."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

from .things import MONDAY, NOON, TUESDAY, publish

PAGE = Path(__file__).parents[2] / "docs" / "readers.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
MACHINES = DATASETS["machines"]
ADDED = ("managed_by", "vm_metadata")
BEFORE = dataclasses.replace(MACHINES, columns=tuple(c for c in MACHINES.columns if c.name not in ADDED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of machines, the first of them without the columns that were added."""
    folder = tmp_path_factory.mktemp("readers")
    lake = Lake(folder / "lake")
    rows = [{"id": name, "observed_at": NOON, "managed_by": "Intune", "vm_metadata": {"vm_id": name}} for name in "abc"]
    publish(lake, MONDAY, pa.Table.from_pylist(rows[:2], BEFORE.schema), BEFORE)
    publish(lake, TUESDAY, pa.Table.from_pylist(rows, MACHINES.schema), MACHINES)
    return folder


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # DuckDB calls pandas so
@pytest.mark.parametrize("block", BLOCKS, ids=["duckdb", "pandas", "pyarrow", "polars"])
def test_columns_that_were_added_later_are_there_and_null_before(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(block, found)
    history: pd.DataFrame = found["history"]
    newest: pd.DataFrame = found["newest"]
    assert sorted(newest["id"]) == ["a", "b", "c"]
    assert set(newest["managed_by"]) == {"Intune"}
    assert newest["vm_metadata"].iloc[0]["vm_id"] == newest["id"].iloc[0]
    by_day = history.groupby(history["snapshot_date"].astype(str))["managed_by"]
    assert dict(by_day.size()) == {str(MONDAY): 2, str(TUESDAY): 3}
    assert dict(by_day.count()) == {str(MONDAY): 0, str(TUESDAY): 3}
