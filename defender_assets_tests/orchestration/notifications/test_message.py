"""What the message about a failed run says, and its form in Slack and Teams."""

import json

import dagster as dg
import pytest

from defender_assets.orchestration.notifications.message import (
    FailedTable,
    FailureMessage,
    failed_table,
    failure_message,
)
from defender_assets.orchestration.notifications.slack import slack_body
from defender_assets.orchestration.notifications.teams import teams_body
from defender_assets.orchestration.run_tags import FIRST_OF_RUN, LAST_OF_RUN, PARTITION, RANGE_END, RANGE_START

SIGNED = "https://storage.example.com/part-0.json.gz?sv=2020&sig=abc%2Fdef%3D"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJyb2xlcyI6W119.c2lnbmF0dXJl"
MESSAGE = FailureMessage(
    title="Defender refresh failed: machine_users",
    partitions="2026-03-02",
    tables=(
        FailedTable(
            "machine_users", "missing_role", "GET /api/machines was refused.", "Grant Machine.Read.All <now> & *here*"
        ),
    ),
    link="http://127.0.0.1:3000/runs/0000",
)


def test_slack_gets_text_and_blocks_with_its_three_characters_escaped():
    body = slack_body(MESSAGE)
    assert set(body) == {"text", "blocks"}
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "context"]
    section = body["blocks"][1]["text"]
    assert section["type"] == "mrkdwn"
    assert "Grant Machine.Read.All &lt;now&gt; &amp; *here*" in section["text"]
    assert f"<{MESSAGE.link}|Open the run>" in body["blocks"][2]["elements"][0]["text"]


def test_teams_gets_a_message_with_one_adaptive_card():
    body = teams_body(MESSAGE)
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the run", "url": MESSAGE.link}]
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert texts[:2] == [MESSAGE.title, "machine_users (missing_role)"]
    assert texts[2].endswith("Grant Machine.Read.All <now> & *here*")


@pytest.mark.parametrize("build", [slack_body, teams_body])
def test_the_formats_limits_are_kept_however_much_failed(build):
    many = tuple(FailedTable(f"table_{n}", "unexpected", "x" * 200 + ". " + "y" * 150, "do " * 60) for n in range(60))
    body = build(FailureMessage("t" * 400, "", many, "http://127.0.0.1:3000/runs/0"))
    assert len(json.dumps(body)) < 28_000
    assert len(body.get("blocks", [])) <= 50
    for block in body.get("blocks", []):
        assert len(block.get("text", {}).get("text", "")) <= 3_000
    assert "and 50 more" in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("build", [slack_body, teams_body])
def test_no_secret_and_no_signed_address_leaves_in_a_message(build):
    what = f"GET {SIGNED} was refused with Bearer {TOKEN}"
    text = json.dumps(
        build(FailureMessage("title", "", (FailedTable("alerts", "unexpected", what, SIGNED),), "http://x/runs/0"))
    )
    assert "storage.example.com" in text
    for secret in ("sig=", "abc%2Fdef", TOKEN, TOKEN[:12]):
        assert secret not in text


def test_a_run_that_was_killed_has_a_message_too():
    message = failure_message("abc", "__ASSET_JOB", {PARTITION: "2026-03-02|contoso"}, (), ui_url="http://h:1")
    assert "killed" in message.text
    assert "2026-03-02, tenant contoso" in message.text
    assert message.link == "http://h:1/runs/abc"


def test_tables_that_failed_for_one_reason_are_one_line_whatever_address_was_asked():
    tables = [
        FailedTable(name, "unexpected", f"GET https://api.example.com/api/{name} answered 500", "Try again later.")
        for name in ("alerts", "software")
    ]
    other = FailedTable("kev", "unreachable", "The feed is away", "Try again later.")
    message = failure_message("abc", "daily_refresh", {}, [*tables, other], ui_url="http://h:1")
    told = message.text.splitlines()[1:-1]
    assert [line.partition(" (")[0] for line in told] == ["alerts, software", "kev"]


@pytest.mark.parametrize(("first", "last"), [(RANGE_START, RANGE_END), (FIRST_OF_RUN, LAST_OF_RUN)])
def test_a_run_over_several_days_names_them_and_the_tenant_whether_they_are_partitions_or_not(first, last):
    def days(start, end):
        return failure_message("abc", "refresh_all", {first: start, last: end}, (), ui_url="http://h:1").partitions

    assert days("2026-03-02|contoso", "2026-03-04|contoso") == "2026-03-02 to 2026-03-04, tenant contoso"
    assert days("2026-03-02", "2026-03-04") == "2026-03-02 to 2026-03-04"
    assert days("2026-03-02", "2026-03-02") == "2026-03-02"


def test_of_an_unexpected_error_only_the_kind_is_mentioned(instance):
    @dg.op
    def broken() -> None:
        raise KeyError(SIGNED)

    @dg.job
    def breaking() -> None:
        broken()

    result = breaking.execute_in_process(instance=instance, raise_on_error=False)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    failed = failed_table(event)
    assert "KeyError" in failed.sentence
    assert "storage.example.com" not in failed.sentence
