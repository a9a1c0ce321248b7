"""Whom the crawl asks next, when it believes a device's answer, and what it makes of all of them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.api import BrokenAnswer, DefenderClient, DefenderError, ForeignHost, IncompleteWalk, NotFound
from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder, UndecodableResponse
from defender_assets.lake import Lake
from defender_assets.refresh import NotPublished
from defender_assets.refresh.dataset.crawl_order import coverage, devices_to_ask

from ..api.wire import ReceivedRequest, Reply, Wire, page, refusal, says
from ..refreshing import Refreshed, refresh_dataset

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MACHINES, USERS = DATASETS["machines"], DATASETS["machine_users"]
NOBODY = page([])
UNKNOWN = refusal(404, "ResourceNotFound", "Machine was not found")


@pytest.fixture
def wire(wire: Wire) -> Wire:
    """The application may ask who logged on."""
    wire.roles = ("Machine.Read.All", USERS.permission)
    return wire


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_devices_never_asked_come_first_then_the_recently_active_with_the_oldest_answers():
    last_seen = {"new-a": ago(3), "new-b": ago(1), "fresh": ago(1), "stale": ago(1), "silent": ago(40), "unseen": None}
    asked_at = {"fresh": ago(1), "stale": ago(9), "silent": ago(60), "unseen": ago(90)}
    assert devices_to_ask(last_seen, asked_at, NOW, 99) == ["new-b", "new-a", "stale", "fresh", "unseen", "silent"]


devices = st.dictionaries(
    st.text("abcdef0123456789", min_size=1, max_size=4), st.one_of(st.none(), st.integers(0, 400).map(ago)), max_size=30
)


@given(devices, st.data(), st.integers(0, 40))
def test_a_crawl_repeated_covers_every_device(last_seen, data, calls):
    """Given any fleet and any call budget, then after enough refreshes every device has been asked."""
    asked_at = data.draw(st.fixed_dictionaries({}, optional={name: st.integers(0, 99).map(ago) for name in last_seen}))
    now, rounds = NOW, 0
    while coverage(last_seen, asked_at).covered < len(last_seen) and calls and rounds < 100:
        chosen = devices_to_ask(last_seen, asked_at, now, calls)
        assert len(chosen) == len(set(chosen)) == min(calls, len(last_seen))
        asked_at |= dict.fromkeys(chosen, now)
        now, rounds = now + timedelta(hours=1), rounds + 1
    assert not calls or coverage(last_seen, asked_at).covered == len(last_seen)


def test_coverage_counts_present_devices_only():
    known = coverage(["a", "b", "c"], {"a": ago(1), "b": ago(5), "left": ago(90)})
    assert (known.devices, known.covered, known.oldest) == (3, 2, ago(5))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """With a machine list of two devices, which is not asked for again."""
    lake = Lake(str(tmp_path / "lake"))
    today = datetime.now(UTC).date()
    rows = [{"id": device, "lastSeen": f"{today}T00:00:00Z"} for device in ("d1", "d2")]
    listed = Decoder(MACHINES, observed_at=NOW).page(json.dumps({"value": rows}).encode())
    with lake.writing(MACHINES, today, {}) as writer:
        writer.write(listed.table)
        writer.publish()
    return lake


def path_of(device: str) -> str:
    return USERS.path.format(device=device)


def users(*names: str, **envelope: Any) -> Reply:
    """A page of users."""
    return says({"value": [{"id": name} for name in names], **envelope})


def pages_of(wire: Wire, *pages: Reply) -> Callable[[ReceivedRequest], Reply]:
    """The pages of d1, each with a link to the one after it."""

    def reply(request: ReceivedRequest) -> Reply:
        number = int(request.target.partition("skip=")[2] or 0)
        if number + 1 == len(pages):
            return pages[number]
        link = f"{wire.url}{path_of('d1')}?$skip={number + 1}"
        return says(json.loads(pages[number].body) | {"@odata.nextLink": link})

    return reply


def crawled(client: DefenderClient, lake: Lake) -> Refreshed:
    return refresh_dataset(USERS, client, lake)


def said(result: Refreshed) -> str:
    """What the check ``complete`` says."""
    return next(check.message for check in result.outcomes[0].checks if check.name == "complete")


def why_unusable(client: DefenderClient, lake: Lake) -> str:
    """What the check says of the answer of d1, while d2 has the user a."""
    result = crawled(client, lake)
    assert found(lake) == {("d2", "a")}
    assert result.failed_checks == {"complete"}
    return said(result)


def found(lake: Lake) -> set[tuple[str, str]]:
    return {(row["machine_id"], row["id"]) for row in lake.read("machine_users").to_pylist()}


def journal_of_a_former_version(lake: Lake, device: str, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    line = json.dumps([device, datetime.now(UTC).isoformat(), text])
    lake.journal("machine_users", "answers").append(line.encode() + b"\n")


def test_the_users_of_a_device_go_on_in_pages(client: DefenderClient, wire: Wire, lake: Lake):
    """They are read twice: nothing but the missing link says which page is the last."""
    wire.on(path_of("d1"), pages_of(wire, users("a"), users(), users("b", "c")))
    wire.on(path_of("d2"), users("a", "b"))
    result = crawled(client, lake)
    assert found(lake) == {("d1", "a"), ("d1", "b"), ("d1", "c"), ("d2", "a"), ("d2", "b")}
    assert result.facts["API calls"] == 7


def test_several_pages_that_end_too_early_once_are_read_until_two_readings_agree(
    client: DefenderClient, wire: Wire, lake: Lake
):
    ends_early = [pages_of(wire, users("a"), users("b"))] * 2
    wire.on(path_of("d1"), *ends_early, pages_of(wire, users("a"), users("b"), users("c")))
    wire.on(path_of("d2"), users("a"))
    crawled(client, lake)
    assert found(lake) == {("d1", "a"), ("d1", "b"), ("d1", "c"), ("d2", "a")}


def test_several_pages_that_differ_each_time_are_refused(client: DefenderClient, wire: Wire, lake: Lake):
    readings = [pages_of(wire, users("a"), users(f"b{number}")) for number in range(5)]
    wire.on(path_of("d1"), *(reading for reading in readings for _ in range(2)))
    wire.on(path_of("d2"), users("a"))
    assert "device d1 differed each of the 5 times" in why_unusable(client, lake)


def test_a_page_as_large_as_one_that_others_followed_is_asked_for_again(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """Given a device whose first page loses its link once, before it is known how large pages are."""
    monkeypatch.setattr("defender_assets.refresh.dataset.crawl.CONCURRENT_CALLS", 1)
    wire.on(path_of("d1"), users("a"), pages_of(wire, users("a"), users("b")))
    link = {"@odata.nextLink": f"{wire.url}{path_of('d2')}?$skip=1"}
    wire.on(path_of("d2"), users("a", **link), users("b"), users("a", **link), users("b"))
    crawled(client, lake)
    assert found(lake) == {(device, user) for device in ("d1", "d2") for user in "ab"}


ASTRAY = {
    "to another device": "{url}/api/machines/d2/logonusers?$skip=1",
    "to another list": "{url}/api/machines?$skip=1",
    "to another host": "https://api.security.attacker.example/api/machines/d1/logonusers?$skip=1",
    "without a host": "/api/machines/d1/logonusers?$skip=1",
}


@pytest.mark.parametrize("where", ASTRAY)
def test_a_link_that_leads_astray_is_not_followed(where: str, client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), users("a", **{"@odata.nextLink": ASTRAY[where].format(url=wire.url)}))
    wire.on(path_of("d2"), users("a"))
    if where == "to another host":
        with pytest.raises(ForeignHost):
            crawled(client, lake)
        assert lake.newest("machine_users") is None
    else:
        assert "the service's link to the next page" in why_unusable(client, lake)
    assert not any("skip" in request.target for request in wire.requests)


def test_a_link_that_comes_twice_is_refused(client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), users("a", **{"@odata.nextLink": f"{wire.url}{path_of('d1')}?$skip=1"}))
    wire.on(path_of("d2"), users("a"))
    assert "device d1 has the same link to the next page twice" in why_unusable(client, lake)


def test_more_users_than_memory_has_room_for_are_refused(client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), users(*map(str, range(50_001))))
    wire.on(path_of("d2"), users("a"))
    assert "has more than 50,000 rows" in why_unusable(client, lake)


def test_a_list_that_does_not_end_is_refused(client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), pages_of(wire, *(users(f"u{number}") for number in range(1_000))))
    wire.on(path_of("d2"), users("a"))
    assert "device d1 goes on after 100 pages" in why_unusable(client, lake)
    assert len(wire.requests_for(path_of("d1"))) == 300


@pytest.mark.parametrize(
    ("replies", "rows", "calls"),
    [
        ([NOBODY, users("a")], {("d1", "a")}, 2),
        ([UNKNOWN, users("a")], {("d1", "a")}, 2),
        ([NOBODY, NOBODY, users("a")], set(), 2),
        ([UNKNOWN, NOBODY, NOBODY, users("a")], set(), 3),
        ([UNKNOWN, UNKNOWN, users("a")], {("d1", "former")}, 2),
        ([NOBODY, UNKNOWN, UNKNOWN, users("a")], {("d1", "former")}, 3),
        ([users("a", **{"@odata.count": 2}), users("a", "b", **{"@odata.count": 2})], {("d1", "a"), ("d1", "b")}, 2),
        ([says({"value": [{"id": "x"}], "error": {"code": "Late"}}), users("a")], {("d1", "a")}, 2),
        ([users("a", **{"@odata.nextLink": None}), users("a", "b")], {("d1", "a"), ("d1", "b")}, 2),
        ([users("a", **{"@odata.nextLink": ""}), users("a", **{"@odata.nextLink": ""})], {("d1", "a")}, 2),
        ([users("a", nextLink="https://api.example.com"), users("a", "b")], {("d1", "a"), ("d1", "b")}, 2),
        ([says({"value": [{"id": "x"}, {"error": {"code": "Late"}}]}), users("a")], {("d1", "a")}, 2),
        ([says({"value": [{"id": "x", "machineId": "d9"}]}), users("a")], {("d1", "a")}, 2),
        ([says({"value": [{"id": "x", "accountName": n} for n in "yz"]}), users("a")], {("d1", "a")}, 2),
        ([users("a", "a"), users("a", "b")], {("d1", "a"), ("d1", "b")}, 2),
        ([Reply(200, b'{"value":[{"id":"\xff"}]}', says({}).headers), users("a")], {("d1", "a")}, 2),
    ],
)
def test_an_answer_that_may_be_wrong_is_asked_for_again(
    replies: list[Reply], rows: set[tuple[str, str]], calls: int, client: DefenderClient, wire: Wire, lake: Lake
):
    wire.on(path_of("d1"), users("former"))
    wire.on(path_of("d2"), users("a"))
    crawled(client, lake)
    assert found(lake) == {("d1", "former"), ("d2", "a")}
    wire.requests.clear()
    wire.on(path_of("d1"), *replies)
    crawled(client, lake)
    assert found(lake) == rows | {("d2", "a")}
    assert len(wire.requests_for(path_of("d1"))) == calls


def test_devices_that_the_service_does_not_know_are_counted(client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), UNKNOWN)
    wire.on(path_of("d2"), NOBODY)
    result = crawled(client, lake)
    assert result.facts["devices unknown to the service"] == 1
    assert result.facts["devices covered"] == 2
    assert found(lake) == set()


def test_a_route_that_does_not_exist_is_no_unknown_device(client: DefenderClient, wire: Wire, lake: Lake):
    wire.on(path_of("d1"), refusal(404))
    wire.on(path_of("d2"), users("a"))
    with pytest.raises(NotFound):
        crawled(client, lake)
    assert lake.newest("machine_users") is None


LASTING = {
    "rows beside an error": says({"value": [{"id": "x"}], "error": {"code": "Late"}}),
    "a count of more rows": users("a", **{"@odata.count": 2}),
    "no rows at all": says({"values": []}),
    "rows of another device": says({"value": [{"id": "x", "machineId": "d9"}]}),
}


@pytest.mark.parametrize("what", LASTING)
def test_an_answer_that_stays_wrong_stops_no_other_device(
    what: str, client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """The check names the device; the next crawl, for one device only, asks this one and gets a good answer."""
    wire.on(path_of("d1"), LASTING[what])
    wire.on(path_of("d2"), users("a"))
    words = why_unusable(client, lake)
    assert re.search(r"1 of 2 devices .* 1 answer could not be used, the first because: .*\bd1\b", words)
    wire.on(path_of("d1"), users("b"))
    monkeypatch.setenv("DEFENDER_USER_CALLS", "1")
    crawled(client, lake)
    assert found(lake) == {("d1", "b"), ("d2", "a")}


@pytest.mark.parametrize("what", LASTING)
def test_answers_that_are_all_wrong_fail_the_crawl(what: str, client: DefenderClient, wire: Wire, lake: Lake):
    for device in ("d1", "d2"):
        wire.on(path_of(device), LASTING[what])
    with pytest.raises((BrokenAnswer, UndecodableResponse, IncompleteWalk), match=r"\bd[12]\b"):
        crawled(client, lake)
    assert lake.newest("machine_users") is None


@pytest.mark.parametrize(
    "body",
    [
        {"value": []},
        {"value": [{"id": "x"}], "@odata.nextLink": None},
        {"value": [{"id": "x"}], "@odata.nextLink": "https://api.example.com/more"},
        {"value": [{"id": "x"}], "error": {"code": "Late"}},
        {"error": {"code": "Late"}},
        {"value": [{"id": "x", "machineId": "d9"}]},
        '{"value": [',
        "<html>",
    ],
)
def test_what_a_former_version_journaled_and_cannot_be_believed_is_asked_for_again(
    body: Any, client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """Given calls for one device, then it is this one, as if it had never been asked."""
    journal_of_a_former_version(lake, "d1", body)
    monkeypatch.setenv("DEFENDER_USER_CALLS", "1")
    wire.on(path_of("d1"), users("a"))
    crawled(client, lake)
    assert found(lake) == {("d1", "a")}


def test_what_a_former_version_journaled_is_used(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    journal_of_a_former_version(lake, "d1", {"value": [{"id": "a"}]})
    monkeypatch.setenv("DEFENDER_USER_CALLS", "1")
    wire.on(path_of("d2"), users("a"))
    crawled(client, lake)
    assert found(lake) == {("d1", "a"), ("d2", "a")}
    assert wire.requests_for(path_of("d1")) == []


def test_pages_and_unknown_devices_outlast_a_crawl_that_breaks_off(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("defender_assets.refresh.dataset.crawl.CONCURRENT_CALLS", 1)
    wire.on(path_of("d1"), pages_of(wire, users("a"), users("b")))
    wire.on(path_of("d2"), refusal(400, "BadRequest"))
    with pytest.raises(DefenderError):
        crawled(client, lake)
    wire.on(path_of("d2"), UNKNOWN)
    monkeypatch.setenv("DEFENDER_USER_CALLS", "1")
    result = crawled(client, lake)
    assert found(lake) == {("d1", "a"), ("d1", "b")}
    assert len(wire.requests_for(path_of("d1"))) == 4
    assert result.facts["devices unknown to the service"] == 1


def test_an_unknown_device_in_the_journal_is_not_asked_again(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """Given a crawl that broke off after "not found", then the next one takes that from the journal."""
    monkeypatch.setattr("defender_assets.refresh.dataset.crawl.CONCURRENT_CALLS", 1)
    wire.on(path_of("d1"), UNKNOWN)
    wire.on(path_of("d2"), refusal(400, "BadRequest"))
    with pytest.raises(DefenderError):
        crawled(client, lake)
    wire.on(path_of("d2"), users("a"))
    monkeypatch.setenv("DEFENDER_USER_CALLS", "1")
    result = crawled(client, lake)
    assert found(lake) == {("d2", "a")}
    assert len(wire.requests_for(path_of("d1"))) == 2
    assert result.facts["devices unknown to the service"] == 1


def test_answers_that_together_cannot_be_right_are_not_kept(
    client: DefenderClient, wire: Wire, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    """Given a table that collapses, then the next crawl asks all of its devices anew."""
    wire.on(path_of("d1"), users(*(f"u{number}" for number in range(1_000))))
    wire.on(path_of("d2"), users("a"))
    crawled(client, lake)
    wire.on(path_of("d1"), users("u1"))
    with pytest.raises(NotPublished):
        crawled(client, lake)
    assert len(found(lake)) == 1_001
    monkeypatch.setenv("DEFENDER_USER_CALLS", "0")
    crawled(client, lake)
    assert len(found(lake)) == 1_001
