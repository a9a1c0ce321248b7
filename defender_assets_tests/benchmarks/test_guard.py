"""The guard of calls, bytes and memory: what it lets pass, and what it stops."""

import json

from benchmarks.guard import BASELINE, grown, shrunk

KEPT = {"findings by pages, first": {"calls": 14, "bytes": 35_000_000, "peak MiB": 600}}


def _now(**figures: int) -> dict[str, dict[str, int]]:
    named = {name.replace("_", " "): value for name, value in figures.items()}
    return {"findings by pages, first": KEPT["findings by pages, first"] | named}


def test_the_same_figures_pass() -> None:
    assert grown(KEPT, KEPT) == []
    assert shrunk(KEPT, KEPT) == []


def test_one_call_more_is_told() -> None:
    assert grown(KEPT, _now(calls=15)) == ["findings by pages, first: calls grew from 14 to 15"]


def test_memory_may_vary_by_a_little_and_bytes_by_less() -> None:
    assert grown(KEPT, _now(peak_MiB=680, bytes=35_500_000)) == []
    assert grown(KEPT, {"findings by pages, first": {"peak MiB": 700, "bytes": 36_000_000}}) == [
        "findings by pages, first: peak MiB grew from 600 to 700",
        "findings by pages, first: bytes grew from 35,000,000 to 36,000,000",
    ]


def test_what_was_never_kept_is_told_instead_of_passing() -> None:
    assert grown({}, KEPT)[0] == "findings by pages, first: calls has no baseline (now 14); write it with --keep"


def test_a_gain_is_told_so_that_it_can_be_kept() -> None:
    assert shrunk(KEPT, _now(bytes=17_500_000)) == [
        "findings by pages, first: bytes fell from 35,000,000 to 17,500,000"
    ]


def test_the_calls_of_each_quota_family_count_by_themselves() -> None:
    kept = {"whole refresh, first": {"calls of machines": 2, "calls of logon_users": 1097, "logins": 1}}
    now = {"whole refresh, first": {"calls of machines": 3, "calls of logon_users": 1000, "logins": 1}}
    assert grown(kept, now) == ["whole refresh, first: calls of machines grew from 2 to 3"]


def test_the_kept_baseline_has_every_kind_of_refresh() -> None:
    kept = json.loads(BASELINE.read_text())
    assert {name.rpartition(",")[0] for name in kept} == {
        "findings by pages",
        "findings by files",
        "machines",
        "whole refresh",
        "lake on S3",
    }
