"""Names that try to inject markup or script are shown as they are, and do nothing."""

import base64
import hashlib
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defender_assets.lake import Lake
from defender_assets.report.chart_images import svg
from defender_assets.report.formatting import LONGEST_NAME, shown
from defender_assets.report.plots import bars
from defender_assets.report.public_pages import PUBLIC_PAGES, public_page

from .hostile import hostile_report
from .pages import Page, data_of

TAGS = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "h1", "h2", "h3", "div", "nav", "a", "ul", "li",
    "p", "b", "i", "br", "span", "time", "bdi", "code", "figure", "figcaption", "table", "thead", "tbody", "tr", "th",
    "td", "dl", "dt", "dd", "details", "summary", "footer", "svg", "g", "path", "rect", "line", "text", "tspan", "defs",
    "clippath", "script",
}  # fmt: skip


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> str:
    return hostile_report(Lake(tmp_path_factory.mktemp("hostile") / "lake")).html.decode()


def test_the_page_holds_no_element_and_no_handler_of_theirs(html):
    page = Page(html.encode())
    assert set(page.tags) <= TAGS
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "action", "xlink:href", "formaction")
        if name == "href":
            known = [address for _, address in PUBLIC_PAGES]
            assert value == "data:," or str(value).startswith(("#", *known))
        assert name != "style"


def test_names_are_read_as_they_are(html):
    text = Page(html.encode()).text
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "&lt;b&gt;" in text
    assert "\\x00\\x1b[31mred\\x07" in text
    assert "\\u202egnp.exe" in text
    assert "x" * 60 in text
    assert "x" * 100 not in text


def test_nothing_that_does_not_print_is_on_the_page(html):
    assert {char for char in html if not char.isprintable()} <= {"\n", "\xa0"}


def test_the_page_forbids_itself_everything_but_its_own_style_and_script(html):
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    head = html[: html.index("<style>")]
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', head)
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert "@import" not in html
    assert "url(" not in html.replace("url(#", "")
    assert html.count("<script") == 2


def test_names_in_the_data_of_the_lists_cannot_end_it(html):
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert not set(block) & set("<>&\u2028\u2029")
    lists = data_of(html.encode())["lists"]
    assert "<script>alert(1)</script>" in lists["overdue-devices"]["values"][0]


@pytest.mark.parametrize(
    ("identifier", "address"),
    [
        ("CVE-2026-0001", "https://nvd.nist.gov/vuln/detail/CVE-2026-0001"),
        ("KB5049924", "https://support.microsoft.com/help/5049924"),
        ("5049924", "https://support.microsoft.com/help/5049924"),
        ("RHSA-2026:0683", "https://access.redhat.com/errata/RHSA-2026:0683"),
        ("USN-6223-1", "https://ubuntu.com/security/notices/USN-6223-1"),
        ("CVE-2026-0001/../../x", None),
        ("CVE-2026-0001\n", None),
        ("CVE-2026-٠٠٠١", None),
        ("//evil.example/CVE-2026-0001", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_only_identifiers_of_the_right_form_are_linked_and_only_to_known_hosts(identifier, address):
    assert public_page(identifier) == address


def test_plots_keep_names_out_of_scales_and_expressions():
    name = "datum['x'] ? alert(1) : \"</svg>"
    chart = bars(
        [(name, {"a": 1, "b": 2}, name), (name, {"a": 3}, "")], {"a": "#000", "b": "#fff"}, width=200, title="n"
    )
    specification = chart.to_dict()
    datasets = specification.pop("datasets", {})
    layers = [layer.pop("data") for layer in specification["layer"]]
    assert json.dumps(name) in json.dumps([datasets, layers])
    assert "alert" not in json.dumps(specification)
    drawn = svg(chart, name="p", label=name)
    assert drawn.count("alert(1)") >= 2
    assert "</svg>" not in drawn[:-6]


def test_pictures_do_not_share_references():
    chart = bars([("a", {"a": 1}, "")], {"a": "#000"}, width=50, title="n")
    one, two = svg(chart, name="one", label=""), svg(chart, name="two", label="")
    assert not set(re.findall(r' id="([^"]+)"', one)) & set(re.findall(r' id="([^"]+)"', two))


@given(st.text(st.characters(), max_size=200))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
def test_what_is_shown_is_printable_and_short(name):
    text = shown(name)
    assert text.isprintable()
    assert bool(text.strip()) == bool(name)
    assert len(text) <= LONGEST_NAME
    assert shown(text) == text
