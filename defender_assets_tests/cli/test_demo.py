"""The demo, as a newcomer runs it, and the tenant it starts."""

import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.demo.tenant import simulated_tenant

from .program import invoke, run


@pytest.mark.slow
def test_the_demo_ends_well_and_says_what_to_do_next(tmp_path: Path) -> None:
    demo = run("demo", "--machines", "40", timeout=170)
    assert demo.returncode == 0, demo.stderr
    for name in DATASETS:
        partitions = pq.ParquetDataset(tmp_path / "demo" / "lake" / name).read(columns=[])
        assert partitions.num_rows > 0, name
        assert name in demo.stdout
    for word in ("DEFENDER_TENANT_ID", "doctor", str(tmp_path / "demo" / "lake"), "--ui"):
        assert word in demo.stdout


def test_a_simulated_tenant_is_served_until_its_block_ends() -> None:
    with simulated_tenant(10) as tenant:
        assert tenant.settings["DEFENDER_API_URL"].startswith("https://127.0.0.1:")
        assert tenant.process.poll() is None
    assert tenant.process.poll() is not None


def test_a_tenant_that_does_not_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = invoke("simulate", "--machines", "10")
    assert result.exit_code == 1
    assert "the simulated tenant did not start (exit 1)" in result.stderr
