"""The demo, as a newcomer runs it."""

import duckdb
import pytest

from defender_assets.catalog import DATASETS

from .test_commands import call


@pytest.mark.slow
def test_the_demo_ends_well_and_says_what_to_do_next(tmp_path):
    done = call("demo", "--machines", "40", timeout=170)
    assert done.returncode == 0, done.stderr
    for name in DATASETS:
        (count,) = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/demo/lake/{name}/**/*.parquet'").fetchall()[0]
        assert count > 0, name
        assert name in done.stdout
    for word in ("DEFENDER_TENANT_ID", "doctor", str(tmp_path / "demo" / "lake"), "--ui"):
        assert word in done.stdout
