"""Outcomes of runs in this process, as the terminal shows them."""

from datetime import UTC, date, datetime

import dagster as dg

from defender_assets.orchestration.local_runs import materialize
from defender_assets.orchestration.partitions import TenantDays

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
