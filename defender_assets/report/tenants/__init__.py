"""The report over all tenants: one page with the sums, and the tenants side by side.

Here: which tenants are summed (``summaries.py``), the sums (``sums.py``), the page (``content.py``, ``page.py``), and
publishing it. Not here: each tenant's own report, which stays beside it.

    found = summaries_of(Lake(root, "all"), ["contoso", "fabrikam"])
    address = publish_report_of_all(lake, found)
"""

from .publishing import TENANTS_FILE, publish_report_of_all
from .summaries import Summaries, TenantSummary, summaries_of
from .sums import in_one_line

__all__ = ["TENANTS_FILE", "Summaries", "TenantSummary", "in_one_line", "publish_report_of_all", "summaries_of"]
