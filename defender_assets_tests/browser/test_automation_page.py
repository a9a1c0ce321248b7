"""What a person sees of the automation: its page, and a failed, a late and a healthy table."""

import os
import re
from pathlib import Path

import dagster as dg

from ..serve.local_dagster import LocalDagster, eventually, serving
from .chromium import CHROMIUM, FLAGS, IN_A_BROWSER

pytestmark = IN_A_BROWSER

LATE_AFTER = 120.0
"""Seconds; the daemon looks every half minute."""
NAMES = (
    "daily_refresh", "hourly_inventory", "alert_changes", "export_changes", "compliance_automation", "refresh_failures",
)  # fmt: skip


def freshness(served: LocalDagster, table: str) -> str:
    query = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
        ... on AssetNode { freshnessStatusInfo { freshnessStatus } } } }"""
    told = served.graphql(query, key={"path": [table]})["assetNodeOrError"]["freshnessStatusInfo"]
    return told["freshnessStatus"] if told else ""


def done(served: LocalDagster, run: str, status: dg.DagsterRunStatus) -> None:
    eventually(lambda: served.status(run).name in ("SUCCESS", "FAILURE"), 120, f"run {run} ends")
    assert served.status(run) is status


def test_the_automation_page_and_a_failed_a_late_and_a_healthy_table(own_settings, own_simulator, tmp_path):
    """Given a tenant in which a role is missing, when one table was refreshed long ago, one just now and one cannot be,
    then the UI shows which is which, and the automation page says what every schedule and sensor does."""
    from playwright.sync_api import expect, sync_playwright

    settings = {
        "DEFENDER_LATE_AFTER_HOURS": str(LATE_AFTER / 3_600),
        "DEFENDER_RUNNING": "compliance_automation,refresh_failures",
        "DEFENDER_BUDGET_FILE": str(tmp_path / "calls.sqlite"),
    }
    own_simulator.control.revoke_roles("Alert.Read.All")
    pictures = Path(os.environ.get("PICTURES", tmp_path / "pictures"))
    pictures.mkdir(exist_ok=True)
    with serving(tmp_path, **settings) as served, sync_playwright() as playwright:
        done(served, served.launch("software"), dg.DagsterRunStatus.SUCCESS)
        eventually(lambda: freshness(served, "software") == "WARNING", 2 * LATE_AFTER, "software is late", every=2)
        done(served, served.launch("machines"), dg.DagsterRunStatus.SUCCESS)
        done(served, served.launch("alerts"), dg.DagsterRunStatus.FAILURE)
        eventually(lambda: freshness(served, "machines") == "HEALTHY", 90, "machines are healthy")

        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        # Dagster's invitation to its newsletter covers the page some seconds after it is first opened.
        page.add_locator_handler(page.get_by_role("button", name="Skip"), lambda skip: skip.click())

        def look(path: str, name: str, *texts: str) -> None:
            page.goto(f"{served.address}/{path}", wait_until="networkidle", timeout=60_000)
            page.wait_for_timeout(3_000)
            page.screenshot(path=pictures / f"{name}.png")
            for text in texts:
                expect(page.get_by_text(re.compile(f"^{text}")).first).to_be_visible(timeout=30_000)

        look("automation", "automation", *NAMES)
        look("assets/machines", "healthy-table", "Passing")
        look("assets/software", "late-table", "Warning")
        look("assets/alerts", "failed-table", "Failed in")
        browser.close()
    assert {"automation.png", "healthy-table.png", "late-table.png", "failed-table.png"} <= set(os.listdir(pictures))
