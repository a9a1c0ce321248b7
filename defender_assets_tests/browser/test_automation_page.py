"""What a person sees of the automation: its page, and a failed, a late and a healthy table."""

import os
import re
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.simulator import Simulator

from ..serve.local_dagster import LocalDagster, eventually, graphql, serving
from .chromium import CHROMIUM, FLAGS, IN_A_BROWSER

pytestmark = IN_A_BROWSER

LATE_AFTER_SECONDS = 120.0
"""The daemon evaluates freshness every half minute."""
NAMES = (
    "daily_refresh", "hourly_inventory", "alert_changes", "export_changes", "compliance_automation", "refresh_failures",
)  # fmt: skip


def freshness(dagster: LocalDagster, table: str) -> str:
    """HEALTHY, WARNING, FAIL or UNKNOWN; empty before the daemon has evaluated it."""
    query = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
        ... on AssetNode { freshnessStatusInfo { freshnessStatus } } } }"""
    info = graphql(dagster.address, query, key={"path": [table]})["assetNodeOrError"]["freshnessStatusInfo"]
    return str(info["freshnessStatus"]) if info else ""


def assert_run_ends(dagster: LocalDagster, run_id: str, status: dg.DagsterRunStatus) -> None:
    eventually(lambda: dagster.status(run_id).name in ("SUCCESS", "FAILURE"), 120, f"run {run_id} ends")
    assert dagster.status(run_id) is status


def test_the_automation_page_and_a_failed_a_late_and_a_healthy_table(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    """Given a tenant in which a role is missing, when one table was refreshed long ago, one just now and one cannot be,
    then the UI shows which is which, and the automation page says what every schedule and sensor does."""
    from playwright.sync_api import expect, sync_playwright

    settings = {
        "DEFENDER_LATE_AFTER_HOURS": str(LATE_AFTER_SECONDS / 3_600),
        "DEFENDER_RUNNING": "compliance_automation,refresh_failures",
        "DEFENDER_BUDGET_FILE": str(tmp_path / "calls.sqlite"),
    }
    own_simulator.control.revoke_roles("Alert.Read.All")
    pictures = Path(os.environ.get("PICTURES", tmp_path / "pictures"))
    pictures.mkdir(exist_ok=True)
    with serving(tmp_path, **settings) as dagster, sync_playwright() as playwright:
        assert_run_ends(dagster, dagster.launch("software"), dg.DagsterRunStatus.SUCCESS)
        assert_run_ends(dagster, dagster.launch("alerts"), dg.DagsterRunStatus.FAILURE)
        eventually(
            lambda: freshness(dagster, "software") == "WARNING", 2 * LATE_AFTER_SECONDS, "software is late", every=2
        )
        # The last of the runs, and looked at first: in two minutes it is late as well.
        assert_run_ends(dagster, dagster.launch("machines"), dg.DagsterRunStatus.SUCCESS)
        eventually(lambda: freshness(dagster, "machines") == "HEALTHY", 90, "machines are healthy")

        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        # Dagster's invitation to its newsletter covers the page some seconds after it is first opened.
        page.add_locator_handler(page.get_by_role("button", name="Skip"), lambda skip: skip.click())

        def take_picture(path: str, name: str, *texts: str) -> None:
            """Opens the page, keeps a picture of it, and expects texts that begin with these."""
            page.goto(f"{dagster.address}/{path}", wait_until="networkidle", timeout=60_000)
            page.wait_for_timeout(3_000)
            page.screenshot(path=pictures / f"{name}.png")
            for text in texts:
                expect(page.get_by_text(re.compile(f"^{text}")).first).to_be_visible(timeout=30_000)

        take_picture("assets/machines", "healthy-table", "Passing")
        take_picture("automation", "automation", *NAMES)
        take_picture("assets/software", "late-table", "Warning")
        take_picture("assets/alerts", "failed-table", "Failed in")
        browser.close()
    assert {"automation.png", "healthy-table.png", "late-table.png", "failed-table.png"} <= set(os.listdir(pictures))
