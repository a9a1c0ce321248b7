"""Rows that are out of the scope, kept out of the lake after all that the service sent has been proven.

Here: which rows of a partition that is about to be published are kept, and what its file says of the others. Not here:
the rule (``scope/``), a crawl, which asks for the devices in the scope alone (``crawl.py``).

The day's ``machines`` decide which devices are in. They are taken from the lake if they are of today and of this scope;
a refresh of ``machines`` that is under way is waited for, and without one the list is asked for.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...api import DefenderClient, IncompleteWalk, TooLarge
from ...catalog import Dataset, Days, ODataPages
from ...catalog.antivirus import AV_HEALTH
from ...catalog.devices import MACHINES
from ...checks import Check
from ...compliance import ComplianceError, RestOfFleet, rest_of_av_health, rest_of_machines
from ...decode import Decoder, UndecodableResponse
from ...lake import PartitionWriter
from ...lake.parquet import in_schema
from ...lake.scoped_fleet import ScopedFleet, fleet_in_lake, note_left_out
from ...quantity import quantity
from ...sanitize import brief
from ...scope import DEVICE_COLUMNS, FleetScope, LeftOut, fleet_scope, in_scope, severe_enough
from ...scope.left_out import SCOPE, SCOPE_SEVERITY
from ...scope.rule import Mask, names_on_devices
from ..context import RefreshContext
from ..errors import NotPublished
from ..outcome import Fact
from ..publication import Restricted
from .completeness import PAUSE, Completeness
from .name_list import name_list
from .odata_pages import odata_walk

SCOPE_IS_KNOWN = "scope_is_known"
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_NO_NEWEST = "no agent and no antivirus is called up to date by what the fleet runs"
_OWN_DEVICES = "a record whose later record is out of the scope counts as a device of its own"


def scoped_fleet(dataset: Dataset, context: RefreshContext, client: DefenderClient, scope: FleetScope) -> ScopedFleet:
    """The devices in the scope today, and those out of it, for a refresh of the dataset. Raises NotPublished where no
    device is in it or the list of machines was not read whole, and what the client raises."""
    with context.fleet_lock:
        if not context.fleets:
            known = fleet_in_lake(context.lake, str(scope), context.today)
            context.fleets.append(known or _asked(dataset, client, scope, context))
        fleet = context.fleets[-1]
    if len(fleet.outside) and not len(fleet.inside):
        raise _no_device(dataset, scope, len(fleet.outside))
    return fleet


def _no_device(dataset: Dataset, scope: FleetScope, devices: int) -> NotPublished:
    return NotPublished(
        f"{dataset.name}: none of {quantity(devices, 'device')} is in the scope ({scope}); nothing was published, the "
        "former partition stays. Correct the settings DEFENDER_SCOPE_….",
        dataset=dataset.name,
    )


def _not_known(dataset: Dataset, scope: FleetScope, why: str) -> NotPublished:
    return NotPublished(
        f"{dataset.name}: which devices are in the scope ({scope}) is not known ({why}); nothing was published, the "
        "former partition stays. Refresh again later.",
        dataset=dataset.name,
    )


def _asked(dataset: Dataset, client: DefenderClient, scope: FleetScope, context: RefreshContext) -> ScopedFleet:
    """By the machine list of the service, which is doubted and read again like that of a refresh of ``machines``."""
    completeness = Completeness(MACHINES, context.lake, only_way=True, may_shrink=context.settings.allow_collapse)
    with TemporaryDirectory() as folder:
        file = Path(folder, "machines.parquet")
        while True:
            now = context.moment()
            try:
                _read_machine_list(client, completeness, context, now, file)
            except (IncompleteWalk, TooLarge, UndecodableResponse) as error:
                completeness.failed(error)
                if completeness.may_read_again(error):
                    client.clock.sleep(PAUSE)
                    continue
                # Not an error of the rows that wait for it: reading those again does not help.
                raise _not_known(dataset, scope, error.what) from error
            except OSError as error:
                why = f"the machine list could not be written to the temporary folder: {brief(error)}"
                raise _not_known(dataset, scope, why) from error
            machines = pq.read_table(file, columns=list(DEVICE_COLUMNS))
            inside = pa.array(in_scope(machines, scope, now))
            ids = machines["id"].combine_chunks()
            fleet = ScopedFleet(ids.filter(inside), ids.filter(pc.invert(inside)))
            compute = partial(rest_of_machines, file, fleet.inside, context.policy, engine=context.engine)
            _, comparable = _of_the_rest(compute, dataset, _NO_NEWEST) or (None, None)
            return replace(fleet, comparable=comparable)


def _read_machine_list(
    client: DefenderClient, completeness: Completeness, context: RefreshContext, now: datetime, file: Path
) -> None:
    """Every machine, into a file. Raises Doubtful, OSError, and what a walk raises."""
    assert isinstance(MACHINES.fetch, ODataPages)
    reading = completeness.begin([context.today])
    pages = odata_walk(client, MACHINES, MACHINES.fetch, Decoder(MACHINES, observed_at=now), reading=reading)
    rows = 0
    with pq.ParquetWriter(file, MACHINES.schema, compression="zstd") as writer:
        for page in pages:
            writer.write_table(in_schema(page, MACHINES))
            rows += page.num_rows
    completeness.judge({context.today: rows})


def is_scoped(dataset: Dataset) -> bool:
    """Whether a scope can leave rows of the dataset out."""
    return bool(dataset.device_column or dataset.finding_severity)


class ScopedRows:
    """What the scope of the settings means for one refresh of a dataset."""

    def __init__(
        self, dataset: Dataset, context: RefreshContext, client: DefenderClient, observed_at: datetime
    ) -> None:
        self.scope = fleet_scope(context.settings)
        self._dataset, self._context, self._client, self._observed_at = dataset, context, client, observed_at
        self._is_machines = dataset.name == MACHINES.name
        self._by_device = self.scope.chooses_devices and dataset.device_column is not None
        # Not of changes: a finding that is rated anew is told as fixed at one level and new at another, and without the
        # other half it would look fixed.
        is_finding = dataset.finding_severity is not None and dataset.days is not Days.EVENT
        self._by_severity = self.scope.severity is not None and is_finding
        self._outside, self._comparable = ScopedFleet().outside, ScopedFleet().comparable

    def metadata(self) -> Mapping[str, str]:
        """What the file of every partition says: the scope, where one can leave rows of the table out."""
        if not self.scope or not is_scoped(self._dataset):
            return {}
        severity = {SCOPE_SEVERITY: self.scope.severity} if self._by_severity and self.scope.severity else {}
        return {SCOPE: str(self.scope), **severity}

    def deciding(self) -> AbstractContextManager[object]:
        """To be held while the table is refreshed: of the machines, so that the other tables wait for them."""
        return self._context.fleet_lock if self._is_machines and self._by_device else nullcontext()

    def restrict(self, writer: PartitionWriter) -> Restricted:
        """Keeps the rows in the scope. Raises NotPublished where no device is in it, and what ``scoped_fleet``
        raises."""
        if self._is_machines:
            return self._restrict_machines(writer)
        if not self._by_device and not self._by_severity:
            return Restricted()
        fleet = ScopedFleet()
        if self._by_device and writer.rows:
            fleet = scoped_fleet(self._dataset, self._context, self._client, self.scope)
            if not len(fleet.inside):
                # A list without a machine was seen to be a mistake, and there are rows of some.
                raise _not_known(self._dataset, self.scope, "the machine list is empty")
        counted: list[LeftOut] = []

        def keeps(rows: pa.Table) -> Mask:
            kept, left_out = self._kept(rows, fleet)
            counted.append(left_out)
            return kept

        def left_out() -> LeftOut:
            return sum(counted, LeftOut())

        device, severity = self._dataset.device_column, self._dataset.finding_severity
        columns = [name for name in (device, severity) if name is not None]

        def facts() -> Mapping[str, str]:
            tells = self._dataset.name == AV_HEALTH.name and fleet.comparable is not None
            rest = self._rest_of_av_health(writer, fleet.comparable) if tells else RestOfFleet(is_known=False)
            return left_out().facts() | rest.facts()

        writer.restrict(columns, keeps, facts)
        return Restricted(_facts(self.scope, left_out()))

    def published(self) -> None:
        """To be called when the partition is published. Raises LakeNotWritable."""
        if not self._is_machines:
            return
        if self.scope:
            note_left_out(self._context.lake, self._context.today, self._observed_at, self._outside, self._comparable)
        self._context.fleets.clear()

    def _kept(self, rows: pa.Table, fleet: ScopedFleet) -> tuple[Mask, LeftOut]:
        kept = np.ones(rows.num_rows, dtype=np.bool_)
        out_of_scope = unknown = 0
        if self._by_device:
            devices = rows[self._dataset.device_column]
            # A row that names no device is of none that is out of the scope.
            kept = in_fleet(devices, fleet)
            out_of_scope = int(np.count_nonzero(pc.is_in(devices, value_set=fleet.outside).to_numpy()))
            unknown = int(np.count_nonzero(~kept)) - out_of_scope
        severe = kept
        if self._by_severity:
            severe = kept & severe_enough(rows[self._dataset.finding_severity], self.scope)
        below = int(np.count_nonzero(kept & ~severe))
        return severe, LeftOut(rows.num_rows, out_of_scope, unknown, below)

    def _restrict_machines(self, writer: PartitionWriter) -> Restricted:
        if not self.scope:
            return Restricted(checks=(_names_are_known(self.scope, ()),))
        outside: list[pa.ChunkedArray] = []
        kept: list[pa.ChunkedArray] = []
        missing = {*self.scope.tags, *self.scope.device_groups}
        read = writer.rows

        def keeps(rows: pa.Table) -> Mask:
            missing.difference_update(names_on_devices(rows, self.scope))
            inside = in_scope(rows, self.scope, self._observed_at)
            kept.append(rows["id"].filter(pa.array(inside)))
            outside.append(rows["id"].filter(pa.array(~inside)))
            return inside

        def left_out() -> LeftOut:
            return LeftOut(read, out_of_scope=sum(len(ids) for ids in outside))

        def facts() -> Mapping[str, str]:
            return left_out().facts() | self._rest_of_machines(writer, _ids(kept)).facts()

        writer.restrict(DEVICE_COLUMNS, keeps, facts)
        if read and not writer.rows:
            raise _no_device(self._dataset, self.scope, read)
        self._outside = _ids(outside)
        return Restricted(_facts(self.scope, left_out()), (_names_are_known(self.scope, sorted(missing)),))

    def _rest_of_machines(self, writer: PartitionWriter, inside: pa.Array) -> RestOfFleet:
        """What the records to be left out mean for those that are kept; unknown where it cannot be computed: the
        records themselves do not wait for that."""
        if len(inside) == writer.rows:
            self._comparable = self._outside
            return RestOfFleet()
        context, file = self._context, writer.finish()
        compute = partial(rest_of_machines, file, inside, context.policy, engine=context.engine)
        computed = _of_the_rest(compute, self._dataset, f"{_NO_NEWEST}, and {_OWN_DEVICES}")
        rest, self._comparable = computed or (RestOfFleet(is_known=False), None)
        return rest

    def _rest_of_av_health(self, writer: PartitionWriter, comparable: pa.Array | None) -> RestOfFleet:
        compute = partial(rest_of_av_health, writer.finish(), comparable, engine=self._context.engine)
        return _of_the_rest(compute, self._dataset, _NO_NEWEST) or RestOfFleet(is_known=False)


def _of_the_rest(compute: Callable[[], _Result], dataset: Dataset, consequence: str) -> _Result | None:
    """What is computed of the devices out of the scope; None, with a warning, where that fails: the rows of the others
    do not wait for it."""
    try:
        return compute()
    except ComplianceError as error:
        _log.warning(
            "%s: what the devices out of the scope run could not be computed (%s). The rows in the scope are "
            "published, but until machines and av_health are refreshed again %s.",
            dataset.name,
            error.what.rstrip("."),
            consequence,
        )
        return None


def _ids(columns: Sequence[pa.ChunkedArray]) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *(chunk for column in columns for chunk in column.chunks)])


def in_fleet(devices: pa.ChunkedArray, fleet: ScopedFleet) -> Mask:
    """Of each row, whether its device is in the scope, or it names none."""
    mask: Mask = pc.or_(pc.is_in(devices, value_set=fleet.inside), pc.is_null(devices)).to_numpy().astype(np.bool_)
    return mask


def _names_are_known(scope: FleetScope, missing: Sequence[str]) -> Check:
    if missing:
        words = f"no device has these tags and device groups of the scope: {name_list(missing)}; are they misspelled?"
    elif scope.tags or scope.device_groups:
        words = "every tag and device group of the scope is on a device"
    else:
        words = "the scope names no tag and no device group" if scope else "no scope is set"
    return Check(SCOPE_IS_KNOWN, not missing, words, numbers={"unknown names": len(missing)})


def _facts(scope: FleetScope, left_out: LeftOut) -> Mapping[str, Fact]:
    counted = {
        "rows read": left_out.read,
        "rows out of scope": left_out.out_of_scope,
        "rows of devices that the machine list lacks, left out": left_out.unknown_devices,
        "rows below the severity, left out": left_out.below_severity,
    }
    return {"scope": str(scope), **{name: number for name, number in counted.items() if number or name == "rows read"}}
