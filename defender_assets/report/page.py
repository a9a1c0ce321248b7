"""From content to one HTML file: styles, plots and text in it, nothing outside it.

Here: the template's surroundings. Not here: what is said (``content.py``), what is drawn (``plots.py``).

Every value is escaped by the template; only drawings come as markup, and those hold shapes and text alone
(``drawing.py``). The page forbids itself scripts and every address, so that even a mistake here could do nothing.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..compliance.policy.model import Term
from . import colours, drawing, plots, words
from .content import Content
from .sections import agents, patching

SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_FAMILIES = {
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
    "android": "Android",
    "ios": "iOS",
    "other": "other",
}
_NO_GROUP = "(no group)"


def family(name: str | None) -> str:
    """A platform family as people write it."""
    return _FAMILIES.get(name or "other", name or "other")


def plain(words_with_underscores: str | None) -> str:
    """``not_onboarded`` as ``not onboarded``."""
    return (words_with_underscores or "").replace("_", " ")


def term(due: Term) -> str:
    """How long something may stay open."""
    if due.months:
        return words.counted(due.months, "month")
    if due.hours is None:
        return "no date"
    return words.counted(due.hours // 24, "day") if due.hours % 24 == 0 else words.counted(due.hours, "hour")


def render(content: Content) -> bytes:
    """The page, in UTF-8."""
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "shown": lambda name, longest=words.LONGEST: "–" if name in (None, "") else words.shown(name, longest),
        "number": words.number,
        "percent": words.percent,
        "counted": words.counted,
        "moment": words.moment,
        "on_day": words.on_day,
        "lasting": words.lasting,
        "family": family,
        "plain": plain,
        "bar": _bar,
    }
    page = environment.get_template("report.html.j2").render(
        c=content,
        version=__version__,
        security=SECURITY,
        plots=_drawn(content),
        sparks=[_spark(place, tile.line) for place, tile in enumerate(content.tiles)],
        ages=patching.AGES,
        severities=patching.SEVERITIES,
        parts=agents.PARTS,
        colours=colours,
        no_group=_NO_GROUP,
        share=words.share,
        term=term,
        ask=lambda sql: words.ask(sql, content.tenant),
    )
    # Half of a surrogate pair cannot be written; names are shown without, this is for what is not a name.
    return page.encode("utf-8", errors="replace")


def _bar(pct: float | None) -> Markup:
    """A share as a small bar in a cell of a table."""
    if pct is None:
        return Markup("")
    return Markup('<span class="bar"><span style="width:{:.1f}%"></span></span>').format(min(max(pct, 0), 100))


def _spark(place: int, line: tuple[tuple[date | datetime, float | None], ...]) -> Markup:
    known = [value for _, value in line if value is not None]
    if len(known) < 2:
        return Markup("")
    return drawing.svg(plots.spark(line), name=f"spark{place}", says=f"the last {len(known)} snapshots as a line")


def _drawn(content: Content) -> dict[str, Markup]:
    """The plots that there is something to draw for, by name."""
    drawn: dict[str, Markup] = {}

    def draw(name: str, says: str, chart: Callable[[], Any], *, when: bool) -> None:
        if when:
            drawn[name] = drawing.svg(chart(), name=name, says=says)

    several = not content.trend.is_one_day
    draw("shares", "compliant shares by day", lambda: plots.shares_over_time(content.trend), when=several)
    draw(
        "overdue_days",
        "overdue findings by day and severity",
        lambda: plots.overdue_over_time(content.trend),
        when=several and any(summary.overdue_findings for _, summary in content.trend.days),
    )
    if (patched := content.patching) is not None:
        draw(
            "groups",
            "devices by group and verdict",
            lambda: plots.by_verdict(patched.groups.rows, lambda row: row.name or _NO_GROUP),
            when=any(row.eligible for row in patched.groups.rows),
        )
        draw(
            "platforms",
            "devices by platform and verdict",
            lambda: plots.by_verdict(patched.platforms, lambda row: family(row.name)),
            when=any(row.eligible for row in patched.platforms),
        )
        draw(
            "overdue",
            "overdue findings by age and severity",
            lambda: plots.overdue_by_age(patched.overdue),
            when=patched.overdue.total > 0,
        )
    if (products := content.products) is not None:
        draw(
            "products",
            "exposed devices by product",
            lambda: plots.top_products(products.rows[:10]),
            when=bool(products.rows),
        )
    if (defenders := content.agents) is not None:
        draw(
            "agents",
            "devices by platform and state of the agent",
            lambda: plots.agent_states(defenders.platforms, family),
            when=bool(defenders.platforms),
        )
        draw(
            "antivirus",
            "Windows devices by state of engine, platform and security intelligence",
            lambda: plots.antivirus(defenders.freshness),
            when=bool(content.trend.now.windows_devices),
        )
    if (fixes := content.fixes) is not None:
        draw(
            "fixing",
            "days to fix by severity",
            lambda: plots.days_to_fix(fixes),
            when=any(row.timed for row in fixes),
        )
    return drawn
