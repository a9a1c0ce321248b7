"""The page over all tenants in the lake: ``compliance_report/tenant=all/snapshot_date=YYYY-MM-DD/report.html``, with
``tenants.csv`` beside it.

Here: writing both. Not here: what is in them (``content.py``). No tenant can be named ``all``.
"""

import hashlib

import pyarrow as pa

from ...catalog.derived.fleet import FLEET_SUMMARY
from ...lake import Lake, LakeError
from ...lake.files import Files
from ...queries.tenants import Summaries, TenantSummary
from ...version import __version__
from ..csv_files import write_csv
from ..publishing import COMPLIANCE_REPORT, REPORT_FILE

TENANTS_FILE = "tenants.csv"


def publish_report_of_all(lake: Lake, found: Summaries, organisation: str | None = None) -> str:
    """Writes the page and the file of a day, each whole or not at all, and gives the page's address. ``lake`` is that
    of all tenants. Raises LakeNotWritable."""
    from .content import gather_tenants
    from .page import render_tenants

    page = render_tenants(gather_tenants(found, _with_report(lake, found), organisation))
    address = lake.files.publish(COMPLIANCE_REPORT, found.day, REPORT_FILE, page)
    rows = _rows(found)
    with lake.files.writing(COMPLIANCE_REPORT, found.day, TENANTS_FILE) as draft:
        write_csv(draft, rows.schema, rows.to_batches())
    return address


def state_of(lake: Lake, found: Summaries) -> str:
    """A digest of all that the page says: while it is the same, there is nothing to make anew. Raises LakeError."""
    said = (__version__, found, sorted(_with_report(lake, found)))
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _with_report(lake: Lake, found: Summaries) -> set[str]:
    """The tenants whose own report of their newest day is in the lake."""
    return {each.tenant for each in found.tenants if each.numbers and _has_report(lake, each)}


def _has_report(lake: Lake, of: TenantSummary) -> bool:
    try:
        return of.day is not None and Files(lake.storage, of.tenant).is_there(COMPLIANCE_REPORT, of.day, REPORT_FILE)
    except LakeError:
        return False


def _rows(found: Summaries) -> pa.Table:
    """A row for each tenant, with every number of fleet_summary; of one that was not judged on the day, its newest."""
    rows = [
        {"tenant": each.tenant, "state": str(each.state), "snapshot_date": None if each.day is None else str(each.day)}
        | {name: _cell(each.numbers.get(name)) for name in FLEET_SUMMARY.schema.names}
        for each in found.tenants
    ]
    own = [pa.field(name, pa.string()) for name in ("tenant", "state", "snapshot_date")]
    columns = [
        field.with_type(pa.string()) if pa.types.is_list(field.type) else field.remove_metadata()
        for field in FLEET_SUMMARY.schema
    ]
    return pa.Table.from_pylist(rows, pa.schema([*own, *columns]))


def _cell(value: object) -> object:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else value
