"""A table that is fetched from the service, and everything that is needed to fetch it.

Here: path, permission, quota family, fetch mode. Not here: the requests (``api/``).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from .column import Column
from .table import EXTRA, EXTRA_NEVER_KEPT, OBSERVED_AT, Days, Table


@dataclass(frozen=True)
class QuotaFamily:
    """Endpoints that share one allowance per application and tenant."""

    name: str
    per_minute: int
    per_hour: int
    documented: bool = True


MACHINES_QUOTA = QuotaFamily("machines", 100, 1_500)
LOGON_USERS_QUOTA = QuotaFamily("logon_users", 100, 1_500)
ALERTS_QUOTA = QuotaFamily("alerts", 100, 1_500)
TVM_PAGES_QUOTA = QuotaFamily("tvm_pages", 30, 1_000)
TVM_FILES_QUOTA = QuotaFamily("tvm_files", 5, 20)
MACHINE_ACTIONS_QUOTA = QuotaFamily("machine_actions", 100, 1_500)
INVESTIGATIONS_QUOTA = QuotaFamily("investigations", 100, 1_500)
AUTHENTICATED_SCANS_QUOTA = QuotaFamily("authenticated_scans", 100, 1_500)
AV_HEALTH_QUOTA = QuotaFamily("av_health", 30, 1_000)
# The pages of these endpoints print no limit; the general one is assumed.
GENERAL_QUOTA = QuotaFamily("general", 100, 1_500, documented=False)

_DEVICE_COLUMNS = ("device_id", "machine_id")
"""What the service calls a device's id where a row is about a device."""

# https://learn.microsoft.com/en-us/defender-vulnerability-management/defender-vulnerability-management-capabilities
VULNERABILITY_MANAGEMENT_ADD_ON = "Microsoft Defender Vulnerability Management (add-on or standalone)"


@dataclass(frozen=True)
class ODataPages:
    """``$top``/``$skip`` walk. ``$top`` caps the whole answer and suppresses the link, so the walk
    counts for itself. ``time_filter`` is the filterable member that selects the days of an event table.
    ``empty_is_not_found``: the service answers 404 in place of an empty list. ``halves``: a comparison of a filterable
    member with ``{}`` for the operator; by ``eq`` and by ``ne`` it selects two parts of the list."""

    top: int = 10_000
    expand: str | None = None
    time_filter: str | None = None
    empty_is_not_found: bool = False
    halves: str | None = None


@dataclass(frozen=True)
class ExportFiles:
    """Signed addresses of gzip NDJSON parts, read without the bearer. As the fetch mode of a dataset: its rows come in
    no other way, and ``path`` is the dataset's own."""

    path: str
    quota: QuotaFamily = TVM_FILES_QUOTA


@dataclass(frozen=True)
class CursorPages:
    """``pageSize`` and ``@odata.nextLink`` over one stored snapshot of the service.
    ``since`` names the query parameter of a delta endpoint; ``files`` the export of the same rows."""

    page_size: int = 50_000
    since: str | None = None
    files: ExportFiles | None = None


@dataclass(frozen=True)
class PerDevice:
    """One call per device of ``devices``; ``{device}`` in the path. ``member`` is the declared column
    that holds the device id, which the rows themselves lack."""

    devices: str = "machines"
    member: str = "machineId"


@dataclass(frozen=True)
class OneAnswer:
    """The whole table in the answer to one request. ``is_object``: the answer is one row, without a list around it.
    ``required`` is the column (lake name) without which a row says nothing; an answer that lacks it is refused."""

    is_object: bool = False
    required: str | None = None


FetchMode = ODataPages | CursorPages | ExportFiles | PerDevice | OneAnswer


@dataclass(frozen=True, kw_only=True)
class Dataset(Table):
    """One dataset of the service.

    ``permission`` is the least application role; ``licence`` what the tenant needs beside Defender for Endpoint's own
    plans, in Microsoft's words (None: nothing); ``event_time`` the column (lake name) whose day is the
    partition of an event table, ``remembered_days`` how far back the service can be asked for it;
    ``device`` the column (lake name) that is the device's id, where no column has a name of ``device_column``;
    ``finding_severity`` the column with the severity of a table whose rows are findings; ``largest_fleet`` the number
    of devices above which it is fetched only where it is named or the lake has it already, because it takes very many
    calls (None: any number).

    ``credentials`` are members, in any case and at any depth, that hold what someone logs on with. A dataset that has
    any keeps only what it declares: nothing else goes into ``extra``, because an undeclared member may hold one too.
    """

    path: str
    permission: str
    documentation: str
    quota: QuotaFamily
    fetch: FetchMode
    also_permitted: tuple[str, ...] = ()
    licence: str | None = None
    event_time: str | None = None
    remembered_days: int | None = None
    finding_severity: str | None = None
    device: str | None = None
    largest_fleet: int | None = None
    credentials: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.days is Days.EVENT) != (self.event_time is not None and self.remembered_days is not None):
            raise ValueError(f"{self.name}: an event table, and no other, has event_time and remembered_days")
        if isinstance(self.fetch, ExportFiles) and (self.fetch.path, self.fetch.quota) != (self.path, self.quota):
            raise ValueError(f"{self.name}: its export files have another path or quota than the dataset")
        if kept := _members(self.columns) & {name.casefold() for name in self.credentials}:
            raise ValueError(f"{self.name}: declared, though it may hold a credential: {sorted(kept)}")
        if self.credentials and any(column.in_text for column in self.columns):
            raise ValueError(f"{self.name}: an object in a text keeps what is not declared, credentials too")

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        return (*self.columns, OBSERVED_AT, EXTRA_NEVER_KEPT if self.credentials else EXTRA)

    @property
    def device_column(self) -> str | None:
        """The column (lake name) with the device that a row is about, as an id of ``machines``, or that a row is; None
        without one."""
        return self.device or next((column.name for column in self.columns if column.name in _DEVICE_COLUMNS), None)

    @property
    def fetch_in_words(self) -> str:
        """How the dataset is fetched, in words."""
        match self.fetch:
            case ODataPages(top=top):
                return f"pages of {top:,} rows by $top and $skip"
            case CursorPages(page_size=size, files=None):
                return f"pages of {size:,} rows by cursor"
            case CursorPages(page_size=size):
                return f"pages of {size:,} rows by cursor; export files for large fleets"
            case ExportFiles():
                return "export files"
            case PerDevice(devices=devices):
                return f"one call per device of {devices}, a bounded number each refresh"
            case OneAnswer():
                return "one request"
            case _ as never:
                assert_never(never)


def _members(columns: tuple[Column, ...]) -> set[str]:
    """The members that columns are read from, at any depth, in lower case."""
    found = set()
    for column in columns:
        found |= {name.casefold() for name in (column.member, *column.aliases)} | _members(column.members)
    return found
