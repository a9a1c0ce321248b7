"""Which days of an event table are stale: what the service has for them is not what the lake has.

Here: the comparison of the service with what is published. Not here: the note that keeps it cheap (``caught_up.py``),
what a day holds (``contents.py``), refreshing the days (``dataset/``), and when that is done
(``orchestration/automation/``).

What was published is read from the lake and from nowhere else. A refresh that failed, was killed or was undone leaves
its days stale, and one that somebody ran by hand counts. The note only limits how far back the comparison goes.

**A list with times of update** (``alerts``) is compared in three ways:

- By those times, each time: what was updated since the last look and is not in the lake. Two calls if nothing was.
- By what the days hold, every column: those that were published since the last comparison, so that a day that was
  published wrong is healed by the next refresh although nothing about it changed. Two calls for each stretch of days
  that fits in a page, as many as the refresh that published them.
- All remembered days by what they hold, once a day, because a row may appear, vanish or change without a new time. As
  many calls as the first refresh of all days, two for each page: of 100,000 alerts in pages of 2,000 some 120 of the
  36,000 calls that a day allows.

**A change feed** (``software_vulnerability_changes``) only grows, and each of its days is settled six hours after its
end. So it is not compared with the service: a day is stale until two readings in succession, both made after it was
settled, held the same. One wrong reading is so found by the next. That is one day more in each daily walk. To compare
all 14 days every day would be five times as many rows, for days that cannot change.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from ..api import DefenderClient, odata_time
from ..catalog import CursorPages, Dataset, ODataPages
from ..decode import Decoder
from ..lake import Lake, LakeError
from ..lake.facts import time_in
from ..lake.scoped_fleet import ScopedFleet, fleet_in_lake
from ..scope import WHOLE_TENANT, FleetScope
from ..scope.left_out import SCOPE
from ..sql import Hashes, row_hasher
from .caught_up import CaughtUp, Reading, caught_up
from .contents import DayContent, reading_contents
from .dataset.odata_pages import odata_walk
from .dataset.scoped_rows import in_fleet
from .days import Window, remembered

MISSING = "missing"
"""Stands for the newest change of a day that has no partition, or one that says nothing about when it was read."""
DIFFERENT = "different"
"""Stands for the newest change of a day whose partition does not hold what the service has for it."""
_MARGIN = timedelta(minutes=10)
"""How far before the noted moment the comparison begins, because the service may list an update late."""
_COMPARED_EVERY = timedelta(hours=20)
"""When all days are compared again. Less than a day, so that a refresh that begins at the same hour each day does it
each day, however long the one before had to wait."""
_SETTLED_AFTER = timedelta(hours=6)
"""The change feed is produced every six hours
(https://learn.microsoft.com/en-us/defender-endpoint/api/get-assessment-software-vulnerabilities), so nothing is added
to a day later than six hours after its end."""


@dataclass(frozen=True)
class Staleness:
    """``days``: each stale day with the reason: its newest change that is not in the lake, or when it was last read (an
    ISO time), or ``missing``, or ``different``.

    ``caught_up``: what can be noted already. ``caught_up_after_refresh``: what can be noted once all stale days have
    been refreshed.
    """

    days: Mapping[date, str] = field(default_factory=dict)
    caught_up: CaughtUp = field(default_factory=CaughtUp)
    caught_up_after_refresh: CaughtUp = field(default_factory=CaughtUp)


def stale_days(
    client: DefenderClient,
    dataset: Dataset,
    lake: Lake,
    now: datetime,
    *,
    quick: bool = False,
    scope: FleetScope = WHOLE_TENANT,
) -> Staleness:
    """The stale days of an event table among those that the service remembers, today included.

    ``quick`` is for those who have no minutes: the service is only asked what was updated since the last look. Days
    whose turn to be compared has come are then stale without a comparison, and reading all of them again takes as many
    calls as the comparison would.

    A day that holds another part of the tenant than ``scope`` counts as missing, however lately it was compared. Of the
    others only what devices in the scope did is compared, as far as the newest ``machines`` say which these are: a day
    keeps what a device did before it left the scope, until the day is read again.

    No call if no day was published yet. Raises what the client, the lake and the decoder raise: if the comparison
    fails, nothing is known about what changed, and nothing may be noted.
    """
    window = remembered(dataset, now.astimezone(UTC).date())
    match dataset.fetch:
        case ODataPages(time_filter=str()) as fetch:
            return _Comparison(client, dataset, fetch, lake, window, now, scope).staleness(quick=quick)
        case CursorPages(since=str()):
            return _unsettled_days(dataset, lake, window, scope)
        case other:
            raise TypeError(f"{dataset.name}: {type(other).__name__} is no way to ask for events")


@dataclass(frozen=True)
class _Comparison:
    """The comparison of a list with times of update."""

    client: DefenderClient
    dataset: Dataset
    fetch: ODataPages
    lake: Lake
    window: Window
    now: datetime
    scope: FleetScope

    def staleness(self, *, quick: bool) -> Staleness:
        noted = caught_up(self.lake, self.dataset)
        if quick and self._all_due(noted):
            noted = self._with_days_read_again(noted)
        all_due = self._all_due(noted)
        since = self.window.start if noted.to is None else max(noted.to - _MARGIN, self.window.start)
        since_then = Window(min(since.date(), self.window.last), self.window.last)
        # The files of all days are looked at unless that takes too long, and it is noted that all are of this scope.
        looked_at = since_then if quick and not all_due and noted.scope == str(self.scope) else self.window
        published, of_another_scope = _observations(self.lake, self.dataset, looked_at, self.scope)
        # Missing days are refreshed even if nothing happened on them: a day without events has an empty partition.
        expected = self.window if all_due else since_then
        missing = {day: MISSING for day in looked_at.dates if day in of_another_scope}
        missing |= {day: MISSING for day in expected.dates if day not in published}
        if of_another_scope:
            noted = replace(noted, scope=None)
        elif looked_at == self.window:
            noted = replace(noted, scope=str(self.scope))
        if len(missing) == len(self.window.dates):
            return Staleness(missing, noted, CaughtUp(to=self.now, scope=str(self.scope)))  # nothing to compare yet
        after_refresh = replace(noted, to=self.now, confirmed=self.now, scope=str(self.scope))
        if all_due and not quick:
            # Their content includes the times of update.
            different = self._different(published)
            return Staleness(missing | different, noted, replace(after_refresh, compared=self.now))
        updated, complete_up_to = self._updated_days(since)
        if quick:
            others = dict.fromkeys(published, f"last read {noted.compared}") if all_due else {}
        else:
            unconfirmed = {day for day, at in published.items() if noted.confirmed is None or at > noted.confirmed}
            others = self._different(unconfirmed - updated.keys())
        now_known = noted if missing else replace(noted, to=complete_up_to)
        return Staleness(missing | others | updated, now_known, after_refresh)

    def _all_due(self, noted: CaughtUp) -> bool:
        return noted.compared is None or self.now - noted.compared >= _COMPARED_EVERY

    def _with_days_read_again(self, noted: CaughtUp) -> CaughtUp:
        """What is noted, and that all days were read after a later moment, if they were: it is as good as comparing."""
        published, _ = _observations(self.lake, self.dataset, self.window, self.scope)
        moments = [min(published.values())] if published else []
        return replace(noted, compared=max([*moments, *filter(None, [noted.compared])], default=None))

    def _different(self, days: Collection[date]) -> dict[date, str]:
        """Those of the days whose partition does not hold what the service has for them."""
        if not days:
            return {}
        with reading_contents(self.dataset, self._inside) as contents:
            in_lake = contents.in_lake(self.lake, days)
            rows = {day: 0 if content is None else content.rows for day, content in in_lake.items()}
            lists = _lists_of_one_page(rows, self.fetch.top)
            in_service = contents.in_service(self.client, self.fetch, lists, self.now)
        return {day: DIFFERENT for day in days if in_lake[day] != in_service[day]}

    def _updated_days(self, since: datetime) -> tuple[dict[date, str], datetime]:
        """The days of updates since then that are not in the lake, and the moment up to which all updates are there."""
        newest: dict[date, str] = {}
        oldest: list[datetime] = []
        # What an alert holds is compared as well, as far as a list without $expand is sure to tell it.
        told = [column.name for column in self.dataset.columns if column.type is not None and not column.many]
        with row_hasher(self.dataset.schema, told) as hashes:
            updates = self._updates(since, hashes)
            for day in sorted(set(updates["day"].to_pylist())):
                if not self.window.first <= day <= self.window.last:
                    continue
                in_service = updates.filter(pc.equal(updates["day"], pa.scalar(day, pa.date32())))
                in_lake = self._reduced(self.dataset.schema.empty_table(), hashes)
                # A partition that is damaged or has other columns has nothing that can be relied on; refreshing the day
                # replaces it.
                with suppress(LakeError):
                    in_lake = self._reduced(self.lake.read(self.dataset.name, day, columns=told), hashes)
                if unpublished := _unpublished(in_service, in_lake):
                    newest[day] = max(unpublished).isoformat()
                    oldest.append(min(unpublished))
        return newest, min([self.now, *oldest])

    def _updates(self, since: datetime, hashes: Callable[[pa.Table], Hashes]) -> pa.Table:
        """Every event that was updated at or after ``since``, reduced."""
        # Without $expand: the evidence is nine tenths of an alert.
        bare = ODataPages(top=10_000)
        decoder = Decoder(self.dataset, observed_at=self.now)
        row_filter = f"lastUpdateTime ge {odata_time(since)}"
        pages = odata_walk(self.client, self.dataset, bare, decoder, row_filter=row_filter)
        nothing = self._reduced(self.dataset.schema.empty_table(), hashes)
        updates = pa.concat_tables([nothing, *(self._reduced(self._inside(rows), hashes) for rows in pages)])
        # The filter once more, so that a service that ignores it costs time but no wrong answer.
        recent = pc.and_(pc.greater_equal(updates["updated"], since), pc.is_valid(updates["day"]))
        return updates.filter(recent)

    @cached_property
    def _fleet(self) -> ScopedFleet | None:
        return fleet_in_lake(self.lake, str(self.scope)) if self.scope.chooses_devices else None

    def _inside(self, rows: pa.Table) -> pa.Table:
        """Those of the rows that are of devices in the scope; all of them where that is not known."""
        if self._fleet is None or self.dataset.device_column is None:
            return rows
        return rows.filter(pa.array(in_fleet(rows[self.dataset.device_column], self._fleet)))

    def _reduced(self, rows: pa.Table, hashes: Callable[[pa.Table], Hashes]) -> pa.Table:
        """Key, time of update, day and hash of the rows."""
        hashed = pa.py_buffer(hashes(rows).tobytes())
        return pa.table(
            {
                "key": rows[self.dataset.key[0]],
                "updated": rows["last_update_time"],
                "day": rows[self.dataset.event_time].cast(pa.date32()),
                "hash": pa.Array.from_buffers(pa.binary(16), rows.num_rows, [None, hashed]),
            }
        )


def _lists_of_one_page(rows: Mapping[date, int], page: int) -> list[Window]:
    """The days of ``rows`` in as few stretches as there are pages, as far as the numbers of rows in the lake tell.

    A list in one page is a snapshot and needs two calls; a list in several is walked twice, which are as many calls,
    and has to hold still for so long. A tenth of each page is left for rows that the lake lacks.
    """
    lists: list[Window] = []
    held = 0
    for day in sorted(rows):
        if lists and day - lists[-1].last == timedelta(days=1) and held + rows[day] <= page * 9 // 10:
            lists[-1] = Window(lists[-1].first, day)
            held += rows[day]
        else:
            lists.append(Window(day, day))
            held = rows[day]
    return lists


def _unpublished(in_service: pa.Table, in_lake: pa.Table) -> list[datetime]:
    """The times of those updates in the service that the lake lacks, or has with another content."""
    copies = {row["key"]: row for row in in_lake.to_pylist()}
    times: list[datetime] = []
    for row in in_service.to_pylist():
        copy = copies.get(row["key"])
        lacking = copy is None or copy["updated"] is None or copy["updated"] < row["updated"]
        # A copy of a later time is from a refresh that ended after the service had been asked.
        if lacking or (copy and copy["updated"] == row["updated"] and copy["hash"] != row["hash"]):
            times.append(row["updated"])
    return times


def _observations(
    lake: Lake, dataset: Dataset, window: Window, scope: FleetScope
) -> tuple[dict[date, datetime], set[date]]:
    """When each day of this scope was read from the service, as its file says, and the days of another scope. A day
    whose file does not say when it was read is not among the former: nobody can say what is in it."""
    found: dict[date, datetime] = {}
    of_another_scope: set[date] = set()
    for day, facts in lake.metadata_by_day(dataset.name, window.dates).items():
        observed_at = time_in(facts, "observed_at")
        if facts.get(SCOPE, "") != str(scope):
            of_another_scope.add(day)
        elif observed_at is not None:
            found[day] = observed_at
    return found, of_another_scope


def _unsettled_days(dataset: Dataset, lake: Lake, window: Window, scope: FleetScope) -> Staleness:
    """The days that were not yet read twice in succession, when nothing could be added any more, with the same rows.

    And all days after the earliest of them: one walk reads those as well, and would read them again for each gap.
    """
    noted = caught_up(lake, dataset)
    observations, _ = _observations(lake, dataset, window, scope)
    days: dict[date, str] = {}
    readings: dict[date, Reading] = {}
    with reading_contents(dataset) as contents:
        for day in window.dates:
            observed_at = observations.get(day)
            if observed_at is not None and observed_at >= Window(day, day).end + _SETTLED_AFTER:
                reading = noted.readings.get(day)
                if reading is None or reading.observed_at != observed_at:
                    reading = _next_reading(reading, observed_at, contents.in_lake(lake, [day])[day])
                readings[day] = reading
            if days or day not in readings or not readings[day].repeated:
                days[day] = MISSING if observed_at is None else f"last read {observed_at.isoformat()}"
    known = replace(noted, readings=readings)
    return Staleness(days, known, known)


def _next_reading(before: Reading | None, observed_at: datetime, content: DayContent | None) -> Reading:
    """What cannot be compared repeats nothing, itself included."""
    repeated = before is not None and content is not None and before.content == str(content)
    return Reading(observed_at, str(content), repeated)
