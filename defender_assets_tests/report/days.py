"""Former days for a lake that holds one day: what the same fleet looked like before.

Findings that the change feed has as fixed since are put back, those first seen later are taken out, and the times of
reports go back by as many days. Then the day is judged like any other.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import InputMissing, Inputs, Limits, Policy
from defender_assets.compliance.engine import DuckDBEngine
from defender_assets.lake import Lake
from defender_assets.lake.scoped_fleet import note_left_out
from defender_assets.scope.left_out import SCOPE

from ..compliance.computed import computed

_REPORTED = {
    "machines": ("last_seen", "observed_at"),
    "av_health": (
        "av_signature_data_refresh_time",
        "data_refresh_timestamp",
        "av_signature_publish_time",
        "observed_at",
    ),
}
_AS_THEY_ARE = ("software_inventory", "secure_configuration", "kev", "agent_releases")


ENGINE = DuckDBEngine(Limits(memory="1GB", threads=2))


def _made_for(name: str) -> set[str]:
    inputs = {*DERIVED[name].inputs, *DERIVED[name].optional_inputs} & set(DERIVED)
    return {name}.union(*(_made_for(table) for table in inputs))


OF_A_FORMER_DAY = _made_for("fleet_summary")
"""Of a former day a report reads only the summary."""


def judge(lake: Lake, day: date, inputs: Inputs, policy: Policy, tables: Collection[str] = DERIVED) -> None:
    """Computes those of the derived tables that can be computed from the inputs, and publishes them as that day's."""
    known = dict(inputs)
    for table in DERIVED.values():
        if table.name not in tables:
            continue
        try:
            result = computed(table.name, known, policy)
        except InputMissing:
            continue
        facts = {
            "observed_at": result.as_of.isoformat() if result.as_of else "",
            "policy": policy.name,
            "policy_digest": policy.digest,
        }
        with lake.writing(table, day, facts) as partition:
            partition.write(result.rows)
            partition.publish()
        known[table.name] = result.rows


def store(lake: Lake, day: date, name: str, rows: pa.Table, scope: str = "") -> None:
    """Publishes rows as they are. The file's metadata gets the time of the newest observation, and the scope."""
    moment = pc.max(rows["observed_at"]).as_py() if rows.num_rows else None
    facts = {"observed_at": moment.isoformat()} if moment else {}
    with lake.writing(TABLES[name], day, facts | ({SCOPE: scope} if scope else {})) as partition:
        partition.write(rows)
        partition.publish()


def note_of_scope(lake: Lake, day: date, *left_out: str) -> None:
    """Notes which devices the scope left out of the day's machines, as their refresh does."""
    observed_at = datetime.fromisoformat(lake.metadata("machines", day)["observed_at"])
    note_left_out(lake, day, observed_at, pa.array(left_out, pa.string()))


def add_former_days(lake: Lake, day: date, count: int, policy: Policy) -> None:
    """Adds ``count`` days before ``day``, the newest the day before it."""
    events = pa.concat_tables(
        [lake.read("software_vulnerability_changes", known) for known in lake.dates("software_vulnerability_changes")],
        promote_options="permissive",
    )
    for back in range(1, count + 1):
        former = day - timedelta(days=back)
        inputs = {name: _moved(lake.read(name, day), columns, back) for name, columns in _REPORTED.items()}
        inputs |= {name: lake.read(name, day) for name in _AS_THEY_ARE}
        inputs["software_vulnerability_changes"] = events
        inputs["software_vulnerabilities"] = _open_on(former, lake.read("software_vulnerabilities", day), events)
        store(lake, former, "machines", inputs["machines"])
        judge(lake, former, inputs, policy, OF_A_FORMER_DAY)


def _moved(rows: pa.Table, columns: tuple[str, ...], days: int) -> pa.Table:
    for name in columns:
        place = rows.schema.get_field_index(name)
        moved = pc.subtract(rows[name], pa.scalar(timedelta(days=days), pa.duration("us")))
        rows = rows.set_column(place, rows.schema.field(place), moved.cast(rows.schema.field(place).type))
    return rows


def _open_on(day: date, now: pa.Table, events: pa.Table) -> pa.Table:
    end = pa.scalar(day + timedelta(days=1)).cast(pa.timestamp("us", tz="UTC"))
    known = now.filter(pc.less(pc.fill_null(now["first_seen_timestamp"], end.cast(end.type)), end))
    fixed_since = events.filter(
        pc.and_(
            pc.and_(pc.equal(events["status"], "Fixed"), pc.greater_equal(events["event_timestamp"], end)),
            pc.less(events["first_seen_timestamp"], end),
        )
    )
    columns = [name for name in now.schema.names if name in fixed_since.schema.names]
    return pa.concat_tables([known, fixed_since.select(columns)], promote_options="permissive")
