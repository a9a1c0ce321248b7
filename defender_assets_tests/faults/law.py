"""The law: what is published equals what the tenant holds; otherwise the former partition stands, and a sentence says
why.

Here: a refresh of one table under faults, with everything that can be asked about it afterwards, and the law as one
assertion. Not here: which faults, and where they hit (the tests beside it).

What is compared comes from ``contract/oracle.py``, which shares no code with the decoder.
"""

import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from defender_assets.api import DefenderClient, open_client
from defender_assets.catalog import DATASETS, CursorPages, Dataset, Days, ExportFiles, ODataPages, PerDevice
from defender_assets.errors import DefenderAssetsError
from defender_assets.lake import Lake
from defender_assets.refresh import PartitionOutcome, RefreshContext, remembered
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.settings import Settings, connection
from defender_assets.simulator import Simulator

from ..clocks import PassingClock
from ..contract.oracle import expected_row, unknown_members

TABLES: Mapping[str, Dataset] = {**DATASETS, "alerts": replace(DATASETS["alerts"], remembered_days=12)}
"""The datasets, with fewer days of alerts: each day is a file."""
LONGEST_WAIT = 120.0
"""Seconds of waiting (by the clock of the client) after which somebody must have been told."""
LONGEST_SENTENCE = 1_200

Rows = dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]]
"""Key -> columns and ``extra`` of a row."""


@dataclass(frozen=True)
class Strike:
    """A fault, as ``control.fault`` takes it."""

    kind: str
    dataset: str
    how: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(f'{name}={value}' for name, value in self.how)}) at {self.dataset}"


def strike(kind: str, dataset: str, **how: Any) -> Strike:
    return Strike(kind, dataset, tuple(how.items()))


@dataclass(frozen=True)
class Attempt:
    """A refresh under faults. ``calls`` by quota family; ``before`` and ``after`` are the bytes of every partition."""

    table: Dataset
    lake: Lake
    outcomes: list[PartitionOutcome]
    calls: Mapping[str, int]
    requests: Sequence[str]
    violations: Sequence[Mapping[str, str]]
    waited: float
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]

    @property
    def error(self) -> DefenderAssetsError | None:
        return next((outcome.error for outcome in self.outcomes if outcome.error is not None), None)

    @property
    def published(self) -> bool:
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.outcomes[-1].facts

    @property
    def told(self) -> str:
        """What happened, for the message of a failed assertion."""
        verdict = f"published {sum(outcome.rows or 0 for outcome in self.outcomes)} rows" if self.published else ""
        asked = ", ".join(f"{count} x {request}" for request, count in Counter(self.requests).items())
        return f"{verdict or repr(self.error)}; asked {asked}; waited {self.waited:.0f} s"


@dataclass
class FaultyTenant:
    """One tenant on the wire, one client with a clock on which no time passes, and a healthy lake of each table."""

    simulator: Simulator
    client: DefenderClient
    settings: Settings
    clock: PassingClock
    folder: Path
    _truth: dict[tuple[str, str], Rows] = field(default_factory=dict)

    def days(self, table: Dataset) -> list[date]:
        today = self.today
        return remembered(table, today).dates if table.days is Days.EVENT else [today]

    @property
    def today(self) -> date:
        return self.simulator.tenant.as_of.date()

    def refresh(
        self,
        table: Dataset,
        lake: Lake,
        *strikes: Strike,
        export_files: str = "never",
        days: Sequence[date] | None = None,
        **settings: Any,
    ) -> Attempt:
        """A refresh of all days of the table while these faults are switched on."""
        control = self.simulator.control
        self._settle()
        control.clear_faults()
        control.reset_counters()
        self.clock.begin()
        before = files_of(lake, table.name)
        for fault in strikes:
            control.fault(fault.kind, fault.dataset, **dict(fault.how))
        context = RefreshContext(
            lake=lake,
            settings=self.settings.model_copy(update={"export_files": export_files, **settings}),
            today=self.today,
            client=lambda: self.client,
        )
        try:
            outcomes = DatasetRefresh(table).refresh(days or self.days(table), context)
        finally:
            self._settle()
            control.clear_faults()
        return Attempt(
            table,
            lake,
            outcomes,
            calls=dict(control.counters()["calls"]),
            requests=[f"{path.rpartition('/')[2]} {status}" for _, path, status in control.requests()],
            violations=control.violations(),
            waited=self.clock.waited,
            before=before,
            after=files_of(lake, table.name),
        )

    def lake(self, path: Path, *tables: str) -> Lake:
        """A new lake, with a healthy partition of each of these tables (as the catalog declares them)."""
        for name in tables:
            healthy = self.folder / name
            if not healthy.exists():
                attempt = self.refresh(TABLES[name], Lake(str(healthy)), user_calls=1_000)
                assert attempt.published, attempt.told
            shutil.copytree(healthy, path, dirs_exist_ok=True)
        return Lake(str(path))

    def truth(self, table: Dataset, form: str) -> Rows:
        """What the tenant holds, as the lake must have it. ``form``: the service's pages and files differ in it."""
        if (table.name, form) not in self._truth:
            rows: Rows = {}
            for served in self.simulator.tenant.rows(table.name, form):
                expected = expected_row(table, served)
                if table.days is Days.EVENT and expected[table.event_time].date() not in self.days(table):
                    continue
                rows[_key(table, expected)] = (expected, unknown_members(table, served))
            self._truth[table.name, form] = rows
        return self._truth[table.name, form]

    def check_law(self, attempt: Attempt) -> None:
        """Published and equal to the tenant, or failed with a sentence and nothing changed."""
        table = attempt.table
        assert not attempt.violations, attempt.violations
        assert attempt.waited <= LONGEST_WAIT, attempt.told
        if not attempt.published:
            assert not any(outcome.ok for outcome in attempt.outcomes), attempt.told
            assert isinstance(attempt.error, DefenderAssetsError)
            _check_sentence(table, str(attempt.error))
            assert attempt.after == attempt.before, f"a partition was changed; {attempt.told}"
            return
        found = _rows_of(attempt)
        truths = [self.truth(table, form) for form in _forms(table)]
        if isinstance(table.fetch, PerDevice):
            truths = [_without_unusable(truth, found, attempt) for truth in truths]
        assert any(found == truth for truth in truths), f"{_difference(found, truths[0])}; {attempt.told}"

    def _settle(self) -> None:
        """Threads of a former refresh that ask ahead have ended: what they ask would be counted here."""
        for thread in threading.enumerate():
            if thread.name.startswith(("pages of", "parts of", "download", "crawl")):
                thread.join(5)


def _without_unusable(truth: Rows, found: Rows, attempt: Attempt) -> Rows:
    """What the tenant holds of the devices whose answers could be used; the check says how many could not."""
    complete = next(check for outcome in attempt.outcomes for check in outcome.checks if check.name == "complete")
    missing = {key[0] for key in truth} - {key[0] for key in found}
    assert len(missing) <= complete.numbers["unusable answers"], complete.message
    return {key: row for key, row in truth.items() if key[0] not in missing}


def files_of(lake: Lake, table: str) -> dict[str, bytes]:
    """The bytes of every partition of a table, by day."""
    return {
        f"{day} {number}": Path(file).read_bytes()
        for day in lake.dates(table)
        for number, file in enumerate(sorted(lake.source(table, [day])))
    }


def _rows_of(attempt: Attempt) -> Rows:
    table, rows = attempt.table, {}
    columns = [column.name for column in table.columns]
    for outcome in attempt.outcomes:
        for row in attempt.lake.read(table.name, outcome.day).to_pylist():
            key = _key(table, row)
            assert key not in rows, f"{key} is there twice; {attempt.told}"
            rows[key] = ({name: row[name] for name in columns}, json.loads(row["extra"] or "{}"))
    return rows


def _key(table: Dataset, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in table.key)


def _forms(table: Dataset) -> tuple[str, ...]:
    if isinstance(table.fetch, ExportFiles):
        return ("files",)
    has_files = isinstance(table.fetch, CursorPages) and table.fetch.files is not None
    return ("pages", "files") if has_files else ("pages",)


def _difference(found: Rows, truth: Rows) -> str:
    missing, invented = truth.keys() - found.keys(), found.keys() - truth.keys()
    changed = [key for key in truth.keys() & found.keys() if truth[key] != found[key]]
    return f"of {len(truth)} rows {len(missing)} are missing, {len(invented)} invented, {len(changed)} changed"


def _check_sentence(table: Dataset, sentence: str) -> None:
    assert table.name in sentence
    assert len(sentence) <= LONGEST_SENTENCE, f"{len(sentence)} characters: {sentence[:200]}"
    assert "\n" not in sentence
    for secret in ("skiptoken", "sig=", "Bearer", "eyJ", "?$"):
        assert secret not in sentence, sentence


def in_pages(table: Dataset, size: int) -> Dataset:
    """The table, read in pages of ``size`` rows."""
    match table.fetch:
        case ODataPages() as fetch:
            return replace(table, fetch=replace(fetch, top=size))
        case CursorPages() as fetch:
            return replace(table, fetch=replace(fetch, page_size=size))
    return table


@contextmanager
def faulty_tenant(simulator: Simulator, folder: Path) -> Iterator[FaultyTenant]:
    """Connects to the simulator with settings of its own, whatever the environment says."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in simulator.settings.items():
            environment.setenv(name, value)
        environment.setenv("DEFENDER_BUDGET_FILE", str(folder / "calls.sqlite"))
        settings, target = Settings.load(), connection()
    clock = PassingClock()
    with open_client(target, settings, clock=clock) as client:
        yield FaultyTenant(simulator, client, settings, clock, folder)
