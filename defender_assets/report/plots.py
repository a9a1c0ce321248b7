"""The plots of the report, in Altair.

Here: what they show, from the sections' values. Not here: rendering (``chart_images.py``).

Names of groups and products are text marks beside bars that are placed by rank. They are data, and never part of an
axis, a scale or an expression.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt

from .chart_images import data, scale
from .colours import ACCENT, AGENT, FIXING, FRESHNESS, INK, QUIET, REACH, SEVERITY, SHARES, VERDICT, WHITE
from .formatting import number, percent, share, shown
from .sections import agents, exposure, patching, remediation
from .trend import Trend

HALF_WIDTH, FULL_WIDTH = 400, 880
"""In pixels: half of the page's column, and all of it."""


def bars(
    rows: Sequence[tuple[str, Mapping[str, float], str]],
    colours: Mapping[str, str],
    *,
    width: int,
    title: str,
    step: int = 24,
    overlaid: bool = False,
    normalized: bool = False,
) -> Any:
    """Horizontal bars. Each row is (name, value of each part, text after the bar); ``colours`` orders the parts."""
    parts = [
        {"row": place, "part": part, "order": order, "value": values.get(part, 0)}
        for place, (_, values, _) in enumerate(rows)
        for order, part in enumerate(colours)
    ]
    ends = [
        {"row": place, "name": shown(name, 34), "end": end, "value": _length(values.values(), overlaid, normalized)}
        for place, (name, values, end) in enumerate(rows)
    ]
    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.3, paddingOuter=0.1))
    stack: Any = None if overlaid else "normalize" if normalized else "zero"
    axis = (
        alt.Axis(title=title, format="%", tickCount=2)
        if normalized
        else alt.Axis(title=title, format=",d", tickMinStep=1, tickCount=4, labelOverlap=True)
    )
    bar_marks = (
        alt.Chart(data(parts))
        .mark_bar()
        .encode(
            y=y,
            x=alt.X("value:Q", stack=stack, axis=axis),
            color=alt.Color("part:N", scale=scale(colours), legend=alt.Legend() if len(colours) > 1 else None),
            order=alt.Order("order:Q"),
        )
    )
    names = (
        alt.Chart(data(ends))
        .mark_text(align="right", baseline="middle", dx=-8)
        .encode(y=y, x=alt.value(0), text=alt.Text("name:N"))
    )
    end_texts = (
        alt.Chart(data(ends))
        .mark_text(align="left", baseline="middle", dx=6, color=QUIET)
        .encode(y=y, x=alt.value(width) if normalized else alt.X("value:Q"), text=alt.Text("end:N"))
    )
    return (bar_marks + names + end_texts).properties(width=width, height=alt.Step(step))


def _length(values: Collection[float], overlaid: bool, normalized: bool) -> float:
    if normalized:
        return 1
    return max(values, default=0) if overlaid else sum(values)


def by_verdict_chart(rows: Sequence[patching.PatchCompliance], name_of: Any) -> Any:
    """Devices of each group or platform by verdict."""
    return bars(
        [
            (
                name_of(row),
                {"compliant": row.compliant, "noncompliant": row.noncompliant, "unknown": row.unknown},
                f"{percent(row.pct)} compliant",
            )
            for row in rows
            if row.eligible
        ],
        VERDICT,
        width=HALF_WIDTH - 170,
        title="eligible devices",
    )


def overdue_by_age_chart(overdue: patching.OverdueFindings) -> Any:
    """Overdue findings by age, stacked by severity."""
    colours = {severity: colour for severity, colour in SEVERITY.items() if overdue.of_severity(severity)}
    return bars(
        [
            (band, {severity: overdue.at(age, severity) for severity in colours}, number(overdue.of_age(age)))
            for age, band in enumerate(patching.AGES)
        ],
        colours,
        width=FULL_WIDTH - 200,
        title="overdue findings",
        step=30,
    )


def top_products_chart(products: Sequence[exposure.ExposedProduct]) -> Any:
    """Exposed devices of each product, and those of them that are overdue."""
    return bars(
        [
            (
                f"{product.software_vendor or ''} {product.software_name or ''}".strip(),
                {"exposed": product.exposed_devices, "overdue": product.overdue_devices},
                f"{number(product.exposed_devices)}, {number(product.overdue_devices)} overdue",
            )
            for product in products
        ],
        REACH,
        width=FULL_WIDTH - 400,
        title="eligible devices with an open finding in the product",
        overlaid=True,
        step=22,
    )


def agent_states_chart(platforms: Sequence[agents.PlatformAgents], name_of: Any) -> Any:
    """Devices of each platform by the state of their agent, as shares."""
    return bars(
        [
            (
                name_of(row.platform_family),
                {state: getattr(row, state) for state in AGENT},
                f"{number(row.devices)} devices" if row.devices != 1 else "1 device",
            )
            for row in platforms
        ],
        AGENT,
        width=HALF_WIDTH - 150,
        title="share of the platform's eligible devices",
        normalized=True,
    )


def antivirus_chart(parts: Sequence[agents.AntivirusFreshness]) -> Any:
    """Engine, platform and intelligence: our verdict, and Microsoft's below it."""
    rows = []
    for row in parts:
        ours = (row.up_to_date, row.out_of_date, row.unknown)
        theirs = (row.microsoft_up_to_date, row.microsoft_out_of_date, row.microsoft_unknown)
        for name, values in ((agents.PARTS[row.part], ours), ("Microsoft’s verdict", theirs)):
            up_to_date = percent(share(values[0], sum(values)))
            rows.append((name, dict(zip(FRESHNESS, values, strict=True)), up_to_date))
    return bars(rows, FRESHNESS, width=HALF_WIDTH - 175, title="share of eligible Windows devices", normalized=True)


def days_to_fix_chart(times: Sequence[remediation.RemediationTimes]) -> Any:
    """Median days to fix by severity, with the mean as text."""
    return bars(
        [
            (
                row.severity,
                {"median days to fix": row.median_days or 0},
                f"median {number(row.median_days, 1)}, mean {number(row.mean_days, 1)}",
            )
            for row in times
            if row.timed
        ],
        FIXING,
        width=HALF_WIDTH - 200,
        title="median days from first sight to fix",
    )


def shares_over_time_chart(trend: Trend) -> Any:
    """Compliant shares of the eligible devices, day by day."""
    rows = []
    for day, summary in trend.days:
        for name, value in summary.compliant_pct.items():
            if value is not None:
                rows.append({"day": day.isoformat(), "what": name, "share": value / 100})
    base = alt.Chart(data(rows)).encode(
        x=_days(trend),
        y=alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title=None, tickCount=5)),
        color=alt.Color("what:N", scale=scale(SHARES), legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=3)),
    )
    lines = base.mark_line(strokeWidth=2.2) + base.mark_point(filled=True, size=16, opacity=1)
    return _with_policy_changes(lines, trend).properties(width=HALF_WIDTH - 50, height=190)


def overdue_over_time_chart(trend: Trend) -> Any:
    """Overdue findings by severity, day by day, of the days of which they are known."""
    known = [(day, overdue) for day, summary in trend.days if (overdue := summary.overdue_by_severity)]
    parts = {severity: [overdue[severity] for _, overdue in known] for severity in SEVERITY}
    colours = {severity: SEVERITY[severity] for severity, values in parts.items() if any(values)}
    rows = [
        {"day": day.isoformat(), "severity": severity, "order": order, "findings": values}
        for order, severity in enumerate(colours)
        for (day, _), values in zip(known, parts[severity], strict=True)
    ]
    areas = (
        alt.Chart(data(rows))
        .mark_area(line=False, interpolate="linear")
        .encode(
            x=_days(trend),
            y=alt.Y("findings:Q", stack="zero", axis=alt.Axis(title=None, format="~s", tickCount=5, tickMinStep=1)),
            color=alt.Color("severity:N", scale=scale(colours)),
            order=alt.Order("order:Q"),
        )
    )
    return _with_policy_changes(areas, trend).properties(width=HALF_WIDTH - 50, height=190)


def _with_policy_changes(chart: Any, trend: Trend) -> Any:
    """A broken line at each day from which another policy judged: what changes there is the measure."""
    if not trend.policy_changes:
        return chart
    rows = [{"day": change.day.isoformat(), "words": "other policy"} for change in trend.policy_changes]
    base = alt.Chart(data(rows)).encode(x=_days(trend))
    rule = base.mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.2)
    # Along the line, on its left (the newest change is often the last day), on a rim of white where it crosses others.
    place: dict[str, Any] = {"align": "right", "baseline": "bottom", "angle": 270, "dx": -4, "dy": -3, "fontSize": 10}
    words = base.encode(y=alt.value(0), text=alt.Text("words:N"))
    rim, ink = words.mark_text(**place, stroke=WHITE, strokeWidth=3), words.mark_text(**place, color=INK)
    return chart + rule + rim + ink


def _days(trend: Trend) -> Any:
    count = len(trend.days)
    return alt.X(
        "day:T",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(title=None, format="%d %b", tickCount=min(count, 6), grid=False, labelOverlap=True),
    )


def spark(history: Sequence[tuple[date, float | None]]) -> Any:
    """A line without axes, with its last point marked."""
    rows = [{"day": day.isoformat(), "value": value} for day, value in history if value is not None]
    x = alt.X("day:T", axis=None, scale=alt.Scale(type="utc"))
    y = alt.Y("value:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=4))
    line = alt.Chart(data(rows)).mark_line(color=ACCENT, strokeWidth=1.6).encode(x=x, y=y)
    last = alt.Chart(data(rows[-1:])).mark_point(color=ACCENT, filled=True, size=28, opacity=1).encode(x=x, y=y)
    return (line + last).properties(width=110, height=26)


def thumbnail(shares: Mapping[str, float | None], day: date) -> Any:
    """The three shares as small bars, for the UI."""
    rows = [
        {
            "row": place,
            "what": name,
            "share": (value or 0) / 100,
            "whole": 1,
            "words": f"{name}  {percent(value)}" if value is not None else f"{name}  not known",
        }
        for place, (name, value) in enumerate(shares.items())
    ]
    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.55, paddingOuter=0.35))
    x = alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(data(rows))
    whole = base.mark_bar(color="#e3e8ec").encode(y=y, x=alt.X("whole:Q", axis=None, scale=alt.Scale(domain=[0, 1])))
    part = base.mark_bar().encode(y=y, x=x, color=alt.Color("what:N", scale=scale(SHARES), legend=None))
    words = base.mark_text(align="left", baseline="bottom", fontSize=13, dy=-11, color=INK).encode(
        y=y, x=alt.value(0), text=alt.Text("words:N")
    )
    heading = alt.TitleParams(f"Compliant devices, {day}", fontSize=14, color=INK, anchor="start")
    return (whole + part + words).properties(width=300, height=130, title=heading)
