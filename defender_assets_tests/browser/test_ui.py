"""The Dagster UI in a real browser: materialize everything, and look at it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from defender_assets.catalog import DATASETS, TABLES

from ..loopback import free_port
from ..serve.local_dagster import answers, eventually, graphql
from .chromium import CHROMIUM, FLAGS, IN_A_BROWSER

ROOT = Path(__file__).parents[2]

pytestmark = IN_A_BROWSER


@pytest.fixture
def ui(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of ``dagster dev`` in the project's root, on the simulated tenant."""
    home = tmp_path / "dagster"
    home.mkdir()
    port = free_port()
    log = (tmp_path / "dagster-dev.log").open("wb")
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dagster"), "dev", "-h", "127.0.0.1", "-p", str(port)],
        cwd=ROOT, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(address) or process.poll() is not None, 90, "the UI answers")
        assert process.poll() is None, (tmp_path / "dagster-dev.log").read_text()[-2000:]
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def row_counts(address: str) -> dict[str, int | None]:
    """Table -> rows of its newest materialization, as the UI knows them. Tables without one are not there."""
    query = """{ assetNodes { assetKey { path } assetMaterializations(limit: 1)
        { metadataEntries { label ... on IntMetadataEntry { intValue } } } } }"""
    counts: dict[str, int | None] = {}
    for node in graphql(address, query)["assetNodes"]:
        for event in node["assetMaterializations"]:
            rows = [entry["intValue"] for entry in event["metadataEntries"] if entry["label"] == "dagster/row_count"]
            counts[node["assetKey"]["path"][-1]] = rows[0] if rows else None
    return counts


def run_statuses(address: str) -> set[str]:
    runs = graphql(address, "{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
    return {run["status"] for run in runs}


def test_everything_is_materialized_from_the_ui(ui: str, tmp_path: Path) -> None:
    """Given a tenant and an empty lake, when a person materializes all in the UI, then it succeeds and shows counts."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1800, "height": 1800})
        # Dagster's invitation to its newsletter covers the page some seconds after it is first opened.
        page.add_locator_handler(page.get_by_role("button", name="Skip"), lambda skip: skip.click())
        page.goto(f"{ui}/asset-groups", wait_until="networkidle", timeout=60_000)
        expect(page.get_by_text("defender", exact=True).first).to_be_visible(timeout=60_000)
        page.get_by_role("button", name=re.compile("Materialize all", re.IGNORECASE)).first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible(timeout=30_000)
        dialog.get_by_role("button", name="Latest", exact=True).click(timeout=30_000)
        dialog.get_by_role("button", name=re.compile("^Launch", re.IGNORECASE)).last.click(timeout=30_000)

        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and set(row_counts(ui)) < set(TABLES):
            assert "FAILURE" not in run_statuses(ui)
            time.sleep(1)
        counts = row_counts(ui)
        assert set(TABLES) <= set(counts)
        assert all(counts[name] is not None for name in DATASETS)
        assert counts["machines"] == 40

        page.goto(f"{ui}/assets/machines", wait_until="networkidle", timeout=60_000)
        expect(page.get_by_text("40", exact=True).first).to_be_visible(timeout=30_000)

        page.goto(f"{ui}/asset-groups?expanded=global%40global%3Adefender", wait_until="networkidle", timeout=60_000)
        for table in ("av_health", "recommendations", "hardware_firmware"):  # those in the middle of the group
            expect(page.get_by_text(table, exact=True).filter(visible=True).first).to_be_visible(timeout=30_000)
        expect(page.get_by_text("6 / 6 Passed").first).to_be_visible(timeout=30_000)
        page.wait_for_timeout(3_000)
        picture = tmp_path / "asset-graph.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 20_000
        browser.close()
