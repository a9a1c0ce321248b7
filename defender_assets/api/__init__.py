"""The client of the Defender for Endpoint API: login, requests, pages, export files, quotas, and what refusals mean.

Here: HTTP and the login, and nothing that knows Dagster, Parquet or Arrow. Not here: which datasets there are
(``catalog/``), decoding what is received (``decode/``).
"""

from .budget import Budget, budget_of, counts_file
from .calls import CALLS, Call
from .client import ApiResponse, DefenderClient, close_open_clients, open_client
from .clock import Clock, SystemClock
from .cursor import CursorPage, cursor_pages
from .error_mapping import remedy_for
from .errors import (
    LACKS,
    MISSING_ROLE,
    BadRequest,
    BrokenAnswer,
    BudgetUnusable,
    DefenderError,
    FeatureOff,
    ForeignHost,
    IncompleteWalk,
    LoginError,
    NoLicence,
    NotFound,
    Refused,
    ServiceFault,
    StorageRefused,
    Throttled,
    TokenRejected,
    TooLarge,
    Unreachable,
    UntrustedCertificate,
    WrongAudience,
    WrongHost,
)
from .export_list import FileList, list_export
from .exports import Export
from .links import checked_link
from .login import Claims, Login, Token
from .odata import odata_time
from .page_end import page_end
from .prefetch import read_ahead
from .reach import Reached, reach
from .traffic import Traffic

__all__ = [
    "CALLS",
    "LACKS",
    "MISSING_ROLE",
    "ApiResponse",
    "BadRequest",
    "BrokenAnswer",
    "Budget",
    "BudgetUnusable",
    "Call",
    "Claims",
    "Clock",
    "CursorPage",
    "DefenderClient",
    "DefenderError",
    "Export",
    "FeatureOff",
    "FileList",
    "ForeignHost",
    "IncompleteWalk",
    "Login",
    "LoginError",
    "NoLicence",
    "NotFound",
    "Reached",
    "Refused",
    "ServiceFault",
    "StorageRefused",
    "SystemClock",
    "Throttled",
    "Token",
    "TokenRejected",
    "TooLarge",
    "Traffic",
    "Unreachable",
    "UntrustedCertificate",
    "WrongAudience",
    "WrongHost",
    "budget_of",
    "checked_link",
    "close_open_clients",
    "counts_file",
    "cursor_pages",
    "list_export",
    "odata_time",
    "open_client",
    "page_end",
    "reach",
    "read_ahead",
    "remedy_for",
]
