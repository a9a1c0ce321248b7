"""``refresh_failures``: one message for each failed run, in the formats of Slack and Teams, to a receiver on
loopback."""

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from defender_assets.definitions import build_defs
from defender_assets.orchestration.notifications.failed_runs import notice_of, trouble_of
from defender_assets.orchestration.notifications.webhook import (
    Notice,
    Trouble,
    WebhookRefused,
    post,
    slack_body,
    teams_body,
)
from defender_assets.settings import Settings, SettingsError

from .receiver import Receiver, receiving
from .ticks import QUIET, today

SIGNED = "https://storage.example.com/part-0.json.gz?sv=2020&sig=abc%2Fdef%3D"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJyb2xlcyI6W119.c2lnbmF0dXJl"


@pytest.fixture
def receiver(monkeypatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("DEFENDER_WEBHOOK_URL", receiver.address)
        yield receiver


NOTICE = Notice(
    title="Defender refresh failed: machine_users",
    days="2026-03-02",
    troubles=(
        Trouble(
            "machine_users", "missing_role", "GET /api/machines was refused.", "Grant Machine.Read.All <now> & *here*"
        ),
    ),
    link="http://127.0.0.1:3000/runs/0000",
)


def test_slack_gets_text_and_blocks_with_its_three_characters_escaped():
    body = slack_body(NOTICE)
    assert set(body) == {"text", "blocks"}
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "context"]
    section = body["blocks"][1]["text"]
    assert section["type"] == "mrkdwn"
    assert "Grant Machine.Read.All &lt;now&gt; &amp; *here*" in section["text"]
    assert f"<{NOTICE.link}|Open the run>" in body["blocks"][2]["elements"][0]["text"]


def test_teams_gets_a_message_with_one_adaptive_card():
    body = teams_body(NOTICE)
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the run", "url": NOTICE.link}]
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert texts[:2] == [NOTICE.title, "machine_users (missing_role)"]
    assert texts[2].endswith("Grant Machine.Read.All <now> & *here*")


@pytest.mark.parametrize("build", [slack_body, teams_body])
def test_the_formats_limits_are_kept_however_much_failed(build):
    many = tuple(Trouble(f"table_{n}", "unexpected", "x" * 200 + ". " + "y" * 150, "do " * 60) for n in range(60))
    body = build(Notice("t" * 400, "", many, "http://127.0.0.1:3000/runs/0"))
    assert len(json.dumps(body)) < 28_000
    assert len(body.get("blocks", [])) <= 50
    for block in body.get("blocks", []):
        assert len(block.get("text", {}).get("text", "")) <= 3_000
    assert "and 50 more" in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("build", [slack_body, teams_body])
def test_no_secret_and_no_signed_address_leaves_in_a_message(build):
    what = f"GET {SIGNED} was refused with Bearer {TOKEN}"
    told = json.dumps(build(Notice("title", "", (Trouble("alerts", "unexpected", what, SIGNED),), "http://x/runs/0")))
    assert "storage.example.com" in told
    for secret in ("sig=", "abc%2Fdef", TOKEN, TOKEN[:12]):
        assert secret not in told


@pytest.mark.parametrize(
    ("written", "address", "expected"),
    [("slack", None, "blocks"), ("teams", None, "attachments"), ("auto", None, "blocks")],
)
def test_the_message_arrives_in_the_format_of_the_setting(written, address, expected, receiver, monkeypatch):
    monkeypatch.setenv("DEFENDER_WEBHOOK_FORMAT", written)
    post(NOTICE, Settings.load())
    (taken,) = receiver.taken
    assert expected in taken


def test_the_address_may_be_a_secret_reference(receiver, monkeypatch, tmp_path):
    file = tmp_path / "webhook"
    file.write_text(receiver.address + "\n")
    monkeypatch.setenv("DEFENDER_WEBHOOK_URL", f"file:{file}")
    post(NOTICE, Settings.load())
    assert len(receiver.taken) == 1


def test_a_receiver_that_is_busy_is_asked_again_and_gets_the_message_once(receiver):
    receiver.answers = [503, 429, 200]
    post(NOTICE, Settings.load())
    assert receiver.calls == 3
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("answers", [[404], [500]])
def test_a_receiver_that_refuses_is_told_of_without_its_address(answers, receiver):
    receiver.answers = answers
    with pytest.raises(WebhookRefused) as refusal:
        post(NOTICE, Settings.load())
    assert str(answers[0]) in str(refusal.value)
    assert "very-secret-path" not in str(refusal.value)


@pytest.mark.parametrize("address", ["http://chat.example.com/x", "nonsense", "https://", "file:/no/such/file"])
def test_an_address_that_cannot_be_used_names_the_setting_and_not_its_value(address, monkeypatch):
    monkeypatch.setenv("DEFENDER_WEBHOOK_URL", address)
    with pytest.raises(SettingsError, match="DEFENDER_WEBHOOK_URL") as refusal:
        post(NOTICE, Settings.load())
    assert address not in str(refusal.value)


def test_without_a_webhook_nothing_is_posted():
    post(NOTICE, Settings.load())


def failed_run(instance: dg.DagsterInstance, tables: list[str], **tags: str) -> dg.RunFailureSensorContext:
    """A run of these tables that fails, and the context in which the sensor sees it."""
    defs = build_defs()
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, partition_key=today(), asset_selection=[dg.AssetKey(name) for name in tables],
        run_config=QUIET, raise_on_error=False, tags={"defender/step_retries": "off", **tags},
    )  # fmt: skip
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    return dg.build_run_status_sensor_context(
        sensor_name="refresh_failures", dagster_event=result.get_run_failure_event(), dagster_instance=instance,
        dagster_run=run,
    ).for_run_failure()  # fmt: skip


def tell(context: dg.RunFailureSensorContext) -> object:
    return build_defs().resolve_sensor_def("refresh_failures")(context)


def test_a_failed_run_is_one_message_with_dataset_reason_remedy_and_link(
    instance, receiver, own_settings, own_simulator
):
    own_simulator.control.revoke_roles("Software.Read.All", "Alert.Read.All")
    own_settings.setenv("DEFENDER_UI_URL", "https://dagster.contoso.example/")
    context = failed_run(instance, ["machines", "software", "alerts"])
    tell(context)
    (taken,) = receiver.taken
    told = json.dumps(taken)
    for words in ("alerts", "software", "missing_role", "Software.Read.All", "Alert.Read.All", today()):
        assert words in told
    assert f"https://dagster.contoso.example/runs/{context.dagster_run.run_id}" in told
    for secret in own_simulator.control.secrets():
        assert secret not in told


def test_a_run_that_will_be_started_again_is_not_told_about(instance, receiver):
    told = tell(failed_run(instance, ["machines"], **{"dagster/will_retry": "true"}))
    assert isinstance(told, dg.SkipReason)
    assert receiver.taken == []


def test_a_refresh_that_was_asked_for_again_is_told_about_when_it_fails_for_another_reason(
    instance, receiver, own_settings, own_simulator
):
    why = {"defender/reason": "alert_changes:default:x"}
    own_simulator.control.revoke_roles("Alert.Read.All")
    tell(failed_run(instance, ["alerts"], **why, **{"defender/attempt": "1"}))
    tell(failed_run(instance, ["alerts"], **why, **{"defender/attempt": "2"}))
    assert len(receiver.taken) == 1
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "another-secret-than-before")
    tell(failed_run(instance, ["alerts"], **why, **{"defender/attempt": "3"}))
    assert len(receiver.taken) == 2


def test_a_broken_webhook_does_not_stop_the_next_message(instance, receiver):
    receiver.answers = [404, 200]
    for _ in range(2):
        tell(failed_run(instance, ["machines"]))
    assert receiver.calls == 2
    assert len(receiver.taken) == 1


def test_a_run_that_was_killed_has_a_message_too():
    notice = notice_of("abc", "__ASSET_JOB", {"dagster/partition": "2026-03-02|contoso"}, (), ui_url="http://h:1")
    assert "killed" in notice.text
    assert "2026-03-02, tenant contoso" in notice.text
    assert notice.link == "http://h:1/runs/abc"


def test_of_an_unexpected_error_only_the_kind_is_told(instance):
    @dg.op
    def broken() -> None:
        raise KeyError(SIGNED)

    @dg.job
    def breaking() -> None:
        broken()

    result = breaking.execute_in_process(instance=instance, raise_on_error=False)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    trouble = trouble_of("machines", event.step_failure_data)
    assert "KeyError" in trouble.sentence
    assert "storage.example.com" not in trouble.sentence
