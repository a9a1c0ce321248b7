"""From an Altair chart to a picture inside the page.

Here: the one theme, SVG made safe to stand inside HTML, PNG. Not here: what is drawn (``plots.py``).

vl-convert renders in this process, with its own copy of Vega; it is given no address it may load anything from.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from .colours import INK, QUIET, RULE

FONT = "DejaVu Sans, sans-serif"
"""What texts are measured in: wider than what most readers' machines have, so that nothing is cut off there."""
_SVG = "{http://www.w3.org/2000/svg}"
_DRAWN = {"svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clipPath"}
"""What Vega draws these charts with. Anything else has no business in the page."""
_KEPT_OF_ROOT = {"width", "height", "viewBox"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def themed(chart: Any) -> Any:
    """The chart with the report's fonts, colours of axes, and nothing around it."""
    return (
        chart.configure(font=FONT, background="transparent", padding={"left": 4, "right": 10, "top": 4, "bottom": 2})
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET,
            titleColor=QUIET,
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            domainColor=RULE,
            tickColor=RULE,
            gridColor="#e8ecf0",
        )
        .configure_legend(
            labelColor=INK, labelFontSize=11, title=None, symbolType="square", symbolSize=90, orient="top", offset=6
        )
        .configure_text(color=INK, fontSize=11)
    )


def svg(chart: Any, *, name: str, says: str) -> Markup:
    """The chart as an SVG element. ``name`` keeps its inner references apart from those of other charts on the page;
    ``says`` is what a screen reader reads. Raises ValueError if the drawing holds anything but shapes and text."""
    drawn = vl_convert.vegalite_to_svg(themed(chart).to_dict(validate=False), allowed_base_urls=[])
    root = ET.fromstring(drawn)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag not in _DRAWN:
            raise ValueError(f"the chart {name} holds a {element.tag} element")
        for key, value in list(element.attrib.items()):
            # Vega describes each mark to screen readers; the page has the same numbers in a table beside it.
            # The page's own font stands for the drawing's.
            if key.startswith(("aria-", "role", "class", "font-family", "on", "{")):
                del element.attrib[key]
            elif key == "id":
                element.set(key, f"{name}-{value}")
            elif "url(" in value:
                element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))
    root.attrib = {key: value for key, value in root.attrib.items() if key in _KEPT_OF_ROOT}
    root.set("role", "img")
    root.set("aria-label", says)
    return Markup(ET.tostring(root, encoding="unicode"))


def png(chart: Any) -> bytes:
    """The chart as a picture on white."""
    return vl_convert.vegalite_to_png(
        themed(chart).properties(background="white").to_dict(validate=False), scale=1.5, allowed_base_urls=[]
    )


def data(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a chart's own data: values, never expressions."""
    return alt.InlineData(values=[dict(row) for row in rows])


def scale(colours: Mapping[str, str]) -> Any:
    """A colour scale of the report's own words; foreign names never become part of a scale."""
    return alt.Scale(domain=list(colours), range=list(colours.values()))
