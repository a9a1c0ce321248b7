"""Times as OData filters and query parameters have them.

Here: one literal. Not here: the filters themselves (``refresh/days.py``, ``refresh/staleness.py``).
"""

from datetime import datetime


def odata_time(moment: datetime) -> str:
    """A UTC moment as a literal, in whole seconds and without quotes."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
