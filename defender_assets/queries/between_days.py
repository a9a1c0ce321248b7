"""What changed between two days of the lake: devices, verdicts and findings, or the rows of any table.

Here: the comparison, as SQL over the two days. Not here: what another policy would change (``refresh/``), printing
(``cli/diff.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..catalog import EVENT_TABLES, TABLES
from ..catalog.derived.agents import AGENT_COMPLIANCE, POLICY_COMPLIANCE
from ..catalog.derived.identity import DEVICE_IDENTITY
from ..catalog.derived.patches import PATCH_COMPLIANCE, PATCH_FINDINGS
from ..catalog.devices import MACHINES
from ..catalog.vulnerabilities import SOFTWARE_VULNERABILITIES
from ..lake import Lake, NoSnapshot
from ..lake.layout import DAY, TENANT
from ..lake.scoped_fleet import left_out_devices
from ..scope.left_out import SCOPE, SCOPE_SEVERITY
from ..spelling import did_you_mean
from ..sql import identifier, literal
from .errors import QueryError
from .statements import query
from .views import DEVICE_ID, HISTORY, device_column

_VERDICTS = {
    "patch verdict": PATCH_COMPLIANCE.name,
    "agent verdict": AGENT_COMPLIANCE.name,
    "policy verdict": POLICY_COMPLIANCE.name,
}
_IDENTITY, _FINDINGS = DEVICE_IDENTITY.name, PATCH_FINDINGS.name
_ALWAYS_DIFFERENT = {"as_of", "observed_at"}
_FOLDERS = {DAY, TENANT}
_EXAMPLES = 10
_ORDER = "rank, device_name, device_id, cve_id"
_POLICY = "policy_digest"
_OUTSIDE_BEFORE, _OUTSIDE_AFTER = "outside_before", "outside_after"


@dataclass(frozen=True)
class DayChanges:
    """How many rows of each kind changed, and the first of each. ``counts``: (what, change, before, after) -> rows.
    ``examples``: (what, change) -> rows of ``changes``. ``not_compared``: what -> why. ``notes``: what else differs
    between the days, and may be the reason."""

    earlier: date
    later: date
    counts: Mapping[tuple[str, str, str | None, str | None], int]
    examples: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
    not_compared: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def two_days(lake: Lake, earlier: date | None, later: date | None, table: str | None = None) -> tuple[date, date]:
    """The days to compare: as given, or the two newest. Raises NoSnapshot for a day that the lake does not have, with
    those nearest to it, and QueryError for a table that cannot be compared by days."""
    compared = _IDENTITY if table is None else table
    if compared in EVENT_TABLES:
        raise QueryError(f"{compared} is a table of events: each day has its own. Ask query for those of a time.")
    if table is not None and table not in TABLES:
        hint = did_you_mean(table, TABLES) or "defender-assets tables lists them."
        raise QueryError(f"There is no table {table}; {hint}")
    days = lake.dates(compared)
    if len(days) < 2:
        have = f"one snapshot, of {days[0]}" if days else "no snapshot"
        raise NoSnapshot(f"{compared} has {have} in the lake at {lake.root}: two days are compared.")
    later = later or days[-1]
    before = [day for day in days if day < later]
    earlier = earlier or (before[-1] if before else days[0])
    for day in (earlier, later):
        if day not in days:
            nearest = sorted((abs(known - day), known) for known in days)[:2]
            around = " and ".join(sorted(str(known) for _, known in nearest))
            raise NoSnapshot(
                f"{compared} has no snapshot of {day}{lake.why_gone(compared, day)}; near it there are {around}."
            )
    if earlier == later:
        raise QueryError(f"{earlier} is compared with itself: name two days.")
    return min(earlier, later), max(earlier, later)


def day_changes(lake: Lake, earlier: date, later: date) -> DayChanges:
    """Devices added and removed, verdicts that changed, findings added, removed and fallen due. Raises LakeError."""
    outside = _Outside.of(lake, earlier, later)
    sql, not_compared = _changes_sql(lake, outside, earlier, later)
    counted = "SELECT what, change, before, after, count(*) AS n"
    counts = {
        (row["what"], row["change"], row["before"], row["after"]): row["n"]
        for row in _rows(
            lake, f"{counted} FROM ({sql}) GROUP BY ALL ORDER BY n DESC, before, after", outside, earlier, later
        )
    }
    examples: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    first = f"""
        SELECT * FROM ({sql})
        QUALIFY row_number() OVER (PARTITION BY what, change ORDER BY {_ORDER}) <= {_EXAMPLES}
        ORDER BY {_ORDER}
    """
    for row in _rows(lake, first, outside, earlier, later):
        examples.setdefault((row["what"], row["change"]), []).append(row)
    return DayChanges(earlier, later, counts, examples, not_compared, _notes(lake, outside, earlier, later))


def changes(lake: Lake, earlier: date, later: date) -> pa.RecordBatchReader:
    """Every change, a row each: ``what`` (device, patch verdict, agent verdict, policy verdict, finding), ``change``
    (added, removed, changed, fell due; with a scope also entered the scope, left the scope, and where it is not known
    which: added or entered the scope, removed or left the scope), the device, what it was ``before`` and ``after``, and
    what a finding is of."""
    outside = _Outside.of(lake, earlier, later)
    sql, _ = _changes_sql(lake, outside, earlier, later)
    ordered = f"SELECT * EXCLUDE (rank) FROM ({sql}) ORDER BY what, change, {_ORDER}"
    return query(lake, ordered, parameters=outside.parameters, days=(earlier, later))


def table_changes(lake: Lake, table: str, earlier: date, later: date) -> pa.RecordBatchReader:
    """The rows of a table that were added, removed or changed, by its key: the key's columns, ``change``, and the
    ``changed_columns``, of which the time of observation is none. A row whose device left the scope or entered it is
    told apart, as in ``changes``. ``table`` is one of the catalog."""
    key = [name for name in TABLES[table].key if name not in _ALWAYS_DIFFERENT]
    # A column that came with a newer version of the program is on one of the days alone, and no change of any row.
    first, second = (
        query(lake, f"FROM {_on(table, day)} LIMIT 0", days=(day,)).schema.names for day in (earlier, later)
    )
    columns = [
        name for name in first if name in second and name not in {*key, *_ALWAYS_DIFFERENT, DEVICE_ID, *_FOLDERS}
    ]
    source = device_column(table)
    device = f", coalesce(b.{source}, a.{source}) AS {DEVICE_ID}" if source is not None and source in key else ""
    outside = _Outside.of(lake, earlier, later) if DEVICE_ID in first and DEVICE_ID in second else None
    added, removed = literal("added"), literal("removed")
    if outside is not None:
        added, removed = outside.added(f"b.{DEVICE_ID}", earlier), outside.removed(f"a.{DEVICE_ID}", later)
    keys = "".join(f"coalesce(b.{identifier(name)}, a.{identifier(name)}) AS {identifier(name)}, " for name in key)
    equal = " AND ".join(f"a.{identifier(name)} IS NOT DISTINCT FROM b.{identifier(name)}" for name in key) or "true"
    differing = ", ".join(
        f"CASE WHEN a.{identifier(name)} IS DISTINCT FROM b.{identifier(name)} THEN {literal(name)} END"
        for name in columns
    )
    changed = f"list_filter([{differing}], lambda name: name IS NOT NULL)" if columns else "[]"
    order = ", ".join(["change", *map(identifier, key)])
    sql = f"""
        {outside.lists() if outside is not None else ""}
        SELECT * FROM (
            SELECT
                {keys}
                CASE WHEN a.is_there AND b.is_there THEN 'changed' WHEN b.is_there THEN {added} ELSE {removed} END
                    AS change,
                CASE WHEN a.is_there AND b.is_there THEN {changed} END AS changed_columns{device}
            FROM (SELECT *, true AS is_there FROM {_on(table, earlier)}) AS a
            FULL JOIN (SELECT *, true AS is_there FROM {_on(table, later)}) AS b ON {equal}
        )
        WHERE change <> 'changed' OR len(changed_columns) > 0
        ORDER BY {order}
    """
    return query(lake, sql, parameters=outside.parameters if outside is not None else None, days=(earlier, later))


def _on(table: str, day: date) -> str:
    return f"(SELECT * FROM {identifier(table + HISTORY)} WHERE snapshot_date = {literal(day.isoformat())})"


@dataclass(frozen=True)
class _Outside:
    """The devices that the scope left out of each of two days, of those that the other day lists; None where that is
    not known."""

    before: pa.Array | None
    after: pa.Array | None

    @classmethod
    def of(cls, lake: Lake, earlier: date, later: date) -> "_Outside":
        return cls(_left_out_of(lake, earlier, listed_on=later), _left_out_of(lake, later, listed_on=earlier))

    @property
    def parameters(self) -> dict[str, str]:
        """The ids, a line each: as a part of the SQL, many would take long to parse."""
        by_name = {_OUTSIDE_BEFORE: self.before, _OUTSIDE_AFTER: self.after}
        return {name: "\n".join([] if ids is None else ids.to_pylist()) for name, ids in by_name.items()}

    def lists(self) -> str:
        """The two lists of ids, for the beginning of a statement with these parameters."""
        return "WITH " + ", ".join(
            f"{name} AS (SELECT unnest(string_split(${name}, chr(10))) AS device_id)"
            for name in (_OUTSIDE_BEFORE, _OUTSIDE_AFTER)
        )

    def added(self, device: str, earlier: date) -> str:
        """The change of a row that only the later day has, by the SQL of its device's id."""
        return self._change(device, "added", "entered the scope", _OUTSIDE_BEFORE, self.before, earlier)

    def removed(self, device: str, later: date) -> str:
        """The change of a row that only the earlier day has."""
        return self._change(device, "removed", "left the scope", _OUTSIDE_AFTER, self.after, later)

    @staticmethod
    def _change(device: str, change: str, by_scope: str, outside: str, ids: pa.Array | None, other: date) -> str:
        if ids is not None:
            within = f"SELECT device_id FROM {outside}"
            return f"CASE WHEN {device} IN ({within}) THEN {literal(by_scope)} ELSE {literal(change)} END"
        # A device that the other day lists was in the scope then.
        listed = f"SELECT device_id FROM {_on(MACHINES.name, other)}"
        return f"CASE WHEN {device} IN ({listed}) THEN {literal(change)} ELSE {literal(f'{change} or {by_scope}')} END"


def _left_out_of(lake: Lake, day: date, *, listed_on: date) -> pa.Array | None:
    ids = left_out_devices(lake, day)
    if ids is None or not len(ids) or not lake.dates(MACHINES.name, listed_on, listed_on):
        return ids
    # A narrow scope leaves nearly all of a fleet out, most of them on both days.
    return ids.filter(pc.is_in(ids, value_set=lake.read(MACHINES.name, listed_on, columns=["id"])["id"]))


def _changes_sql(lake: Lake, outside: _Outside, earlier: date, later: date) -> tuple[str, dict[str, str]]:
    """One SELECT of all changes, and what could not be compared."""
    parts = [_devices(outside, earlier, later)]
    not_compared = {}
    for what, table in {**_VERDICTS, "finding": _FINDINGS}.items():
        held = lake.dates(table, earlier, later)
        if missing := [str(day) for day in (earlier, later) if day not in held]:
            not_compared[what] = f"{table} has no snapshot of {' and '.join(missing)}"
        elif what == "finding":
            parts += _findings(outside, earlier, later)
        else:
            parts.append(_verdicts(what, table, earlier, later))
    return f"{outside.lists()} {' UNION ALL BY NAME '.join(parts)}", not_compared


def _devices(outside: _Outside, earlier: date, later: date) -> str:
    return f"""
        SELECT
            'device' AS what,
            CASE
                WHEN a.device_id IS NULL THEN {outside.added("b.device_id", earlier)}
                ELSE {outside.removed("a.device_id", later)}
            END AS change,
            coalesce(b.device_id, a.device_id) AS device_id,
            coalesce(b.device_name, a.device_name) AS device_name,
            a.population AS before,
            b.population AS after,
            0 AS rank,
            CAST(NULL AS VARCHAR) AS cve_id
        FROM {_on(_IDENTITY, earlier)} AS a
        FULL JOIN {_on(_IDENTITY, later)} AS b ON a.device_id = b.device_id
        WHERE a.device_id IS NULL OR b.device_id IS NULL
    """


def _verdicts(what: str, table: str, earlier: date, later: date) -> str:
    return f"""
        SELECT
            {literal(what)} AS what,
            'changed' AS change,
            b.device_id,
            i.device_name,
            a.verdict AS before,
            b.verdict AS after,
            CASE b.verdict WHEN 'noncompliant' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END AS rank
        FROM {_on(table, earlier)} AS a
        INNER JOIN {_on(table, later)} AS b ON a.device_id = b.device_id
        LEFT JOIN {_on(_IDENTITY, later)} AS i ON i.device_id = b.device_id
        WHERE a.verdict IS DISTINCT FROM b.verdict
    """


def _findings(outside: _Outside, earlier: date, later: date) -> Iterator[str]:
    same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in PATCH_FINDINGS.key)
    before, after = _on(_FINDINGS, earlier), _on(_FINDINGS, later)

    def told(row: str, change: str, day: date, states: str, source: str) -> str:
        return f"""
            SELECT
                'finding' AS what,
                {change} AS change,
                {row}.device_id,
                i.device_name,
                {states},
                array_position(['critical', 'high', 'medium', 'low'], {row}.rated_severity) AS rank,
                {row}.rated_severity AS severity,
                {row}.software_vendor,
                {row}.software_name,
                {row}.software_version,
                {row}.cve_id,
                {row}.due_at
            FROM {source}
            LEFT JOIN {_on(_IDENTITY, day)} AS i ON i.device_id = {row}.device_id
        """

    nothing = "CAST(NULL AS VARCHAR)"
    added = f"{after} AS b ANTI JOIN {before} AS a ON {same}"
    yield told("b", outside.added("b.device_id", earlier), later, f"{nothing} AS before, b.state AS after", added)
    removed = f"{before} AS a ANTI JOIN {after} AS b ON {same}"
    yield told("a", outside.removed("a.device_id", later), earlier, f"a.state AS before, {nothing} AS after", removed)
    due = f"{after} AS b INNER JOIN {before} AS a ON {same} AND b.state = 'overdue' AND a.state <> 'overdue'"
    yield told("b", literal("fell due"), later, "a.state AS before, b.state AS after", due)


def _rows(lake: Lake, sql: str, outside: _Outside, earlier: date, later: date) -> list[dict[str, Any]]:
    result = query(lake, sql, parameters=outside.parameters, days=(earlier, later))
    rows: list[dict[str, Any]] = result.read_all().to_pylist()
    return rows


def _notes(lake: Lake, outside: _Outside, earlier: date, later: date) -> list[str]:
    """What else differs between the days: the policy that judged, and the part of the tenant that the tables hold."""
    notes = []
    judged = lake.metadata_by_day(PATCH_COMPLIANCE.name, (earlier, later))
    if len({facts.get(_POLICY) for facts in judged.values()}) > 1:
        names = [judged[day].get("policy", "not known") for day in (earlier, later)]
        notes.append(f"The policy changed ({names[0]} -> {names[1]}): verdicts and due dates differ for that, too.")
    held = lake.metadata_by_day(MACHINES.name, (earlier, later))
    if len({facts.get(SCOPE, "the whole tenant") for facts in held.values()}) > 1:
        was, now = (held[day].get(SCOPE, "the whole tenant") for day in (earlier, later))
        notes.append(f"The scope changed ({was} -> {now}): devices and findings entered and left it for that, too.")
    for day, ids in ((earlier, outside.before), (later, outside.after)):
        if ids is None:
            notes.append(f"Which devices the scope left out on {day} is not known: the lake has no note of them.")
    severities = {
        facts[SCOPE_SEVERITY]
        for facts in lake.metadata_by_day(SOFTWARE_VULNERABILITIES.name, (earlier, later)).values()
        if SCOPE_SEVERITY in facts
    }
    if severities:
        below = " or ".join(sorted(severities))
        notes.append(f"Findings below severity {below} are not in the lake: one rated anew can look added or removed.")
    return notes
