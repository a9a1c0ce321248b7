"""A dataset of the service: OData pages, cursor pages, export files, or one call per device.

Here: from the service to proven rows. Not here: requests (``api/``), JSON (``decode/``), files (``lake/``).
"""

from .refresh import DatasetRefresh

__all__ = ["DatasetRefresh"]
