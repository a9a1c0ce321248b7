"""What a refresh leaves out: pandas, until someone asks for it, and Dagster before it fetches."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from defender_assets.cli.arrow_alone import keep_pandas_out
keep_pandas_out()
import pyarrow as pa
table = pa.table({"id": pa.array(["a", None])})
print("pandas" in sys.modules)
print(table.to_pandas()["id"].tolist(), pa.array(__import__("pandas").Series([1.5, None])).to_pylist())
"""


def test_arrow_converts_without_pandas_and_pandas_works_when_it_is_imported_later():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    before, later = done.stdout.splitlines()
    assert before == "False"
    assert later.endswith("[1.5, None]")


def test_what_checks_the_settings_and_begins_to_fetch_loads_neither_dagster_nor_pandas():
    program = (
        "import sys, defender_assets.orchestration.fetched, defender_assets.orchestration.memory; "
        "from defender_assets.doctor import read_settings; read_settings(connects=True); "
        "print({'dagster', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


_PARQUET = """
import io, sys
from defender_assets.cli.program import main
sys.argv = ["defender-assets", "refresh"]
try:
    main.main()
except SystemExit as ended:
    print(ended.code)
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"id": list(range(10_000))}), io.BytesIO())
print({name: getattr(pa, f"{name}_memory_pool")().max_memory() > 10_000 for name in ("system", "mimalloc")})
"""


def test_a_refresh_has_arrow_take_the_systems_allocator_for_parquet_too(tmp_path: Path):
    # Without settings it ends before anything is fetched.
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("DEFENDER_", "ARROW_"))}
    done = subprocess.run(
        [sys.executable, "-c", _PARQUET], capture_output=True, text=True, check=True, cwd=tmp_path, env=chosen
    )
    assert done.stdout.splitlines() == ["2", "{'system': True, 'mimalloc': False}"]
