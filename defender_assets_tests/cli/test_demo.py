"""The demo, as a newcomer runs it, and the tenant it starts."""

import sys

import duckdb
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.demo.tenant import simulated_tenant

from .program import invoke, run


@pytest.mark.slow
def test_the_demo_ends_well_and_says_what_to_do_next(tmp_path):
    demo = run("demo", "--machines", "40", timeout=170)
    assert demo.returncode == 0, demo.stderr
    for name in DATASETS:
        (count,) = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/demo/lake/{name}/**/*.parquet'").fetchall()[0]
        assert count > 0, name
        assert name in demo.stdout
    for word in ("DEFENDER_TENANT_ID", "doctor", str(tmp_path / "demo" / "lake"), "--ui"):
        assert word in demo.stdout


def test_a_simulated_tenant_is_served_until_its_block_ends():
    with simulated_tenant(10) as tenant:
        assert tenant.settings["DEFENDER_API_URL"].startswith("https://127.0.0.1:")
        assert tenant.process.poll() is None
    assert tenant.process.poll() is not None


def test_a_tenant_that_does_not_start_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = invoke("simulate", "--machines", "10")
    assert result.exit_code == 1
    assert "the simulated tenant did not start (exit 1)" in result.stderr
