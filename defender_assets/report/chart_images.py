"""Altair charts as images: SVG inside the page, PNG beside it.

Here: the theme, rendering, and making SVG safe to embed in HTML. Not here: what the charts show (``plots.py``).

vl-convert renders in this process with its own copy of Vega, and may load nothing from any address.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from .colours import GRID, INK, QUIET, RULE

FONT = "DejaVu Sans, sans-serif"
"""Texts are measured in this font. It is wider than what most readers have, so nothing is cut off on their screens."""
_CONFIG = {
    "font": FONT,
    "background": "transparent",
    "padding": {"left": 4, "right": 10, "top": 4, "bottom": 2},
    "view": {"continuousWidth": 300, "continuousHeight": 300, "stroke": None},
    "axis": {
        "labelColor": QUIET,
        "titleColor": QUIET,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "domainColor": RULE,
        "tickColor": RULE,
        "gridColor": GRID,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 11,
        "title": None,
        "symbolType": "square",
        "symbolSize": 90,
        "orient": "top",
        "offset": 6,
    },
    "text": {"color": INK, "fontSize": 11},
}
"""The theme: fonts and axis colours, and no frame. https://vega.github.io/vega-lite/docs/config.html"""
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = {"svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clipPath"}
"""The elements that Vega draws these charts with. Anything else is refused."""
_ROOT_ATTRIBUTES = {"width", "height", "viewBox"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def svg(chart: Any, *, name: str, label: str) -> Markup:
    """The chart as an SVG element. ``name`` makes its ids unique on the page; ``label`` is what a screen reader reads.
    Raises ValueError if the drawing holds anything but shapes and text."""
    rendered = vl_convert.vegalite_to_svg(_specification(chart), allowed_base_urls=[])
    root = ET.fromstring(rendered)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag not in _ELEMENTS:
            raise ValueError(f"the chart {name} holds a {element.tag} element")
        for key, value in list(element.attrib.items()):
            # Vega describes each mark to screen readers; the page has the same numbers in a table. The page's own
            # font replaces the drawing's.
            if key.startswith(("aria-", "role", "class", "font-family", "on", "{")):
                del element.attrib[key]
            elif key == "id":
                element.set(key, f"{name}-{value}")
            elif "url(" in value:
                element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))
    root.attrib = {key: value for key, value in root.attrib.items() if key in _ROOT_ATTRIBUTES}
    root.set("role", "img")
    root.set("aria-label", label)
    return Markup(ET.tostring(root, encoding="unicode"))


def png(chart: Any) -> bytes:
    """The chart as a PNG on white."""
    specification = _specification(chart) | {"background": "white"}
    return vl_convert.vegalite_to_png(specification, scale=1.5, allowed_base_urls=[])


def _specification(chart: Any) -> dict[str, Any]:
    # Altair's own way to configure a chart copies it, with its data, for every setting.
    specification: dict[str, Any] = chart.to_dict(validate=False)
    return specification | {"config": _CONFIG}


def data(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a chart's own data: values, never expressions."""
    return alt.InlineData(values=[dict(row) for row in rows])


def scale(colours: Mapping[str, str]) -> Any:
    """A colour scale of the report's own names; foreign names never become part of a scale."""
    return alt.Scale(domain=list(colours), range=list(colours.values()))
