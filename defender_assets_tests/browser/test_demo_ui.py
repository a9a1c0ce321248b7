"""The demo's UI as a newcomer finds it: nothing red, nothing amber, no failed run."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from defender_assets.catalog import TABLES

from ..loopback import free_port
from ..serve.local_dagster import answers, eventually, graphql
from .chromium import CHROMIUM, FLAGS, IN_A_BROWSER, PICTURES

pytestmark = IN_A_BROWSER

NOT_GREEN = re.compile(r"^(Failed|Failing|Overdue|Never materialized|Warning)$")
"""What Dagster writes on what is red or amber."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The address of the UI of ``defender-assets demo --ui``, in an empty folder."""
    port = free_port()
    log = tmp_path / "demo.log"
    command = [Path(sys.executable).with_name("defender-assets"), "demo", "--machines", "60", "--days", "3"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--ui", "--port", str(port)],
            cwd=tmp_path, env=os.environ | {"BROWSER": "true"}, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(address) or process.poll() is not None, 600, "the demo's UI answers", every=2)
        assert process.poll() is None, log.read_text()[-2000:]
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tables(address: str) -> dict[str, dict[str, Any]]:
    """What the UI colours a table by."""
    query = """{ assetNodes { assetKey { path }
        partitionStats { numPartitions numMaterialized numFailed }
        freshnessStatusInfo { freshnessStatus }
        assetChecksOrError { ... on AssetChecks { checks { name
            executionForLatestMaterialization { status evaluation { success } } } } } } }"""
    return {node["assetKey"]["path"][-1]: node for node in graphql(address, query)["assetNodes"]}


def test_the_demo_shows_nothing_red_and_nothing_amber(demo: str, tmp_path: Path) -> None:
    """Given a newcomer's demo, when its UI is opened, then every day of every table is there, every check of the newest
    day passed, nothing is late, no run failed, and the pages say so."""
    from playwright.sync_api import expect, sync_playwright

    found = tables(demo)
    assert set(TABLES) <= set(found)
    filled = {name: tuple(node["partitionStats"].values()) for name, node in found.items()}
    assert {name: stats for name, stats in filled.items() if stats != (3, 3, 0)} == {}
    checks = {
        f"{name}.{check['name']}": check["executionForLatestMaterialization"]
        for name, node in found.items()
        for check in node["assetChecksOrError"]["checks"]
    }
    assert {name for name, last in checks.items() if last is None or last["status"] != "SUCCEEDED"} == set()
    runs = graphql(demo, "{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    eventually(
        lambda: {
            (node["freshnessStatusInfo"] or {}).get("freshnessStatus") for node in tables(demo).values()
        } == {"HEALTHY"}, 120, "the daemon has found every table fresh", every=3,
    )  # fmt: skip

    pictures = tmp_path / "pictures"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1800, "height": 1100})

        def take_picture(path: str, name: str, *texts: str) -> None:
            page.goto(f"{demo}/{path}", wait_until="networkidle", timeout=60_000)
            for text in texts:
                expect(page.get_by_text(text, exact=True).filter(visible=True).first).to_be_visible(timeout=60_000)
            page.wait_for_timeout(3_000)
            assert page.get_by_text(NOT_GREEN).count() == 0, name
            page.screenshot(path=pictures / f"{name}.png")

        take_picture("asset-groups?expanded=global%40global%3Acompliance", "asset-graph", "patch_findings")
        take_picture("assets/patch_compliance?view=overview", "demo-table", "Passing")
        take_picture("assets/patch_compliance?view=lineage", "demo-lineage", "patch_findings")
        take_picture("automation", "demo-automation", "lake_partitions")
        browser.close()
    if PICTURES:
        shutil.copy(pictures / "asset-graph.png", PICTURES)
