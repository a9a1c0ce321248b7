"""One endpoint of the service: path, roles, quota, page sizes, and what it responds with.

Here: the form. Not here: which endpoints there are (``endpoints.py``, ``assessment_endpoints.py``).
"""

import re
from dataclasses import dataclass
from enum import Enum

from .quota_limits import QuotaLimit


class EndpointKind(Enum):
    """What an endpoint responds with."""

    LIST = "list"  # pages by $top and $skip
    CURSOR = "cursor"  # pages of a stored assessment by $skiptoken
    DELTA = "delta"  # pages of the change feed, likewise
    EXPORT = "export"  # signed addresses of files
    USERS = "users"  # logon users of the device in the path
    WHOLE = "whole"  # every row in one answer
    OBJECT = "object"  # one row, without a list around it
    PER_DEVICE = "per device"  # rows of the device in the path, of a declared dataset


@dataclass(frozen=True)
class Endpoint:
    """``contexts`` are the forms of ``@odata.context`` that occur. ``counted`` lists have ``@odata.count``, the size of
    the page. A page without ``$top`` has ``default_page`` rows. ``folder`` is the folder of export files."""

    path: str
    dataset: str
    kind: EndpointKind
    roles: tuple[str, ...]
    quota: QuotaLimit
    contexts: tuple[str, ...] = ()
    default_page: int = 10_000
    top_max: int = 10_000
    counted: bool = False
    filterable: frozenset[str] = frozenset()
    folder: str = ""

    def context(self, base_url: str, number: int = 0) -> str:
        """The ``@odata.context`` of a response; the forms of a list alternate with the page number."""
        return f"{base_url}/api/$metadata{self.contexts[number % len(self.contexts)]}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Paths are matched without regard to case, below ``/api`` or ``/api/v1.0``."""
        escaped = re.sub(r"\\\{\w+\\\}", r"(?P<key>[^/]+)", re.escape(self.path.removeprefix("/api")))
        return re.compile(rf"/api(?:/v1\.0)?{escaped}/?", re.IGNORECASE)
