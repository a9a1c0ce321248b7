"""The report in a real browser, without any network: as a reader sees it, and as it is printed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from defender_assets.lake import Lake
from defender_assets.queries.tenants import summaries_of
from defender_assets.report import publish_report
from defender_assets.report.tenants import publish_report_of_all
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..browser.chromium import CHROMIUM, FLAGS, IN_A_BROWSER, PICTURES
from .days import add_former_days
from .fleet import DAY, DEFAULT, Fleet, reported
from .hostile import hostile_report
from .pages import Page
from .tenants import judged

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def demo_report(tmp_path_factory) -> Path:
    """Of a simulated tenant of 200 machines, with two weeks in the lake."""
    root = tmp_path_factory.mktemp("demo") / "lake"
    with Simulator(SimulatedTenant(TenantShape(machines=200))) as simulator:
        subprocess.run(
            [Path(sys.executable).with_name("defender-assets"), "refresh"],
            env=os.environ | simulator.settings | {"DEFENDER_LAKE": str(root)},
            cwd=root.parent, capture_output=True, timeout=300, check=True,
        )  # fmt: skip
    lake = Lake(root)
    day = lake.dates("fleet_summary")[-1]
    add_former_days(lake, day, 13, DEFAULT)
    return Path(publish_report(lake, day, reported(lake, day)))


@pytest.fixture(scope="module")
def odd_reports(tmp_path_factory) -> list[Path]:
    """Of a tenant with hostile names, and of one without a single device."""
    hostile, empty = (Lake(tmp_path_factory.mktemp(name) / "lake") for name in ("hostile", "empty"))
    Fleet().into(empty)
    return [Path(publish_report(lake, DAY, made)) for lake, made in (
        (hostile, hostile_report(hostile)), (empty, reported(empty)),
    )]  # fmt: skip


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def opened(browser: Any, report: Path, width: int = 1200) -> tuple[Any, list[str]]:
    """(the page, what it asked for or complained about); nothing it asks for is answered, save itself."""
    page = browser.new_page(viewport={"width": width, "height": 1000})
    wrong: list[str] = []

    def answer(route: Any) -> None:
        if route.request.url == report.as_uri():
            route.continue_()
        else:
            wrong.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.goto(report.as_uri(), wait_until="load")
    return page, wrong


def overflow(page: Any) -> list[str]:
    """Elements beyond the page's right edge. Drawings are measured as a whole; what can be scrolled is not."""
    return page.evaluate(
        """() => [...document.querySelectorAll('body, body *:not(svg *)')]
             .filter(e => !e.parentElement.closest('.wide, figure') || document.documentElement.clientWidth > 960)
             .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
             .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
    )


def test_the_report_of_the_demo_loads_nothing_fits_and_prints(demo_report, browser, tmp_path):
    page, wrong = opened(browser, demo_report)
    assert page.title().startswith("Compliance report")
    assert page.locator("figure svg").count() == 9
    assert page.locator(".tile svg").count() == page.locator(".tile").count() >= 10
    assert overflow(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    for link in page.locator("nav a").all():
        link.click()
    # Every drawing and every word of it lies within the paper.
    beyond = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].filter(e => {
             const box = e.getBoundingClientRect(), paper = document.body.getBoundingClientRect();
             return box.right > paper.right || box.left < paper.left }).map(e => e.textContent)"""
    )
    assert beyond == []

    printed = tmp_path / "report.pdf"
    page.pdf(path=printed, prefer_css_page_size=True, print_background=True)
    assert printed.read_bytes().startswith(b"%PDF")
    assert printed.stat().st_size > 50_000
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 695, "height": 1000})  # A4 within the page's margins
    assert overflow(page) == []
    assert wrong == []

    if PICTURES:
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 1120, "height": 1240})
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(PICTURES) / "report.png")
        page.locator("#list-noncompliant-devices button.device").nth(1).click()
        page.evaluate("document.getElementById('reasons').scrollIntoView()")
        page.set_viewport_size({"width": 1120, "height": 900})
        page.screenshot(path=Path(PICTURES) / "report-list.png")


def test_hostile_names_and_no_names_do_nothing_and_fit(odd_reports, browser):
    for report in odd_reports:
        page, wrong = opened(browser, report)
        assert overflow(page) == []
        assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
        for device in page.locator("#list-noncompliant-devices button.device").all():
            device.click()
        assert page.evaluate("document.querySelectorAll('script').length") == 2
        assert page.evaluate("getComputedStyle(document.body).display") == "block"
        page.pdf()
        assert wrong == []
        assert "Compliance report" in Page(report.read_bytes()).text


def test_no_tile_is_alone_in_its_row_beside_empty_places(odd_reports, browser):
    page, _ = opened(browser, odd_reports[1])
    rows = {}
    for width in (1920, 1200, 1000, 700, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        rows[width] = page.evaluate(
            """() => Object.values(Object.groupBy([...document.querySelectorAll('.tile')],
                 tile => tile.getBoundingClientRect().top)).map(row => row.length)"""
        )
    # On a telephone the first, compliant in all, is as wide as two.
    assert rows == {
        1920: [6, 5], 1200: [6, 5], 1000: [4, 4, 3], 700: [3, 3, 3, 2], 390: [1, 2, 2, 2, 2, 2],
    }  # fmt: skip


def test_the_page_over_all_tenants_is_sorted_leads_to_theirs_fits_and_prints(tmp_path, browser):
    for tenant, compliant in (
        ("contoso", 90),
        ("constructor", 20),
        ("a-tenant-whose-name-is-as-long-as-it-may-be", 70),
    ):
        judged(str(tmp_path), tenant, patch_compliant_devices=compliant, absent_inputs="coverage, endpoint_status")
    Lake(tmp_path, "contoso").files.publish("compliance_report", DAY, "report.html", b"<title>its own</title>")
    of_all = Lake(tmp_path, "all")
    found = summaries_of(of_all)
    assert found
    report = Path(publish_report_of_all(of_all, found))
    for width in (1200, 700, 390):
        page, wrong = opened(browser, report, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert wrong == []
    page, wrong = opened(browser, report)
    page.get_by_role("button", name="patch share").click()
    page.get_by_role("button", name="patch share").click()
    assert page.locator("#list-tenants tbody td:first-child").all_inner_texts()[0] == "constructor"
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1020, "height": 695})  # A4 that lies, within the page's margins
    assert overflow(page) == []
    page.emulate_media(media="screen")
    page.unroute("**/*")
    assert page.locator("#list-tenants a").all_inner_texts() == ["contoso"]
    page.locator("#list-tenants a").click()
    assert page.title() == "its own"
    assert wrong == []


@pytest.mark.parametrize("width", [621, 821, 900, 961, 1100])
def test_at_no_width_is_the_page_wider_than_the_window(demo_report, browser, width):
    page, _ = opened(browser, demo_report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.locator("#list-what-to-do select.sorting").is_visible()
    # A name that is too long for its column breaks behind a point, not within one of its parts.
    broken = page.evaluate(
        """() => [...document.querySelectorAll('#list-noncompliant-devices button.device bdi')].filter(name =>
             [...name.childNodes].some(part => {
               const range = document.createRange();
               range.selectNode(part);
               return part.nodeType === Node.TEXT_NODE && !part.data.includes('-') && range.getClientRects().length > 1;
             })).length"""
    )
    assert broken == 0


@pytest.mark.parametrize("width", [1000, 1200, 1440])
def test_an_operating_system_is_never_broken_within_its_word(demo_report, browser, width):
    page, _ = opened(browser, demo_report, width=width)
    words = page.evaluate(
        """() => [...document.querySelectorAll('td.whole')].map(cell => {
             const range = document.createRange();
             range.selectNodeContents(cell);
             const tops = new Set([...range.getClientRects()].map(line => Math.round(line.top)));
             return [cell.textContent, tops.size];
           })"""
    )
    assert {"WindowsServer2019", "Windows11"} & {word for word, _ in words}
    assert {word for word, lines in words if lines > 1 and " " not in word} == set()


@pytest.mark.parametrize("width", [390, 500, 600])
def test_on_a_narrow_screen_nothing_but_tables_and_plots_scrolls(demo_report, browser, width):
    page, wrong = opened(browser, demo_report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#list-noncompliant-devices button.device").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Every value of a list is within the screen, under its heading, and the list is sorted without headings.
    todo = page.locator("#list-what-to-do")
    beyond = (
        """e => [...e.querySelectorAll('td')].filter(cell => cell.getBoundingClientRect().right > innerWidth).length"""
    )
    assert todo.evaluate(beyond) == 0
    overdue = todo.locator("td[data-heading='overdue findings']")
    assert overdue.first.evaluate("cell => getComputedStyle(cell, '::before').content") == '"overdue findings"'
    todo.locator("select.sorting").select_option("by overdue findings")
    numbers = [int(text) for text in overdue.all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1]
    todo.locator("button.sorting").click()
    assert int(overdue.first.inner_text()) == 0
    # No two texts of the tiles lie over each other, and none over the tile's edge.
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll('.tile')].flatMap(tile => {
             const parts = [...tile.querySelectorAll('.name, .value, .of, .foot > *')]
               .map(e => [e, e.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
             const edge = tile.getBoundingClientRect();
             return parts.filter(([one, a], place) => a.right > edge.right + 1 || parts.slice(place + 1).some(([, b]) =>
               a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1))
               .map(([one]) => one.textContent) })"""
    )
    assert overlapping == []
    assert wrong == []
