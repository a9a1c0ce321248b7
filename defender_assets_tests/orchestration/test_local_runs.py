"""Outcomes of runs in this process, as the terminal shows them."""

import threading
import weakref
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from defender_assets.orchestration.failures import as_failures
from defender_assets.orchestration.local_runs import materialize
from defender_assets.orchestration.partitions import TenantDays
from defender_assets.refresh import Stopped, request_stop

SIGNED = "https://storage.example.com/part-0.json.gz?sv=2020&sig=abc%2Fdef%3D"


def test_an_unexpected_error_is_shown_in_its_own_words_without_secrets():
    @dg.asset(partitions_def=TenantDays(date(2026, 1, 1)).definition)
    def broken() -> None:
        raise KeyError(SIGNED)

    today = datetime.now(UTC).date()
    with dg.DagsterInstance.ephemeral() as instance:
        (outcome,) = materialize(
            dg.Definitions([broken]), instance, {broken.key}, tenant="default", first=today, last=today
        )
        (run,) = instance.get_runs()
    # Dagster's list of runs shows who launched it
    assert run.tags["user"] == "command line"
    assert not outcome.ok
    assert outcome.message.startswith("unexpected: KeyError: 'https://storage.example.com/part-0.json.gz")
    assert "sig=" not in outcome.message


@pytest.mark.parametrize("error", [Stopped("things: the refresh was stopped"), RuntimeError("the client is closed")])
def test_a_run_that_begins_when_the_process_is_stopped_is_canceled_whatever_it_fails_of(error, monkeypatch):
    """Given a request to stop that comes when Dagster has not written yet that the run has begun."""
    monkeypatch.setattr("defender_assets.refresh.stopping._requested", threading.Event())
    monkeypatch.setattr("defender_assets.api.client._open_clients", weakref.WeakSet())

    @dg.asset(partitions_def=TenantDays(date(2026, 1, 1)).definition)
    def things(context: dg.AssetExecutionContext) -> None:
        with as_failures(context):
            request_stop()
            raise error

    today = datetime.now(UTC).date()
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(dg.Definitions([things]), instance, {things.key}, tenant="default", first=today, last=today)
        (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED
