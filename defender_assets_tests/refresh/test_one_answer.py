"""A table that the service sends whole in one answer: what proves it, and what is no row."""

from dataclasses import replace
from pathlib import Path

import pytest

from defender_assets.api import BrokenAnswer, DefenderClient, IncompleteWalk
from defender_assets.catalog import DATASETS, OneAnswer
from defender_assets.catalog.column import real, text, time
from defender_assets.decode import UndecodableResponse
from defender_assets.lake import Lake

from ..api.wire import Wire, page, says
from ..refreshing import Refreshed, refresh_dataset

PATH = "/api/answer"
SCORE = replace(
    DATASETS["software"],
    name="score",
    path=PATH,
    permission="Machine.Read.All",
    fetch=OneAnswer(is_object=True, required="score"),
    key=("time",),
    columns=(time("time", "Time of the answer."), real("score", "Score.")),
)
GROUPS = replace(
    SCORE,
    name="groups",
    fetch=OneAnswer(required="score"),
    key=("group",),
    columns=(text("group", "Device group."), real("score", "Score.")),
)
ROWS = [{"group": f"g{number}", "score": number} for number in range(12)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def complete(result: Refreshed) -> str:
    (outcome,) = result.outcomes
    return next(check.message for check in outcome.checks if check.name == "complete")


def test_an_object_is_one_row_and_one_request(wire: Wire, client: DefenderClient, lake: Lake):
    answer = {"@odata.context": "…#ExposureScore/$entity", "time": "2026-11-20T08:00:00.1234567Z", "score": 27.6}
    wire.on(PATH, says({**answer, "trend": "up"}))
    result = refresh_dataset(SCORE, client, lake)
    (row,) = lake.read("score").to_pylist()
    assert (row["score"], row["extra"]) == (27.6, '{"trend":"up"}')
    assert len(wire.requests_for(PATH)) == 1
    assert complete(result).startswith("1 row by one request")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"time": "2026-11-20T08:00:00Z"},
        {"time": "2026-11-20T08:00:00Z", "score": None},
        {"error": {"code": "InternalServerError", "message": ""}},
        {"value": []},
        [],
        None,
    ],
    ids=["empty", "no score", "null", "error", "list", "bare list", "nothing"],
)
def test_an_object_that_says_nothing_is_refused(answer, wire: Wire, client: DefenderClient, lake: Lake):
    wire.on(PATH, says(answer))
    with pytest.raises((IncompleteWalk, UndecodableResponse, BrokenAnswer)):
        refresh_dataset(SCORE, client, lake)
    assert not lake.dates("score")


def test_a_list_is_asked_for_twice_when_there_is_nothing_to_compare_it_with(
    wire: Wire, client: DefenderClient, lake: Lake
):
    wire.on(PATH, page(ROWS))
    result = refresh_dataset(GROUPS, client, lake)
    assert result.rows == 12
    assert len(wire.requests_for(PATH)) == 2
    refresh_dataset(GROUPS, client, lake)
    assert len(wire.requests_for(PATH)) == 3


def test_given_fewer_rows_than_formerly_then_two_answers_have_to_agree(wire: Wire, client: DefenderClient, lake: Lake):
    wire.on(PATH, page(ROWS))
    refresh_dataset(GROUPS, client, lake)
    wire.on(PATH, page(ROWS[:7]), page(ROWS))
    assert refresh_dataset(GROUPS, client, lake).rows == 12
    wire.on(PATH, page(ROWS[:11]))
    result = refresh_dataset(GROUPS, client, lake)
    assert result.rows == 11
    assert "formerly 12" in complete(result)


def test_a_list_that_is_empty_all_of_a_sudden_is_not_believed(wire: Wire, client: DefenderClient, lake: Lake):
    wire.on(PATH, page(ROWS))
    refresh_dataset(GROUPS, client, lake)
    wire.on(PATH, page([]))
    with pytest.raises(IncompleteWalk, match="0 rows by one request"):
        refresh_dataset(GROUPS, client, lake)
    assert lake.rows("groups", lake.newest("groups")) == 12


def test_given_an_answer_that_differs_when_asked_again_then_it_is_read_again(
    wire: Wire, client: DefenderClient, lake: Lake
):
    wire.on(PATH, page([]), page(ROWS), page(ROWS))
    assert refresh_dataset(GROUPS, client, lake).rows == 12


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (page(ROWS, link="https://api.security.microsoft.com/api/answer?$skip=12"), "a link to more"),
        (says({"@odata.count": 15, "value": ROWS}), "12 of 15 rows"),
        (page([*ROWS, {"group": "g99", "score": None}]), "1 of 13 rows have no score"),
        (page([*ROWS, {"group": None, "score": 3}]), "have no group"),
    ],
)
def test_an_answer_that_is_not_the_whole_list_is_refused(answer, words, wire: Wire, client: DefenderClient, lake: Lake):
    wire.on(PATH, answer)
    with pytest.raises((IncompleteWalk, UndecodableResponse), match=words):
        refresh_dataset(GROUPS, client, lake)
    assert not lake.dates("groups")
