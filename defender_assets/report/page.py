"""Content as one HTML file that needs nothing outside it.

Here: the templates' filters and arguments, and which plots are drawn. Not here: what the page says (``content.py``,
``templates/``), how plots look (``plots.py``), the script and what the page forbids itself (``embedded.py``).

Every value is escaped by the templates; only drawings come as markup, and those hold shapes and text alone
(``chart_images.py``).
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..catalog.assessments import CERTIFICATE_ENDS_SOON_DAYS
from ..compliance.policy.values import Term
from ..tenant import DEFAULT_TENANT
from ..version import __version__
from . import chart_images, colours, embedded, formatting, plots
from .content import Content
from .device_details import device_details
from .page_data import data_block
from .public_pages import PUBLIC_PAGES, public_page
from .sections import agents, patching
from .spreadsheets import FORMULA
from .work_list import SEVERITY_ORDER, TONES, Cell, ListColumn, PageLists

_FAMILIES = {
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
    "android": "Android",
    "ios": "iOS",
    "other": "other",
}
_NO_GROUP = "(no group)"
_PLOTTED_GROUPS = 15


def family(name: str | None) -> str:
    """A platform family as people write it."""
    return _FAMILIES.get(name or "other", name or "other")


def spaced(identifier: str | None) -> str:
    """``not_onboarded`` as ``not onboarded``."""
    return (identifier or "").replace("_", " ")


def term(due: Term) -> str:
    """How long something may stay open."""
    if due.months:
        return formatting.counted(due.months, "month")
    if due.hours is None:
        return "no date"
    return formatting.counted(due.hours // 24, "day") if due.hours % 24 == 0 else formatting.counted(due.hours, "hour")


def render(content: Content) -> bytes:
    """The page, in UTF-8."""
    lists = PageLists()
    style = embedded.style(_running_title(content))
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            version=__version__,
            style=style,
            script=embedded.script(),
            security=embedded.security_policy(style),
            lists=lists,
            column=list_column,
            tones=TONES,
            public_page=public_page,
            data=lambda: data_block(
                script_data(content.day, lists) | device_details(content.opened, content.absences, lists.devices)
            ),
            pages={},
            plots=_plots(content),
            sparks=[_spark(place, tile.history) for place, tile in enumerate(content.tiles)],
            ages=patching.AGES,
            severities=patching.SEVERITIES,
            parts=agents.PARTS,
            sources=agents.SOURCES,
            certificates_soon=CERTIFICATE_ENDS_SOON_DAYS,
            colours=colours,
            no_group=_NO_GROUP,
            plotted_groups=_PLOTTED_GROUPS,
            families=_FAMILIES,
            share=formatting.share,
            term=term,
            query_command=lambda sql: formatting.query_command(sql, content.tenant),
        )
    )
    # Half of a surrogate pair cannot be encoded. Names are shown without; this is for any other text.
    return page.encode("utf-8", errors="replace")


def _running_title(content: Content) -> str:
    """What is printed on every page: the report's title, and the tenant, which the title names unless it is the
    default one."""
    return content.title if content.tenant != DEFAULT_TENANT else f"{content.title}, tenant {content.tenant}"


def list_column(heading: str, value: str, kind: str = Cell.TEXT, **more: Any) -> ListColumn:
    """A column of a list, as the templates declare it."""
    return ListColumn(heading, value, Cell(kind), **more)


def script_data(day: date, lists: PageLists) -> dict[str, Any]:
    """What the script of any page works on; to be asked for when the templates have made all lists."""
    return {
        "day": day.isoformat(),
        "tones": TONES,
        "severities": SEVERITY_ORDER,
        "publicPages": PUBLIC_PAGES,
        # Spelled so that nothing stands on the page that does not print.
        "formula": "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in FORMULA),
        "lists": {name: made.data for name, made in lists.lists.items()},
        "devices": list(lists.devices),
        "pages": {},
    }


@cache
def environment() -> Environment:
    """The templates, with their filters."""
    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        {
            "shown": _shown,
            "number": formatting.number,
            "percent": formatting.percent,
            "counted": formatting.counted,
            "date_time": formatting.date_time,
            "iso_date": formatting.iso_date,
            "duration": formatting.duration,
            "family": family,
            "spaced": spaced,
            "bar": _bar,
        }
    )
    return made


def _shown(name: object, longest: int = formatting.LONGEST_NAME) -> str:
    return "–" if name in (None, "") else formatting.shown(name, longest)


def _bar(pct: float | None) -> Markup:
    """A share as a small bar in a table cell."""
    if pct is None:
        return Markup("")
    return Markup(
        '<svg class="bar" viewBox="0 0 100 7" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{:.1f}" height="7"/></svg>'
    ).format(min(max(pct, 0), 100))


def _spark(place: int, history: tuple[tuple[date, float | None], ...]) -> Markup:
    known = [value for _, value in history if value is not None]
    if len(known) < 2:
        return Markup("")
    return chart_images.svg(
        plots.spark(history), name=f"spark{place}", label=f"the last {len(known)} snapshots as a line"
    )


def _plots(content: Content) -> dict[str, Markup]:
    """The plots that have something to show, by name."""
    images: dict[str, Markup] = {}

    def draw(name: str, label: str, chart: Callable[[], Any], *, when: bool) -> None:
        if when:
            images[name] = chart_images.svg(chart(), name=name, label=label)

    several = not content.trend.is_one_day
    draw("shares", "compliant shares by day", lambda: plots.shares_over_time_chart(content.trend), when=several)
    draw(
        "overdue_days",
        "overdue findings by day and severity",
        lambda: plots.overdue_over_time_chart(content.trend),
        when=several and any(summary.overdue_findings for _, summary in content.trend.days),
    )
    if (patches := content.patching) is not None:
        draw(
            "groups",
            "devices by group and verdict",
            lambda: plots.by_verdict_chart(patches.groups.rows[:_PLOTTED_GROUPS], lambda row: row.name or _NO_GROUP),
            when=any(row.eligible for row in patches.groups.rows),
        )
        draw(
            "platforms",
            "devices by platform and verdict",
            lambda: plots.by_verdict_chart(patches.platforms, lambda row: family(row.name)),
            when=any(row.eligible for row in patches.platforms),
        )
        draw(
            "overdue",
            "overdue findings by age and severity",
            lambda: plots.overdue_by_age_chart(patches.overdue),
            when=patches.overdue.total > 0,
        )
    if (products := content.products) is not None:
        draw(
            "products",
            "exposed devices by product",
            lambda: plots.top_products_chart(products.rows[:10]),
            when=bool(products.rows),
        )
    if (agent_facts := content.agents) is not None:
        draw(
            "agents",
            "devices by platform and state of the agent",
            lambda: plots.agent_states_chart(agent_facts.platforms, family),
            when=bool(agent_facts.platforms),
        )
        draw(
            "antivirus",
            "Windows devices by state of engine, platform and security intelligence",
            lambda: plots.antivirus_chart(agent_facts.freshness),
            when=bool(content.trend.now.windows_devices),
        )
    if (times := content.remediation) is not None:
        draw(
            "fixing",
            "days to fix by severity",
            lambda: plots.days_to_fix_chart(times),
            when=any(row.timed for row in times),
        )
    return images
