"""What another policy would change: a day of the lake judged by two policies, and nothing published.

Here: computing the day's tables twice in a temporary folder, and comparing them there. Not here: in which settings the
policies differ (``compliance/policy/differences.py``), publishing (``derived.py``), printing (``cli/policy.py``).

Tables go to temporary Parquet files one after the other, each in a session of its own, so memory stays within the
engine's limit whatever the size of the fleet.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from ..catalog import DERIVED
from ..compliance import InputMissing, Policy, derive_one
from ..compliance.engine import Engine, Session
from ..compliance.errors import failures_of
from ..lake import Lake
from .inputs import input_days, input_sources
from .one_scope import rest_of_inputs
from .stopping import check_not_stopped

_TOPICS = {"patch": "patch_compliance", "agent": "agent_compliance", "configuration": "policy_compliance"}
_FINDINGS, _DEVICES = "patch_findings", "device_identity"
_MOST_DEVICES = 100_000
"""Devices that are listed for one topic; all are counted."""


@dataclass(frozen=True)
class Moved:
    """How many devices, or findings, go from one verdict, or state, to another."""

    before: str | None
    after: str | None
    count: int


@dataclass(frozen=True)
class DeviceChange:
    """A device whose verdict changes."""

    device_id: str
    device_name: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True)
class PolicyEffects:
    """What the second policy changes on a day: verdicts by topic with the devices, populations, states of findings.
    ``not_computed`` are topics that the day's tables do not suffice for."""

    day: date
    devices: int
    populations: Sequence[Moved]
    verdicts: Mapping[str, Sequence[Moved]]
    changed: Mapping[str, Sequence[DeviceChange]]
    findings: Sequence[Moved]
    not_computed: Sequence[str]


def policy_effects(
    lake: Lake,
    day: date,
    before: Policy,
    after: Policy,
    *,
    engine: Engine,
    folder: Path | None,
    left_out: Collection[str] = (),
) -> PolicyEffects:
    """Judges the day by both policies, in a temporary folder within ``folder`` (None: the system's); without the tables
    that are ``left_out`` on that day.

    Raises InputMissing where the lake lacks what the populations need, DerivationFailed and LakeError.
    """
    with TemporaryDirectory(prefix="policy-", dir=folder) as temporary:
        judged = [
            _judged(lake, day, policy, engine, Path(temporary) / str(n), left_out)
            for n, policy in enumerate((before, after))
        ]
        return _compared(day, judged[0], judged[1], engine)


def _judged(
    lake: Lake, day: date, policy: Policy, engine: Engine, folder: Path, left_out: Collection[str]
) -> dict[str, Path]:
    """The tables that verdicts are made of, in the order in which they can be; those that lack an input are left out,
    save for the first."""
    folder.mkdir()
    wanted = _needed({*_TOPICS.values(), _FINDINGS})
    made: dict[str, Path] = {}
    for name, table in DERIVED.items():
        if name not in wanted:
            continue
        check_not_stopped(name)
        fetched = input_days(
            lake,
            day,
            needed=[each for each in table.inputs if each not in DERIVED],
            optional=[each for each in table.optional_inputs if each not in DERIVED],
            window_days=table.window_days,
            left_out=left_out,
        )
        try:
            with (
                derive_one(
                    name,
                    {**input_sources(lake, fetched), **made},
                    policy,
                    engine=engine,
                    rest=rest_of_inputs(lake, fetched),
                ) as derivation,
                pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd") as file,
            ):
                for batch in derivation.reader():
                    file.write_batch(batch)
        except InputMissing:
            if name == _DEVICES:
                raise
            continue
        made[name] = folder / f"{name}.parquet"
    return made


def _needed(tables: set[str]) -> set[str]:
    """The tables and the computed ones that they are made from."""
    needed = set(tables)
    for name in reversed(list(DERIVED)):
        if name in needed:
            needed |= {*DERIVED[name].inputs, *DERIVED[name].optional_inputs} & set(DERIVED)
    return needed


def _compared(day: date, before: Mapping[str, Path], after: Mapping[str, Path], engine: Engine) -> PolicyEffects:
    there = {topic: table for topic, table in _TOPICS.items() if table in before and table in after}
    verdicts: dict[str, list[Moved]] = {}
    changed: dict[str, list[DeviceChange]] = {}
    with failures_of(_DEVICES), engine.session() as session:
        _offer(session, _DEVICES, before, after)
        populations = _moved(session, _POPULATIONS)
        devices = int(session.value(f"SELECT count(*) FROM {_DEVICES}_after"))
        for topic, table in there.items():
            _offer(session, table, before, after)
            verdicts[topic] = _moved(session, _VERDICTS.format(table=table))
            changed[topic] = [DeviceChange(**row) for row in session.rows(_CHANGED.format(table=table))]
    findings: list[Moved] = []
    if _FINDINGS in before and _FINDINGS in after:
        with failures_of(_FINDINGS), engine.session() as session:
            _offer(session, _FINDINGS, before, after)
            findings = _moved(session, _STATES)
    missing = [topic for topic in _TOPICS if topic not in there]
    return PolicyEffects(day, devices, populations, verdicts, changed, findings, missing)


def _offer(session: Session, table: str, before: Mapping[str, Path], after: Mapping[str, Path]) -> None:
    session.register(DERIVED[table], before[table], name=f"{table}_before")
    session.register(DERIVED[table], after[table], name=f"{table}_after")


def _moved(session: Session, sql: str) -> list[Moved]:
    return [Moved(**row) for row in session.rows(sql)]


_POPULATIONS = """
SELECT b.population AS before, a.population AS after, count(*) AS count
FROM device_identity_before AS b
INNER JOIN device_identity_after AS a ON a.device_id = b.device_id
WHERE a.population <> b.population
GROUP BY b.population, a.population
ORDER BY count DESC, before, after
"""
_VERDICTS = """
SELECT b.verdict AS before, a.verdict AS after, count(*) AS count
FROM {table}_before AS b
INNER JOIN {table}_after AS a ON a.device_id = b.device_id
WHERE a.verdict <> b.verdict
GROUP BY b.verdict, a.verdict
ORDER BY count DESC, before, after
"""
_CHANGED = f"""
SELECT d.device_id, d.device_name, b.verdict AS before, a.verdict AS after
FROM {{table}}_before AS b
INNER JOIN {{table}}_after AS a ON a.device_id = b.device_id
INNER JOIN device_identity_after AS d ON d.device_id = b.device_id
WHERE a.verdict <> b.verdict
ORDER BY d.device_name, d.device_id
LIMIT {_MOST_DEVICES}
"""
# Both sides have the same findings: a policy changes what is said of them, not which there are.
_STATES = """
SELECT b.state AS before, a.state AS after, count(*) AS count
FROM patch_findings_before AS b
INNER JOIN patch_findings_after AS a
  ON a.device_id = b.device_id
  AND a.cve_id = b.cve_id
  AND a.software_vendor IS NOT DISTINCT FROM b.software_vendor
  AND a.software_name IS NOT DISTINCT FROM b.software_name
  AND a.software_version IS NOT DISTINCT FROM b.software_version
WHERE a.state <> b.state
GROUP BY b.state, a.state
ORDER BY count DESC, before, after
"""
