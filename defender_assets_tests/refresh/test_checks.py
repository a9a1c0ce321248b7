"""Checks and facts: sentences that stay short and readable, whatever the service sends."""

import json
from datetime import UTC, datetime

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder
from defender_assets.refresh.dataset.checks import columns_are_known
from defender_assets.refresh.dataset.statistics import FetchStatistics

FACT = "undeclared fields kept in extra"


def statistics_of(*members: str) -> FetchStatistics:
    """The statistics of one machine with these members besides its own."""
    decoder = Decoder(DATASETS["machines"], observed_at=datetime(2025, 10, 6, tzinfo=UTC))
    decoder.page(json.dumps({"value": [{"id": "a", **dict.fromkeys(members, 1)}]}).encode())
    return FetchStatistics(decoder)


def verdict(statistics: FetchStatistics) -> tuple[bool, str, dict[str, float]]:
    counts = statistics.decoder.counts
    check = columns_are_known(DATASETS["machines"], counts.unknown_members, dict(counts.unreadable))
    return check.passed, check.message, dict(check.numbers)


def test_given_a_few_unknown_members_each_is_named():
    statistics = statistics_of("newOne", "newTwo")
    words = "members that the catalog lacks, kept in extra: newOne, newTwo"
    assert verdict(statistics) == (False, words, {"unknown members": 2, "unreadable values": 0})
    assert statistics.facts()[FACT] == "newOne, newTwo"


def test_given_a_thousand_unknown_members_ten_are_named_and_all_are_counted():
    statistics = statistics_of(*(f"new{number:03}{'x' * 90}" for number in range(999)))
    named = ", ".join(f"new{number:03}{'x' * 53}…" for number in range(10)) + " and 989 more"
    words = f"members that the catalog lacks, kept in extra: {named}"
    assert verdict(statistics) == (False, words, {"unknown members": 999, "unreadable values": 0})
    assert statistics.facts()[FACT] == named


def test_given_a_member_with_a_hostile_name_it_is_printable():
    statistics = statistics_of("new\x1b[31m\u202e")
    assert statistics.facts()[FACT] == r"new\x1b[31m\u202e"
    assert r"new\x1b[31m\u202e" in verdict(statistics)[1]


def test_where_rows_may_hold_credentials_unknown_members_are_counted_and_not_named():
    scans = DATASETS["authenticated_scans"]
    decoder = Decoder(scans, observed_at=datetime(2025, 10, 6, tzinfo=UTC))
    sent = {"id": "a", "PassWord": "s3cret", "s3cret": 1, "another": 2, "scanAuthenticationParams": {"s3cret": 1}}
    decoder.page(json.dumps({"value": [sent]}).encode())
    decoder.page(json.dumps({"value": [sent | {"third": 3}]}).encode())
    counts, facts = decoder.counts, FetchStatistics(decoder, keeps_extra=False).facts()
    check = columns_are_known(scans, counts.unknown_members, dict(counts.unreadable))
    assert (check.message, check.numbers["unknown members"]) == ("members that the catalog lacks, not kept: 4", 4)
    assert facts["undeclared fields left out"] == 4
    assert "s3cret" not in f"{counts} {facts} {check}"


@pytest.mark.parametrize(("columns", "more"), [(10, ""), (12, " and 2 more")])
def test_given_many_unreadable_columns_ten_are_named(columns: int, more: str):
    check = columns_are_known(
        DATASETS["machines"], [], {f"column_{number:02}": 1_000 + number for number in range(columns)}
    )
    named = ", ".join(f"column_{number:02} ({1_000 + number:,})" for number in range(10))
    assert check.message == f"values of another type than declared, kept raw in extra: {named}{more}"
    assert check.numbers["unreadable values"] == sum(range(1_000, 1_000 + columns))
