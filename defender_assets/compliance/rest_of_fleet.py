"""What the tables of a part of a tenant have to know of the rest of it.

    rest = rest_of_machines(file, inside, policy, engine=engine)
    derive_one("device_identity", inputs, policy, engine=engine, rest=rest)

Two judgements about a device look at others: whether its record is a duplicate, and which release is the newest that
the fleet runs. With the devices in a scope alone, a record whose later twin is out of it would be a device of its own,
and an agent would look current that the whole tenant calls behind. So both are told before rows are left out: the
outcome of the first, and how many devices run which version for the second. No row says which device runs what.

Here: computing it from all rows, as the metadata of a file, and back. Not here: leaving rows out, and who keeps the
metadata (``refresh/dataset/scoped_rows.py``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from ..catalog import TABLES
from ..scope.left_out import SCOPE, left_out_in
from .engine import Engine
from .policy import Policy
from .sql_files import table_sql

IDENTITY_OF_WHOLE_TENANT = "identity_of_whole_tenant"
"""A table that every table's SQL can read: the records in the scope whose population or primary record would be another
without the records out of it, as they are among all records."""
RELEASES_OUT_OF_SCOPE = "releases_out_of_scope"
"""A table that every table's SQL can read: how many devices out of the scope run which version."""
MOST_VERSIONS = 5_000
"""Different versions of a component that are kept, the most frequent: a file's metadata has to stay small."""
_MOST_CHARACTERS = 120

_IDENTITY = pa.schema([("device_id", pa.string()), ("population", pa.string()), ("primary_device_id", pa.string())])
_RELEASES = pa.schema(
    [
        ("component", pa.string()),
        ("platform_family", pa.string()),
        ("version", pa.string()),
        ("devices", pa.int64()),
    ]
)
_ANTIVIRUS = {
    "av_engine": "av_engine_version",
    "av_platform": "av_platform_version",
    "av_intelligence": "av_signature_version",
}


@dataclass(frozen=True)
class RestOfFleet:
    """``identity``: device_id, population, primary_device_id. ``releases``: component (``agent``, ``av_engine``,
    ``av_platform``, ``av_intelligence``), platform_family, version (null where none is told, or they are too many),
    devices that look eligible. ``is_known``: whether they are of all that was left out."""

    # Not empty_table(), with which Arrow imports pandas.
    identity: pa.Table = field(default_factory=partial(pa.Table.from_batches, [], _IDENTITY))
    releases: pa.Table = field(default_factory=partial(pa.Table.from_batches, [], _RELEASES))
    is_known: bool = True

    def facts(self) -> dict[str, str]:
        """The metadata of the file whose rows were left out; none where nothing is known."""
        if not self.is_known:
            return {}
        tables = ((IDENTITY_OF_WHOLE_TENANT, self.identity), (RELEASES_OUT_OF_SCOPE, self.releases))
        return {
            name: json.dumps([list(row.values()) for row in table.to_pylist()], separators=(",", ":"))
            for name, table in tables
        }

    def tables(self) -> Mapping[str, pa.Table]:
        """The small tables that SQL reads."""
        return {IDENTITY_OF_WHOLE_TENANT: self.identity, RELEASES_OUT_OF_SCOPE: self.releases}


NO_REST = RestOfFleet()


def reads_rest_of_fleet(table: str) -> bool:
    """Whether a derived table is made from what is known of the devices out of the scope."""
    sql = table_sql(table)
    return any(name in sql for name in (IDENTITY_OF_WHOLE_TENANT, RELEASES_OUT_OF_SCOPE))


def rest_in(partitions: Iterable[Mapping[str, str]]) -> RestOfFleet:
    """From the metadata of the partitions that a table is made from, those of ``machines`` and ``av_health``. Unknown
    where one of them left devices out and does not tell of them, or they hold different parts of the tenant: the rows
    of a device that is in one alone are neither among the devices nor among the rest."""
    partitions = list(partitions)
    rest = NO_REST
    for facts in filter(_leaves_devices_out, partitions):
        try:
            told = RestOfFleet(
                _table(facts[IDENTITY_OF_WHOLE_TENANT], _IDENTITY), _table(facts[RELEASES_OUT_OF_SCOPE], _RELEASES)
            )
        except (KeyError, TypeError, ValueError, pa.ArrowException):
            told = RestOfFleet(is_known=False)
        rest = RestOfFleet(
            pa.concat_tables([rest.identity, told.identity]),
            pa.concat_tables([rest.releases, told.releases]),
            rest.is_known and told.is_known and len({facts.get(SCOPE, "") for facts in partitions}) == 1,
        )
    return rest


def _leaves_devices_out(facts: Mapping[str, str]) -> bool:
    """A file that has a scope and does not count may have left out any."""
    left_out = left_out_in(facts)
    return bool(facts.get(SCOPE)) if left_out is None else left_out.out_of_scope > 0


def rest_of_machines(
    machines: Path, inside: pa.Array, policy: Policy, *, engine: Engine
) -> tuple[RestOfFleet, pa.Array]:
    """From the file of all machine records and the ids of those in the scope: what there is to know of the others, and
    the ids of the Windows devices among them that look eligible. Raises EngineError.

    A device looks eligible that would be so if it had been assessed: the tables that say so are read elsewhere.
    """
    with engine.session() as session:
        session.register(TABLES["machines"], machines, name="all_machines")
        session.register_rows("inside", pa.table({"id": inside}))
        no_state = pa.table({"absent_inputs": pa.array([None], pa.string())})
        small = {**policy.tables, "input_state": no_state, **NO_REST.tables()}
        session.register_those_read(small, by=table_sql("device_identity"))
        whole, part = _identity("all_machines"), _identity("(SELECT * FROM all_machines SEMI JOIN inside USING (id))")
        differing = session.fetch(
            f"SELECT w.device_id, w.population, w.primary_device_id FROM ({whole}) AS w "
            f"INNER JOIN ({part}) AS p ON p.device_id = w.device_id "
            "WHERE p.population <> w.population OR p.primary_device_id <> w.primary_device_id ORDER BY w.device_id"
        )
        outside = session.fetch(
            f"SELECT w.device_id, w.platform_family, left(m.agent_version, {_MOST_CHARACTERS}) AS version "
            f"FROM ({whole}) AS w INNER JOIN all_machines AS m ON m.id = w.device_id "
            "ANTI JOIN inside AS i ON i.id = w.device_id WHERE w.population = 'eligible'"
        )
        session.register_rows("outside", outside)
        releases = session.fetch(_counted("'agent'", "platform_family", "version", "outside"))
        windows = session.fetch("SELECT device_id FROM outside WHERE platform_family = 'windows'")
    return RestOfFleet(differing.cast(_IDENTITY), releases.cast(_RELEASES)), _strings(windows["device_id"])


def rest_of_av_health(av_health: Path, devices: pa.Array, *, engine: Engine) -> RestOfFleet:
    """From the file of all health reports and the ids that ``rest_of_machines`` gave: what these devices run. Raises
    EngineError."""
    with engine.session() as session:
        session.register(TABLES["av_health"], av_health)
        session.register_rows("outside", pa.table({"machine_id": devices}))
        columns = ", ".join(
            f"left({column}, {_MOST_CHARACTERS}) AS {component}" for component, column in _ANTIVIRUS.items()
        )
        # Of several reports of a device the one received last, as in agent_compliance.sql.
        reported = (
            f"(SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY machine_id ORDER BY coalesce("
            "av_signature_data_refresh_time, data_refresh_timestamp) DESC NULLS LAST, id) AS place "
            "FROM av_health SEMI JOIN outside USING (machine_id)) WHERE place = 1)"
        )
        counted = [session.fetch(_counted(f"'{name}'", "'windows'", name, reported)) for name in _ANTIVIRUS]
    return RestOfFleet(releases=pa.concat_tables([rows.cast(_RELEASES) for rows in counted]))


def _identity(machines: str) -> str:
    """The table ``device_identity`` of these records, as if each of them had been assessed."""
    return (
        f"WITH machines AS (SELECT * FROM {machines}), software_inventory AS (SELECT id AS device_id FROM machines), "
        "software_vulnerabilities AS (SELECT id AS device_id FROM machines) "
        f"SELECT * FROM (\n{table_sql('device_identity')}\n) AS identity"
    )


def _counted(component: str, family: str, version: str, rows: str) -> str:
    """Devices of each version; those of the rare ones together, without a version, where there are too many."""
    return (
        f"SELECT {component} AS component, platform_family, "
        f"CASE WHEN place <= {MOST_VERSIONS} THEN version END AS version, CAST(sum(devices) AS BIGINT) AS devices "
        "FROM (SELECT *, row_number() OVER (ORDER BY devices DESC, version) AS place "
        f"FROM (SELECT {family} AS platform_family, {version} AS version, count(*) AS devices FROM {rows} "
        "GROUP BY ALL)) GROUP BY ALL ORDER BY ALL"
    )


def _table(text: str, schema: pa.Schema) -> pa.Table:
    rows: Sequence[Sequence[object]] = json.loads(text)
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def _strings(column: pa.ChunkedArray) -> pa.Array:
    combined = column.cast(pa.string()).combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
