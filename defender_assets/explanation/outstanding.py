"""What a device needs besides its verdicts: updates that it lacks, certificates that end, versions that are weak or out
of support.

Here: the values, how they read as text, and where they come from. Not here: findings and verdicts (``model.py``), the
same over the fleet (``report/sections/``).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from ..catalog.assessments import CERTIFICATE_ENDS_SOON_DAYS
from ..catalog.derived.updates import URGENCY
from ..lake import Lake
from ..quantity import quantity
from ..refresh.inputs import input_days

_TOLD = 10
"""Lines of a kind before the rest is counted."""


@dataclass(frozen=True)
class MissingUpdate:
    """A row of ``missing_updates``."""

    update_id: str
    update_name: str | None
    state: str
    severity: str | None
    cves: int
    days_overdue: int | None
    due_at: datetime | None

    def __str__(self) -> str:
        name = f" ({self.update_name})" if self.update_name and self.update_name != self.update_id else ""
        state = self.state.replace("_", " ")
        if self.days_overdue:
            state += f" by {quantity(self.days_overdue, 'day')}"
        return f"{self.update_id}{name}: {state}, {self.severity or 'not rated'}, {quantity(self.cves, 'CVE')}"


@dataclass(frozen=True)
class EndingCertificate:
    """A certificate that has expired or expires soon; ``path`` is the store that it lies in."""

    issued_to: str | None
    thumbprint: str | None
    path: str | None
    expires_at: datetime
    has_expired: bool

    def __str__(self) -> str:
        verb = "expired" if self.has_expired else "expires"
        return f"{self.issued_to or self.thumbprint or 'unnamed'}: {verb} on {self.expires_at:%Y-%m-%d} ({self.path})"


@dataclass(frozen=True)
class WeakSoftware:
    """A version with known weaknesses, or one whose support has ended or ends soon (``support``)."""

    software_vendor: str | None
    software_name: str | None
    software_version: str | None
    weaknesses: int | None
    support: str | None
    end_of_support_date: datetime | None

    def __str__(self) -> str:
        name = " ".join(filter(None, (self.software_vendor, self.software_name, self.software_version)))
        told = [f"known weaknesses: {self.weaknesses:,}"] if self.weaknesses else []
        if self.support in ("ended", "ends_soon"):
            when = f" on {self.end_of_support_date:%Y-%m-%d}" if self.end_of_support_date else ""
            told.append(f"support {'ended' if self.support == 'ended' else 'ends soon'}{when}")
        return f"{name}: {', '.join(told)}"


@dataclass(frozen=True)
class Outstanding:
    """Each kind with what needs somebody first; None where it is not known: a table behind it is ``absent``, or it is
    not known as of when the device was judged."""

    missing_updates: tuple[MissingUpdate, ...] | None
    certificates: tuple[EndingCertificate, ...] | None
    software: tuple[WeakSoftware, ...] | None
    absent: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            name: None if rows is None else [_plain(row) for row in rows]
            for name, rows in (
                ("missing_updates", self.missing_updates),
                ("certificates", self.certificates),
                ("software", self.software),
            )
        }

    def lines(self) -> Iterator[str]:
        """As text, with a heading for each kind."""
        for title, rows, tables in (
            ("Missing security updates", self.missing_updates, ("missing_updates",)),
            ("Certificates that have expired or expire soon", self.certificates, ("certificates",)),
            ("Versions that are weak or out of support", self.software, ("software_inventory", "software_versions")),
        ):
            absent = [table for table in tables if table in self.absent]
            yield from _lines(title, rows, absent)


def _lines(title: str, rows: Sequence[object] | None, absent: Sequence[str]) -> Iterator[str]:
    yield ""
    yield title
    if rows is None and absent:
        verb = "is" if len(absent) == 1 else "are"
        yield f"  not known: {' and '.join(absent)} {verb} not in the lake for this day"
    elif rows is None:
        yield "  not known: it is not known as of when this device was judged"
    elif not rows:
        yield "  none known"
    else:
        yield from (f"  {row}" for row in rows[:_TOLD])
        if len(rows) > _TOLD:
            yield f"  … and {len(rows) - _TOLD:,} more"


def _plain(row: Any) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(row).items()}


def outstanding_of(lake: Lake, day: date, device_id: str, as_of: datetime | None) -> Outstanding:
    """What the tables of the day, or the newest before it of those that are fetched, say of a device. Raises
    LakeError."""
    of_device = pads.field("device_id") == device_id
    updates = _rows(lake, "missing_updates", day, of_device)
    certificates = _rows(lake, "certificates", day, of_device)
    installed = _rows(lake, "software_inventory", day, of_device)
    names = pa.array({row["software_name"] for row in installed or ()}, pa.string())
    versions = _rows(lake, "software_versions", day, pads.field("software_name").isin(names))
    found = {
        "missing_updates": updates,
        "certificates": certificates,
        "software_inventory": installed,
        "software_versions": versions,
    }
    return Outstanding(
        missing_updates=None if updates is None else tuple(_missing(updates)),
        certificates=None if certificates is None or as_of is None else tuple(_ending(certificates, as_of)),
        software=None if installed is None or versions is None else tuple(_weak(installed, versions)),
        absent=frozenset(table for table, rows in found.items() if rows is None),
    )


def _rows(lake: Lake, table: str, day: date, condition: pads.Expression) -> list[dict[str, Any]] | None:
    """The rows of a device; None where the table is absent."""
    days = input_days(lake, day, needed=(), optional=(table,))[table]
    return lake.matching(table, days[-1], condition).to_pylist() if days else None


def _missing(rows: Iterable[dict[str, Any]]) -> list[MissingUpdate]:
    found = [MissingUpdate(**{name: row[name] for name in MissingUpdate.__dataclass_fields__}) for row in rows]
    return sorted(found, key=lambda one: (URGENCY.index(one.state), -(one.days_overdue or 0), one.update_id))


def _ending(rows: Iterable[dict[str, Any]], as_of: datetime) -> list[EndingCertificate]:
    limit = as_of + timedelta(days=CERTIFICATE_ENDS_SOON_DAYS)
    found = {
        EndingCertificate(
            row["issued_to"], row["thumbprint"], row["path"], row["expiration_date"], row["expiration_date"] <= as_of
        )
        for row in rows
        if row["expiration_date"] is not None and row["expiration_date"] <= limit
    }
    # Those that can still be renewed in time come first, then those that expired last.
    return sorted(found, key=lambda one: (one.has_expired, abs(one.expires_at - as_of), str(one.path)))


def _weak(installed: Iterable[dict[str, Any]], versions: Iterable[dict[str, Any]]) -> list[WeakSoftware]:
    keys = {_key(row) for row in installed}
    found = [
        WeakSoftware(**{name: row[name] for name in WeakSoftware.__dataclass_fields__})
        for row in versions
        if _key(row) in keys and (row["weaknesses"] or row["support"] in ("ended", "ends_soon"))
    ]
    return sorted(found, key=lambda one: (one.support != "ended", -(one.weaknesses or 0), str(one)))


def _key(row: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    return row["software_vendor"], row["software_name"], row["software_version"]
