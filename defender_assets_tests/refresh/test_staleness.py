"""Which days of an event table are stale, against a simulated tenant."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.api import DefenderClient, DefenderError, open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import CaughtUp, caught_up, note_caught_up, stale_days
from defender_assets.settings import Settings, connection
from defender_assets.simulator import Simulator

from ..clocks import PassingClock
from ..refreshing import refresh_dataset

EMPTY_LIST = 2
"""Calls of a list without rows: an empty answer is asked for twice."""
ALERTS, CHANGES = DATASETS["alerts"], DATASETS["software_vulnerability_changes"]


@pytest.fixture
def client(own_settings) -> Iterator[DefenderClient]:
    with open_client(connection(), Settings.load(), clock=PassingClock()) as client:
        yield client


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def publish(client: DefenderClient, lake: Lake, name: str, days: list[date]) -> None:
    refresh_dataset(DATASETS[name], client, lake, days)


def back(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def noon(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)


def rewrite(lake: Lake, day: date, change: Callable[[list[dict]], list[dict]], table: str = "alerts") -> None:
    """Makes a partition as if the refresh that made it had been given other rows."""
    rows = pa.Table.from_pylist(change(lake.read(table, day).to_pylist()), DATASETS[table].schema)
    with lake.writing(DATASETS[table], day, lake.metadata(table, day)) as writer:
        writer.write(rows)
        writer.publish()


def note(lake: Lake, now: datetime, *, compared: datetime | None = None, confirmed: datetime | None = None) -> None:
    """Notes that every update so far is in the lake, so that none counts as made since."""
    note_caught_up(lake, ALERTS, CaughtUp(to=now + timedelta(minutes=20), compared=compared, confirmed=confirmed))


def calls(simulator: Simulator) -> int:
    return simulator.control.counters()["calls"].get("alerts", 0)


def test_of_an_empty_lake_every_remembered_day_is_missing_and_the_service_is_not_asked(client, lake, own_simulator):
    own_simulator.control.reset_counters()
    staleness = stale_days(client, ALERTS, lake, datetime.now(UTC))
    assert staleness.days == {back(n): "missing" for n in range(180)}
    assert staleness.caught_up == CaughtUp()
    assert own_simulator.control.counters()["calls"] == {}


def test_days_that_were_published_before_the_first_comparison_are_compared_too(client, lake, own_simulator):
    """Given a few days that somebody refreshed by hand, when an alert of one of them changes, then that day is stale
    beside the missing ones; so once all are refreshed, everything up to the comparison is in the lake."""
    (alert,) = own_simulator.control.create_alerts(1, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(4), back(3), back(2)])
    own_simulator.control.update_alert(alert)
    now = datetime.now(UTC)
    staleness = stale_days(client, ALERTS, lake, now)
    assert set(staleness.days) == {back(n) for n in range(180)} - {back(4), back(2)}
    assert staleness.caught_up == CaughtUp()
    assert staleness.caught_up_after_refresh == CaughtUp(to=now, compared=now, confirmed=now)


def test_a_damaged_partition_with_changes_is_stale_and_can_so_be_replaced(client, lake, own_simulator, tmp_path):
    (alert,) = own_simulator.control.create_alerts(1, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(3)])
    now = datetime.now(UTC)
    note_caught_up(lake, ALERTS, CaughtUp(to=now, compared=now))
    own_simulator.control.update_alert(alert)
    for file in (tmp_path / "lake" / "alerts").rglob(f"snapshot_date={back(3)}/*.parquet"):
        file.write_bytes(b"no parquet")
    assert back(3) in stale_days(client, ALERTS, lake, datetime.now(UTC)).days


def test_a_day_without_events_is_stale_until_it_has_an_empty_partition(client, lake):
    now = datetime.now(UTC)
    note(lake, now, compared=now, confirmed=now)
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days == {back(0): "missing"}
    publish(client, lake, "alerts", [back(0)])
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days == {}


def with_another_status(rows: list[dict]) -> list[dict]:
    return [rows[0] | {"status": "Resolved"}, *rows[1:]]


def with_less_evidence(rows: list[dict]) -> list[dict]:
    return [rows[0] | {"evidence": rows[0]["evidence"][1:]}, *rows[1:]]


def with_another_word_in_the_evidence(rows: list[dict]) -> list[dict]:
    evidence = rows[0]["evidence"]
    return [rows[0] | {"evidence": [evidence[0] | {"detection_status": "Other"}, *evidence[1:]]}, *rows[1:]]


def with_a_ghost(rows: list[dict]) -> list[dict]:
    return [*rows, rows[0] | {"id": "da0_0"}]


def without_the_last(rows: list[dict]) -> list[dict]:
    return rows[:-1]


def without_any(rows: list[dict]) -> list[dict]:
    return []


WRONG = [
    with_another_status,
    with_less_evidence,
    with_another_word_in_the_evidence,
    with_a_ghost,
    without_the_last,
    without_any,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_day_that_was_published_wrong_is_stale_though_no_time_of_update_says_so(client, lake, own_simulator, wrong):
    """Given a day in the lake with the right times of update and one thing wrong, when it is looked at next, then it is
    stale, and no other day is; once it is refreshed, it is not."""
    own_simulator.control.create_alerts(5, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(4), back(3), back(2)])
    right = lake.read("alerts", back(3)).drop_columns("observed_at").to_pylist()
    rewrite(lake, back(3), wrong)
    now = datetime.now(UTC)
    note(lake, now, compared=now)
    staleness = stale_days(client, ALERTS, lake, now)
    assert staleness.days == {back(3): "different", back(0): "missing"}
    publish(client, lake, "alerts", list(staleness.days))
    assert lake.read("alerts", back(3)).drop_columns("observed_at").to_pylist() == right
    note(lake, now, compared=now, confirmed=staleness.caught_up_after_refresh.confirmed)
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days == {}


@pytest.mark.parametrize("before", [None, timedelta(days=1)])
def test_all_days_are_compared_the_first_time_and_once_a_day(client, lake, own_simulator, before):
    """Given a day that was confirmed and is wrong all the same, when all days were never compared, or not for a day,
    then it is stale; an hour after they were, it is not looked at."""
    own_simulator.control.create_alerts(3, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(3), back(0)])
    rewrite(lake, back(3), with_a_ghost)
    now = datetime.now(UTC)
    note(lake, now, compared=now - timedelta(hours=1), confirmed=now)
    assert stale_days(client, ALERTS, lake, now).days == {}
    note(lake, now, compared=before and now - before, confirmed=now)
    staleness = stale_days(client, ALERTS, lake, now)
    assert [day for day, reason in staleness.days.items() if reason == "different"] == [back(3)]
    assert set(staleness.days) == {back(n) for n in range(1, 180)}
    assert staleness.caught_up_after_refresh.compared == now


def test_a_comparison_costs_the_calls_of_a_list_for_each_stretch_of_days_published_since_and_then_none(
    client, lake, own_simulator
):
    days = [back(5), back(4), back(2), back(0)]
    for day in days:
        own_simulator.control.create_alerts(1, datetime.combine(day, datetime.min.time(), UTC).isoformat())
    publish(client, lake, "alerts", days)
    now = datetime.now(UTC)
    note(lake, now, compared=now)
    own_simulator.control.reset_counters()
    staleness = stale_days(client, ALERTS, lake, now, quick=True)
    assert (staleness.days, calls(own_simulator)) == ({}, EMPTY_LIST)
    own_simulator.control.reset_counters()
    staleness = stale_days(client, ALERTS, lake, now)
    assert (staleness.days, calls(own_simulator)) == ({}, EMPTY_LIST + 3 * 2)
    note(lake, now, compared=now, confirmed=staleness.caught_up_after_refresh.confirmed)
    own_simulator.control.reset_counters()
    assert stale_days(client, ALERTS, lake, now).days == {}
    assert calls(own_simulator) == EMPTY_LIST


def test_days_are_compared_in_lists_that_fit_in_a_page(client, lake, own_simulator):
    """Given pages of thirty rows and ten alerts or a few more on each of five days, then two days are one list; a list
    that turns out longer is walked."""
    small = replace(ALERTS, fetch=replace(ALERTS.fetch, top=30))
    days = [back(n) for n in range(9, 4, -1)]
    for day in days:
        own_simulator.control.create_alerts(10, noon(day).isoformat())
    publish(client, lake, "alerts", days)
    now = datetime.now(UTC)
    note(lake, now, compared=now)
    own_simulator.control.reset_counters()
    assert set(stale_days(client, small, lake, now).days) == {back(0)}
    assert calls(own_simulator) == EMPTY_LIST + 2 * 3
    own_simulator.control.create_alerts(30, noon(days[2]).isoformat())
    assert set(stale_days(client, small, lake, now).days) == {back(0), days[2]}


def test_a_quick_look_finds_another_content_with_the_same_time_of_update(client, lake, own_simulator):
    own_simulator.control.create_alerts(2, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(3)])
    rewrite(lake, back(3), with_another_status)
    assert back(3) in stale_days(client, ALERTS, lake, datetime.now(UTC), quick=True).days


def test_a_quick_look_has_days_read_anew_that_were_not_read_for_a_day(client, lake, own_simulator):
    """Given days that nobody has compared or read for a day, then a quick look makes all of them stale without a list
    of their rows; once they have been read anew, by whomever, it notes that."""
    days = [back(n) for n in range(10)]
    alerts = replace(ALERTS, remembered_days=len(days))
    publish(client, lake, "alerts", days)
    later = datetime.now(UTC) + timedelta(hours=21)
    note(lake, later, confirmed=later)
    own_simulator.control.reset_counters()
    staleness = stale_days(client, alerts, lake, later, quick=True)
    assert set(staleness.days) >= set(days[:-1])
    assert calls(own_simulator) == EMPTY_LIST
    publish(client, lake, "alerts", days)
    now = datetime.now(UTC)
    note(lake, now, compared=now - timedelta(hours=21))
    staleness = stale_days(client, alerts, lake, now, quick=True)
    assert staleness.days == {}
    assert staleness.caught_up.compared == min(lake.observed_at("alerts", day) for day in days)


def test_a_comparison_that_fails_says_so_and_leaves_the_note(client, lake, own_simulator):
    publish(client, lake, "alerts", [back(3)])
    noted = CaughtUp(to=datetime.now(UTC))
    note_caught_up(lake, ALERTS, noted)
    own_simulator.control.revoke_roles("Alert.Read.All")
    with pytest.raises(DefenderError, match=r"Alert\.Read\.All"):
        stale_days(client, ALERTS, lake, datetime.now(UTC))
    assert caught_up(lake, ALERTS) == noted


def test_a_partition_with_other_columns_is_different(client, lake, own_simulator):
    """Given a partition of an older version, which lacks a column, then it is stale."""
    own_simulator.control.create_alerts(1, noon(back(3)).isoformat())
    publish(client, lake, "alerts", [back(3)])
    (file,) = map(Path, lake.source("alerts", [back(3)]))
    rows = pq.read_table(file)
    pq.write_table(rows.drop_columns("extra"), file)
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days[back(3)] == "different"


def test_a_partition_with_a_file_of_another_program_is_different(client, lake, own_simulator, tmp_path, monkeypatch):
    # given a day that holds what the service has, and beside it, in a file that is read first, an alert too many
    monkeypatch.setattr("defender_assets.refresh.contents._TOGETHER_BYTES", 1)
    own_simulator.control.create_alerts(1, noon(back(1)).isoformat())
    publish(client, lake, "alerts", [back(1)])
    (part,) = lake.parts("alerts")
    file = tmp_path / "lake" / part.path
    ghosts = with_a_ghost(lake.read("alerts", back(1)).to_pylist())[-1:]
    pq.write_table(pa.Table.from_pylist(ghosts, ALERTS.schema), file.with_name("part-0.parquet"))
    now = datetime.now(UTC)
    note(lake, now, compared=now)
    assert stale_days(client, ALERTS, lake, now).days[back(1)] == "different"


def look_at_changes(client: DefenderClient, lake: Lake) -> dict[date, str]:
    """A look at the change feed, noted."""
    staleness = stale_days(client, CHANGES, lake, datetime.now(UTC))
    note_caught_up(lake, CHANGES, staleness.caught_up)
    return dict(staleness.days)


def unsettled() -> set[date]:
    return {back(0)} if datetime.now(UTC).hour >= 6 else {back(0), back(1)}


def test_a_day_of_a_change_feed_is_stale_until_two_readings_after_its_end_were_the_same(client, lake):
    days = [back(n) for n in range(13, -1, -1)]
    publish(client, lake, "software_vulnerability_changes", days)
    assert set(look_at_changes(client, lake)) == set(days)
    assert set(look_at_changes(client, lake)) == set(days)  # nobody has read them again
    publish(client, lake, "software_vulnerability_changes", days)
    assert set(look_at_changes(client, lake)) == unsettled()
    assert set(look_at_changes(client, lake)) == unsettled()


def test_a_day_of_a_change_feed_that_was_read_wrong_is_stale_until_it_is_right(client, lake):
    """Given a day whose second reading lacks a row, then it is stale, and with it all days after it, which cost nothing
    more; a third reading heals it, and a fourth proves it."""
    table, days = "software_vulnerability_changes", [back(n) for n in range(13, -1, -1)]
    for _ in range(2):
        publish(client, lake, table, days)
        look_at_changes(client, lake)
    wrong = next(day for day in days[3:] if lake.rows(table, day))
    right = lake.rows(table, wrong)
    publish(client, lake, table, [wrong])
    rewrite(lake, wrong, without_the_last, table)
    from_there = set(days[days.index(wrong) :])
    assert set(look_at_changes(client, lake)) == from_there
    publish(client, lake, table, sorted(from_there))
    assert lake.rows(table, wrong) == right
    assert set(look_at_changes(client, lake)) == from_there
    publish(client, lake, table, sorted(from_there))
    assert set(look_at_changes(client, lake)) == unsettled()


@pytest.mark.parametrize("content", ["another program's", "damaged"])
def test_a_day_whose_file_does_not_say_when_it_was_read_is_stale(client, lake, own_simulator, content):
    """Given a partition that this project did not write, or that is damaged, then nothing is taken for granted."""
    publish(client, lake, "software_vulnerability_changes", [back(3)])
    (file,) = map(Path, lake.source("software_vulnerability_changes", [back(3)]))
    if content == "damaged":
        file.write_bytes(b"PAR1 no more")
    else:
        pq.write_table(CHANGES.schema.empty_table(), file)
    assert stale_days(client, CHANGES, lake, datetime.now(UTC)).days[back(3)] == "missing"


def test_the_note_of_an_older_version_keeps_its_meaning(lake):
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    lake.put_note("alerts", "caught_up", {"to": moment.isoformat()})
    assert caught_up(lake, ALERTS) == CaughtUp(to=moment)


NOT_OURS = [[], {"to": "yesterday"}, {}, {"readings": []}, {"readings": {"2026-03-02": ["x"]}}, {"compared": 3}]


@pytest.mark.parametrize("note", NOT_OURS)
def test_a_note_that_is_not_ours_counts_as_none(lake, note):
    lake.put_note("alerts", "caught_up", note)
    assert caught_up(lake, ALERTS) == CaughtUp()
