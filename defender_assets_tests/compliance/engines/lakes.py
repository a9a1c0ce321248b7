"""Lakes to be judged by one engine and by another, and whether the two differ.

Here: the golden tenant and a random one as partitions of a day, copies of a lake, everything that is in one. Not here:
the tenants (``../test_golden.py``, ``../strategies.py``), the engines.
"""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, settings

from defender_assets.catalog import DERIVED
from defender_assets.lake import Lake

from ...report.days import store
from ..strategies import tenants
from ..tenant import AS_OF, Row, Tenant, days

DAY = AS_OF.date()


def lake_of(tenant: Tenant, root: Path) -> Path:
    """A lake with a day of what the tenant sends, and nothing computed."""
    lake = Lake(str(root))
    for name, rows in _completed(tenant).inputs.items():
        assert isinstance(rows, pa.Table)
        store(lake, DAY, name, rows)
    return root


def _completed(tenant: Tenant) -> Tenant:
    """With what derived tables need that the tenant lacks: users, controls, and changes of its findings."""
    devices = [machine["id"] for machine in tenant.rows["machines"]]
    for number, device in enumerate(devices):
        for user in {number % 3, number % 5}:
            kinds = ("Interactive", "Network, RemoteInteractive", None)[user % 3]
            seen = AS_OF - days(user)
            tenant.add("machine_users", machine_id=device, id=f"contoso\\u{user}", logon_types=kinds, last_seen=seen)
    if "secure_configuration" not in tenant.rows:
        for number, device in enumerate(devices):
            for control in range(4):
                tenant.control(device, f"scid-200{control}", is_compliant=(number + control) % 3 > 0)
    if "software_vulnerability_changes" not in tenant.rows:
        for number, finding in enumerate(tenant.rows["software_vulnerabilities"]):
            if finding["cve_id"] is not None:
                status = ("New", "Fixed", "Updated")[number % 3]
                tenant.change(finding["device_id"], status, AS_OF - days(number % 4 / 2), finding["cve_id"])
        tenant.change("gone", "Fixed", AS_OF - days(0.25))
    return tenant


def random_tenant() -> Tenant:
    """Another one with every run: of some that are drawn, the one with most rows."""
    drawn: list[Tenant] = []

    @given(tenants(max_machines=12, max_findings=40))
    @settings(
        max_examples=12, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def draw(tenant: Tenant) -> None:
        drawn.append(tenant)

    draw()
    return max(drawn, key=lambda tenant: sum(map(len, tenant.rows.values())))


def copied(lake: Path, root: Path) -> Path:
    """The same lake in another place."""
    shutil.copytree(lake, root)
    return root


def files(lake: Path) -> set[str]:
    """Every file of a lake, hidden ones too."""
    return {str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file()}


def differences(ours: Path, theirs: Path, day: date = DAY) -> dict[str, Any]:
    """Of each derived table that differs: how. Compared are columns with their types, what the file says of itself, and
    the rows in the order of the table's key; numbers with fractions to nine digits, as sums depend on their order."""
    found: dict[str, Any] = {}
    for name, table in DERIVED.items():
        one, other = (_file(lake, name, day) for lake in (ours, theirs))
        if one is None or other is None:
            if one is not other:
                found[name] = f"there: {one}, {other}"
            continue
        if not one.schema_arrow.equals(other.schema_arrow, check_metadata=False):
            found[name] = f"{one.schema_arrow} is not {other.schema_arrow}"
        elif _facts(one) != _facts(other):
            found[name] = (_facts(one), _facts(other))
        else:
            rows, more = (_rows(file, table.key) for file in (one, other))
            if rows != more:
                found[name] = [pair for pair in zip(rows, more, strict=False) if pair[0] != pair[1]][:3] or (
                    len(rows),
                    len(more),
                )
    return found


def _file(lake: Path, name: str, day: date) -> pq.ParquetFile | None:
    paths = list(lake.glob(f"{name}/tenant=*/snapshot_date={day}/*.parquet"))
    assert len(paths) <= 1
    return pq.ParquetFile(paths[0]) if paths else None


def _facts(file: pq.ParquetFile) -> Mapping[bytes, bytes]:
    facts: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
    return facts


def _rows(file: pq.ParquetFile, key: tuple[str, ...]) -> list[Row]:
    rows = [rounded(row) for row in file.read().to_pylist()]
    return sorted(rows, key=lambda row: ([repr(row[name]) for name in key], repr(row)))


def rounded(value: Any) -> Any:
    """A value in which every number with a fraction has nine digits, as sums depend on their order."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
