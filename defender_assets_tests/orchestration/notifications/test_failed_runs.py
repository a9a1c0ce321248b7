"""``refresh_failures``: one message for each failed run, posted to a webhook on loopback."""

import json

import dagster as dg

from defender_assets.definitions import build_defs
from defender_assets.orchestration.run_tags import ATTEMPT, REASON, STEP_RETRIES, WILL_RETRY

from ..automation.ticks import execute, today


def failed_run(instance: dg.DagsterInstance, tables: list[str], **tags: str) -> dg.RunFailureSensorContext:
    """A run of these tables that fails, and the context in which the sensor sees it."""
    tags = {STEP_RETRIES: "off", **tags}
    result = execute(build_defs(), tables, instance=instance, partition_key=today(), tags=tags)
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    return dg.build_run_status_sensor_context(
        sensor_name="refresh_failures", dagster_event=result.get_run_failure_event(), dagster_instance=instance,
        dagster_run=run,
    ).for_run_failure()  # fmt: skip


def run_sensor(context: dg.RunFailureSensorContext) -> object:
    return build_defs().resolve_sensor_def("refresh_failures")(context)


def test_a_failed_run_is_one_message_with_dataset_reason_remedy_and_link(
    instance, receiver, own_settings, own_simulator
):
    own_simulator.control.revoke_roles("Software.Read.All", "Alert.Read.All")
    own_settings.setenv("DEFENDER_UI_URL", "https://dagster.contoso.example/")
    context = failed_run(instance, ["machines", "software", "alerts"])
    run_sensor(context)
    (message,) = receiver.messages
    text = json.dumps(message)
    for words in ("alerts", "software", "missing_role", "Software.Read.All", "Alert.Read.All", today()):
        assert words in text
    assert f"https://dagster.contoso.example/runs/{context.dagster_run.run_id}" in text
    for secret in own_simulator.control.secrets():
        assert secret not in text


def test_tables_that_failed_for_one_reason_are_told_together(instance, receiver, own_settings):
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "wrong-but-long-enough")
    run_sensor(failed_run(instance, ["machines", "software", "alerts"]))
    (message,) = receiver.messages
    text = message["text"]
    assert text.count("the client secret is wrong") == 1
    for table in ("machines", "software", "alerts"):
        assert table in text


def test_a_run_that_will_be_started_again_has_no_message(instance, receiver):
    skipped = run_sensor(failed_run(instance, ["machines"], **{WILL_RETRY: "true"}))
    assert isinstance(skipped, dg.SkipReason)
    assert receiver.messages == []


def test_a_repeated_attempt_has_a_message_when_it_fails_for_another_reason(
    instance, receiver, own_settings, own_simulator
):
    why = {REASON: "alert_changes:default:x"}
    own_simulator.control.revoke_roles("Alert.Read.All")
    run_sensor(failed_run(instance, ["alerts"], **why, **{ATTEMPT: "1"}))
    run_sensor(failed_run(instance, ["alerts"], **why, **{ATTEMPT: "2"}))
    assert len(receiver.messages) == 1
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "another-secret-than-before")
    run_sensor(failed_run(instance, ["alerts"], **why, **{ATTEMPT: "3"}))
    assert len(receiver.messages) == 2


def test_a_broken_webhook_does_not_stop_the_next_message(instance, receiver):
    receiver.statuses = [404, 200]
    for _ in range(2):
        run_sensor(failed_run(instance, ["machines"]))
    assert receiver.calls == 2
    assert len(receiver.messages) == 1
