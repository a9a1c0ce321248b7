"""The page over all tenants as one HTML file that needs nothing outside it.

Here: the template's arguments. Not here: what the page says (``content.py``, ``templates/tenants.html.j2``), style and
script, which it has in common with each tenant's own (``embedded.py``).
"""

from ...tenant import ALL_TENANTS
from ...version import __version__
from .. import embedded
from ..formatting import query_command
from ..page import environment, list_column, script_data
from ..page_data import data_block
from ..work_list import TONES, PageLists
from .content import AllTenantsContent


def render_tenants(content: AllTenantsContent) -> bytes:
    """The page, in UTF-8."""
    lists = PageLists()
    style = embedded.style(content.title, landscape=True)
    page = (
        environment()
        .get_template("tenants.html.j2")
        .render(
            content=content,
            version=__version__,
            style=style,
            script=embedded.script(),
            security=embedded.security_policy(style),
            lists=lists,
            column=list_column,
            tones=TONES,
            pages=content.pages,
            data=lambda: data_block(script_data(content.day, lists) | {"pages": content.pages}),
            query_command=lambda sql: query_command(sql, ALL_TENANTS),
        )
    )
    return page.encode("utf-8", errors="replace")
