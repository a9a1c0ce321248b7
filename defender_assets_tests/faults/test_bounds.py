"""Bodies without measure: each has a bound and a sentence, and takes neither the memory nor the process with it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from .kinds import EVERY
from .law import FaultyTenant

MOST_MEMORY = 1_024
"""MiB, of the whole process."""
BY_PAGE_AND_BY_CURSOR = ["machines", pytest.param("software_inventory", marks=pytest.mark.slow)]
"""The bound is the same, in code that both ways share; each takes seconds."""


def refreshed(
    tenant: FaultyTenant, folder, table: str, *faults: tuple[str, str, dict[str, Any]], export_files: str = "never"
) -> dict[str, Any]:
    """What a process of its own says about a refresh under these faults (kind, dataset, how)."""
    control = tenant.simulator.control
    control.clear_faults()
    for kind, dataset, how in faults:
        control.fault(kind, dataset, **how)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEFENDER_")}
    environment |= {**tenant.simulator.settings, "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"{__package__}.bounded", table, export_files, str(folder / "lake")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    finally:
        control.clear_faults()
    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout)
    assert said["peak_mib"] < MOST_MEMORY, said
    assert said["waited"] <= 120, said
    words = (said["sentence"], *said["checks"], *said["facts"].values())
    assert max(map(len, words)) < 2_000, max(words, key=len)[:300]
    assert said["sentence"] == "" or table in said["sentence"]
    return said


@pytest.mark.parametrize("status", [503, pytest.param(401, marks=pytest.mark.slow)])
def test_an_error_of_a_gibibyte(status, tenant: FaultyTenant, tmp_path):
    said = refreshed(tenant, tmp_path, "machines", ("error_bomb", "machines", {"status": status, "times": EVERY}))
    assert said["sentence"]


@pytest.mark.parametrize("table", BY_PAGE_AND_BY_CURSOR)
def test_a_page_of_a_gibibyte(table, tenant: FaultyTenant, tmp_path):
    assert refreshed(tenant, tmp_path, table, ("blanks", table, {"times": EVERY}))["sentence"]


def test_a_page_that_is_only_just_small_enough(tenant: FaultyTenant, tmp_path):
    fault = ("blanks", "software_inventory", {"times": EVERY, "mebibytes": 250})
    assert refreshed(tenant, tmp_path, "software_inventory", fault)["rows"]


def test_an_export_file_of_a_gibibyte_of_blanks(tenant: FaultyTenant, tmp_path):
    refreshed(tenant, tmp_path, "software_inventory", ("blanks", "storage", {"times": 2}), export_files="always")


def test_an_error_of_the_storage_of_a_gibibyte(tenant: FaultyTenant, tmp_path):
    fault = ("error_bomb", "storage", {"times": EVERY})
    assert refreshed(tenant, tmp_path, "software_inventory", fault, export_files="always")["sentence"]


def test_a_thousand_members_that_nobody_knows(tenant: FaultyTenant, tmp_path):
    said = refreshed(tenant, tmp_path, "machines", ("unknown_members", "machines", {"times": EVERY}))
    assert said["rows"] == len(list(tenant.simulator.tenant.rows("machines")))


@pytest.mark.parametrize("levels", [1_000, 20_000])
@pytest.mark.parametrize("table", ["machines", "software_inventory"])
def test_rows_that_are_nested_beyond_all_measure(table, levels, tenant: FaultyTenant, tmp_path):
    said = refreshed(tenant, tmp_path, table, ("nested", table, {"times": EVERY, "levels": levels}))
    assert said["sentence"] or said["rows"] == len(list(tenant.simulator.tenant.rows(table)))


@pytest.mark.parametrize("table", BY_PAGE_AND_BY_CURSOR)
def test_a_text_of_fifty_mebibytes(table, tenant: FaultyTenant, tmp_path):
    said = refreshed(tenant, tmp_path, table, ("large_entry", table, {"times": EVERY, "mebibytes": 50}))
    assert said["sentence"]
    assert said["allocated_mib"] < 2_000
