"""The report's lists in a real browser: sorted, searched, filtered, opened, saved, printed, and without a script."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from defender_assets.lake import Lake
from defender_assets.report import publish_report

from ..browser.chromium import IN_A_BROWSER
from .fleet import DAY, Fleet, reported
from .test_browser import browser, opened

__all__ = ["browser"]

pytestmark = IN_A_BROWSER

MANY = 3_000
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def work_report(tmp_path_factory) -> Path:
    """3,000 noncompliant devices: device-0007 with the most overdue findings, one whose name is a formula, one whose
    name is markup."""
    lake = Lake(tmp_path_factory.mktemp("work") / "lake")
    fleet = Fleet()
    for number in range(MANY):
        device = f"device-{number:04}"
        name = {1: FORMULA, 2: "<script>alert(1)</script>"}.get(number, f"{device}.contoso.example")
        fleet.device(device, name, group=("Office", "Lab", "Plant")[number % 3])
        fleet.finding(device, "CVE-2026-0001", "High", overdue=5)
    for number in range(4):
        fleet.finding("device-0007", f"CVE-2026-100{number}", "Critical", overdue=9, product="reader")
    fleet.control("device-0007", "scid-2012", False, "Turn on real-time protection")
    fleet.add("machine_users", machine_id="device-0007", id="u", account_name="ada", account_domain="CONTOSO")
    fleet.into(lake)
    return Path(publish_report(lake, DAY, reported(lake)))


def rows(the_list: Any) -> list[list[str]]:
    return the_list.locator("tbody > tr:not(.opened)").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def saved(page: Any, the_list: Any) -> list[list[str]]:
    with page.expect_download() as download:
        the_list.get_by_role("button", name="Save as CSV").click()
    assert download.value.suggested_filename == f"noncompliant-devices-{DAY}.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_list_is_sorted_searched_filtered_and_saved(work_report, browser):
    page, wrong = opened(browser, work_report)
    the_list = page.locator("#list-noncompliant-devices")
    count = the_list.get_by_role("status")
    assert count.inner_text() == "3,000 devices"
    assert rows(the_list)[0][0] == "device-0007.contoso.example"
    assert len(rows(the_list)) == 15
    the_list.get_by_role("button", name="Show 100 more").click()
    assert len(rows(the_list)) == 115

    heading = the_list.get_by_role("columnheader", name="overdue", exact=False).first
    the_list.get_by_role("button", name="overdue").click()
    assert rows(the_list)[0][4] == "5"
    the_list.get_by_role("button", name="overdue").click()
    assert rows(the_list)[0][4] == "1"
    assert heading.get_attribute("aria-sort") == "ascending"
    the_list.get_by_role("button", name="device", exact=True).click()
    assert [row[0] for row in rows(the_list)[2:4]] == ["device-0000.contoso.example", "device-0003.contoso.example"]

    the_list.get_by_label("Only of one group").select_option(label="Lab (1,000)")
    assert count.inner_text() == "1,000 of 3,000 devices"
    the_list.get_by_role("searchbox").fill("LAB device-29")
    page.wait_for_function(
        "() => document.querySelector('#list-noncompliant-devices .count').innerText.startsWith('33 ')"
    )
    assert all("device-29" in row[0] and row[1] == "Lab" for row in rows(the_list))
    headings, *kept = saved(page, the_list)
    assert headings[:3] == ["device_id", "device", "group"]
    assert len(kept) == 33
    assert kept[0][:3] == ["device-2902", "device-2902.contoso.example", "Lab"]
    assert wrong == []


def test_names_that_are_formulas_or_markup_are_text_on_the_page_and_in_the_file(work_report, browser):
    page, wrong = opened(browser, work_report)
    the_list = page.locator("#list-noncompliant-devices")
    the_list.get_by_role("searchbox").fill("cmd|")
    page.wait_for_function(
        "() => document.querySelector('#list-noncompliant-devices .count').innerText.startsWith('1 of')"
    )
    assert rows(the_list)[0][0] == FORMULA
    assert saved(page, the_list)[1][:2] == ["device-0001", "'" + FORMULA]
    the_list.get_by_role("searchbox").fill("script")
    page.wait_for_function("() => document.querySelector('#list-noncompliant-devices td').innerText.includes('script')")
    assert rows(the_list)[0][0] == "<script>alert(1)</script>"
    the_list.get_by_role("searchbox").fill("no such device")
    the_list.get_by_role("button", name="Show all").click()
    assert the_list.get_by_role("searchbox").input_value() == ""
    assert rows(the_list)[0][0] != "<script>alert(1)</script>"
    assert page.locator("script").count() == 2
    assert wrong == []


def test_a_row_opens_to_its_device_and_closes_again(work_report, browser):
    page, wrong = opened(browser, work_report)
    the_list = page.locator("#list-noncompliant-devices")
    button = the_list.get_by_role("button", name="device-0007.contoso.example")
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    told = the_list.locator("tr.opened").inner_text()
    for text in ("Device id: device-0007", "5 findings are overdue", "contoso reader 1.0", "scid-2012", "CONTOSO\\ada"):
        assert text in told
    link = the_list.locator("tr.opened").get_by_role("link", name="CVE-2026-1000")
    assert link.get_attribute("href") == "https://nvd.nist.gov/vuln/detail/CVE-2026-1000"
    assert link.get_attribute("rel") == "noopener noreferrer"
    button.click()
    assert the_list.locator("tr.opened").count() == 0
    # Somebody whom nobody is known to have used says so.
    the_list.get_by_role("button", name="device-0000.contoso.example").click()
    assert "Nobody is known to have logged on." in the_list.locator("tr.opened").inner_text()
    assert wrong == []


def test_without_a_script_the_first_rows_and_their_reasons_are_there(work_report, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(work_report.as_uri())
    the_list = page.locator("#list-noncompliant-devices")
    assert the_list.locator("tbody tr").count() == 15
    assert "The first 15 of 3,000 devices." in the_list.inner_text()
    assert the_list.get_by_role("button").count() == 0
    page.locator("details", has_text="device-0007.contoso.example").locator("summary").click()
    assert page.get_by_text("5 findings are overdue").first.is_visible()
    context.close()


def test_in_the_dark_texts_and_plots_are_light(work_report, browser):
    page, wrong = opened(browser, work_report)

    def lightness(of: str) -> Iterator[float]:
        for colour in page.evaluate(f"() => {of}"):
            red, green, blue = (
                int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]
            )
            yield 0.2126 * red + 0.7152 * green + 0.0722 * blue

    texts = "[...document.querySelectorAll('figure svg text')].map(e => getComputedStyle(e).fill)"
    words = "[...document.querySelectorAll('p, h2, td, th')].map(e => getComputedStyle(e).color)"
    paper = "[getComputedStyle(document.body).backgroundColor]"
    assert max(lightness(texts)) < 0.5 < min(lightness(paper))
    page.emulate_media(color_scheme="dark")
    assert min(lightness(texts)) > 0.5 > max(lightness(paper))
    assert min(lightness(words)) > 0.5
    # Paper stays white.
    page.emulate_media(color_scheme="dark", media="print")
    assert max(lightness(texts)) < 0.5
    assert wrong == []


def test_what_is_printed_has_its_day_and_page_numbers_and_neither_controls_nor_sql(work_report, browser):
    page, wrong = opened(browser, work_report)
    page.emulate_media(media="print")
    for hidden in (".controls", ".further", ".ask", "nav"):
        assert not page.locator(hidden).first.is_visible()
    feet = page.evaluate(
        "() => [...document.styleSheets[0].cssRules].filter(r => r instanceof CSSPageRule).map(r => r.cssText)"
    )
    foot = "".join(feet)
    assert 'counter(page) " / " counter(pages)' in foot
    assert str(DAY) in foot
    assert wrong == []
