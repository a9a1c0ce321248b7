"""The report over all tenants: one page with the sums, and the tenants side by side.

Here: the sums (``sums.py``), the page (``content.py``, ``page.py``), and publishing it. Not here: which tenants are
summed (``queries/tenants.py``), each tenant's own report, which stays beside it.

    lake = Lake(root, "all", ["contoso", "fabrikam"])
    address = publish_report_of_all(lake, summaries_of(lake))
"""

from .publishing import TENANTS_FILE, publish_report_of_all, state_of
from .sums import in_one_line

__all__ = ["TENANTS_FILE", "in_one_line", "publish_report_of_all", "state_of"]
