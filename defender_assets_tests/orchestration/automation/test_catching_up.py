"""A refresh from the command line finds the same stale days as the sensors do."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS
from defender_assets.orchestration.fetched import fetch
from defender_assets.orchestration.local_runs import AssetOutcome, refresh_runs
from defender_assets.refresh import caught_up
from defender_assets.settings import Settings, connection

from ...clocks import PassingClock


@pytest.fixture
def refresh_alerts(daemon, lake):
    """``defender-assets refresh --select alerts``, without the command line."""

    def refresh() -> AssetOutcome:
        with (
            open_client(connection(), Settings.load(), clock=PassingClock()) as client,
            fetch({"alerts"}, client=lambda: client, lake=lake) as fetched,
            dg.DagsterInstance.ephemeral() as instance,
        ):
            (outcome,) = refresh_runs(daemon.defs, instance, fetched, lake=lake)
        return outcome

    return refresh


@pytest.mark.usefixtures("caught_up")
def test_a_refresh_fetches_the_days_that_changed_and_notes_that_it_is_caught_up(refresh_alerts, lake, own_simulator):
    outcome = refresh_alerts()
    assert (outcome.ok, outcome.dates, outcome.message) == (True, (), "nothing changed since the last refresh")

    day = next(day for day in lake.dates("alerts") if lake.rows("alerts", day))
    alert = lake.read("alerts", day, columns=["id"])["id"][0].as_py()
    own_simulator.control.update_alert(alert, status="InProgress")
    before = datetime.now(UTC)
    assert refresh_alerts().dates == (day,)
    assert {row["id"]: row["status"] for row in lake.read("alerts", day).to_pylist()}[alert] == "InProgress"
    assert caught_up(lake, DATASETS["alerts"]).to >= before
    assert refresh_alerts().dates == ()


@pytest.mark.usefixtures("caught_up")
def test_a_refresh_that_fails_leaves_the_note_so_that_the_next_one_fetches_the_day(
    refresh_alerts, lake, own_simulator, monkeypatch
):
    noted = caught_up(lake, DATASETS["alerts"])
    day = next(day for day in lake.dates("alerts") if lake.rows("alerts", day))
    own_simulator.control.update_alert(lake.read("alerts", day, columns=["id"])["id"][0].as_py())
    with monkeypatch.context() as patch:
        patch.setenv("DEFENDER_CLIENT_SECRET", "wrong")
        assert not refresh_alerts().ok
    assert caught_up(lake, DATASETS["alerts"]) == noted
    assert refresh_alerts().dates == (day,)


@pytest.mark.usefixtures("caught_up")
def test_a_refresh_heals_a_day_that_was_published_wrong_though_nothing_changed(refresh_alerts, lake):
    """Given a lake that lost a row and got another that the service does not have, then the next refresh brings back
    the one and removes the other, and the one after that has nothing to do."""
    with_alerts = [day for day in lake.dates("alerts") if lake.rows("alerts", day)]
    without = next(day for day in lake.dates("alerts") if day not in with_alerts)
    day = with_alerts[0]
    right = {each: lake.read("alerts", each).drop_columns("observed_at") for each in (day, without)}
    row = lake.read("alerts", day).slice(0, 1)
    for wrong, rows in ((day, row.slice(1)), (without, row)):
        with lake.writing(DATASETS["alerts"], wrong, lake.metadata("alerts", wrong)) as writer:
            writer.write(rows)
            writer.publish()
    outcome = refresh_alerts()
    assert (outcome.ok, set(outcome.dates)) == (True, {day, without}), outcome.message
    assert {each: lake.read("alerts", each).drop_columns("observed_at") for each in (day, without)} == right
    assert refresh_alerts().dates == ()


@pytest.mark.usefixtures("caught_up")
def test_a_damaged_partition_of_today_is_fetched_again_though_nothing_changed(refresh_alerts, lake):
    today = datetime.now(UTC).date()
    (file,) = map(Path, lake.source("alerts", [today]))
    rows = lake.rows("alerts", today)
    file.write_bytes(b"PAR1 no more")
    assert refresh_alerts().dates == (today,)
    assert lake.rows("alerts", today) == rows
