"""Posting a message to a webhook on loopback."""

import pytest

from defender_assets.api.retry import RetryPolicy
from defender_assets.orchestration.notifications.webhook import WebhookRefused, body_of, post
from defender_assets.settings import Settings, SettingsError

from .test_message import MESSAGE

RETRY = RetryPolicy(attempts=3, first_wait=0.01)


@pytest.mark.parametrize(
    ("webhook_format", "expected"), [("slack", "blocks"), ("teams", "attachments"), ("auto", "blocks")]
)
def test_the_message_arrives_in_the_format_of_the_setting(webhook_format, expected, receiver, monkeypatch):
    monkeypatch.setenv("DEFENDER_WEBHOOK_FORMAT", webhook_format)
    post(MESSAGE, Settings.load())
    (message,) = receiver.messages
    assert expected in message


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("prod-1.westeurope.logic.azure.com", "attachments"),
        ("contoso.webhook.office.com", "attachments"),
        ("hooks.slack.com", "blocks"),
        ("notlogic.azure.com.example", "blocks"),
    ],
)
def test_without_a_format_the_host_of_the_address_decides(host, expected):
    assert expected in body_of(MESSAGE, "auto", host)


def test_the_address_may_be_a_secret_reference(receiver, monkeypatch, tmp_path):
    file = tmp_path / "webhook"
    file.write_text(receiver.address + "\n")
    monkeypatch.setenv("DEFENDER_WEBHOOK_URL", f"file:{file}")
    post(MESSAGE, Settings.load())
    assert len(receiver.messages) == 1


def test_a_receiver_that_is_busy_is_asked_again_and_gets_the_message_once(receiver):
    receiver.statuses = [503, 429, 200]
    post(MESSAGE, Settings.load(), RETRY)
    assert receiver.calls == 3
    assert len(receiver.messages) == 1


@pytest.mark.parametrize("statuses", [[404], [500]])
def test_a_receiver_that_refuses_is_an_error_without_its_address(statuses, receiver):
    receiver.statuses = statuses
    with pytest.raises(WebhookRefused) as refusal:
        post(MESSAGE, Settings.load(), RETRY)
    assert str(statuses[0]) in str(refusal.value)
    assert "very-secret-path" not in str(refusal.value)


@pytest.mark.parametrize(
    "address", ["http://chat.example.com/x", "http://chat.localhost/x", "nonsense", "https://", "file:/no/such/file"]
)
def test_an_address_that_cannot_be_used_names_the_setting_and_not_its_value(address, monkeypatch):
    monkeypatch.setenv("DEFENDER_WEBHOOK_URL", address)
    with pytest.raises(SettingsError, match="DEFENDER_WEBHOOK_URL") as refusal:
        post(MESSAGE, Settings.load())
    assert address not in str(refusal.value)


def test_without_a_webhook_nothing_is_posted():
    post(MESSAGE, Settings.load())
