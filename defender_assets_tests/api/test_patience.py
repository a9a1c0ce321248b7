"""How long somebody waits: nobody there, a service that is silent, one that is slow; and what is said meanwhile."""

import logging
import socket
import threading

import httpx
import pytest

from defender_assets.api import LoginError, ServiceFault, Unreachable, http
from defender_assets.api.retry import RetryPolicy
from defender_assets.catalog import DATASETS

from .conftest import connection_to
from .wire import DISCOVERY, TOKEN, Reply, page, refusal

MACHINES = DATASETS["machines"]
PATH = "/api/machines"


def ask(client):
    return client.get(PATH, dataset=MACHINES, quota=MACHINES.quota)


@pytest.fixture
def nobody():
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"https://localhost:{port}"


@pytest.fixture
def silent():
    """A route that does not answer before the test is over."""
    over = threading.Event()

    def reply(request):
        over.wait(20)
        return Reply(500)

    yield reply
    over.set()


def test_a_service_that_is_gone_is_waited_for_once(wire, opened, clock, nobody):
    """Given a service that is not there, then the first table tries a few times and the next ones once each."""
    client = opened(connection_to(wire, api_url=nobody))
    with pytest.raises(Unreachable):
        ask(client)
    waited = len(clock.slept)
    assert waited == 2
    with pytest.raises(Unreachable):
        ask(client)
    assert len(clock.slept) == waited
    clock.time += 3_600
    with pytest.raises(Unreachable):
        ask(client)
    assert len(clock.slept) == 2 * waited


def test_nobody_is_waited_for_beyond_a_minute(clock):
    """Given attempts that each take long, then their number does not matter."""

    def attempt():
        raise Unreachable("nobody")

    with pytest.raises(Unreachable):
        RetryPolicy(attempts=50, connect_attempts=50, first_wait=16.0, clock=clock).run(attempt)
    assert 0 < sum(clock.slept) <= 40


def test_a_service_that_is_silent_is_asked_twice(wire, opened, monkeypatch, silent):
    monkeypatch.setattr(http, "_READ_TIMEOUT", 0.3)
    client = opened(connection_to(wire))
    client.login.token()
    wire.on(PATH, silent)
    with pytest.raises(Unreachable, match="got no answer in time") as raised:
        ask(client)
    assert raised.value.silent
    assert raised.value.connected
    assert len(wire.requests_for(PATH)) == 2


def test_a_login_that_is_silent_is_asked_twice(wire, opened, monkeypatch, silent):
    monkeypatch.setattr(http, "_READ_TIMEOUT", 0.3)
    wire.on(DISCOVERY, silent)
    with pytest.raises(LoginError) as raised:
        ask(opened(connection_to(wire)))
    assert raised.value.reason == "unreachable"
    assert len(wire.requests_for(DISCOVERY)) == 2


def test_a_login_that_is_gone_is_told_soon(wire, opened, clock, nobody):
    with pytest.raises(LoginError):
        ask(opened(connection_to(wire, authority_url=nobody)))
    assert len(clock.slept) == 2


def test_a_login_that_fails_is_not_tried_again_by_the_request_that_needs_it(wire, client):
    wire.on(TOKEN, Reply(503))
    with pytest.raises(LoginError):
        ask(client)
    assert len(wire.logins()) == 4


def test_a_body_that_trickles_is_given_up(monkeypatch):
    """Given a byte in each half minute, then the end of a body of any size is out of sight."""
    seconds = iter(range(0, 10_000, 30))
    monkeypatch.setattr(http.time, "monotonic", lambda: next(seconds))
    received = []
    with pytest.raises(httpx.ReadTimeout):
        received.extend(http.steady(b"x" for _ in range(100)))
    assert next(seconds) <= 120
    assert b"".join(http.steady(b"x" * 100_000 for _ in range(20))) == b"x" * 2_000_000


@pytest.mark.parametrize(("wait", "level"), [("2", logging.INFO), ("30", logging.WARNING)])
def test_the_reason_of_a_long_wait_is_shown(wire, client, caplog, wait, level):
    caplog.set_level(logging.INFO, "defender_assets.api")
    wire.on(PATH, refusal(503, "ServerBusy", "try later", **{"Retry-After": wait}), page([]))
    ask(client)
    (record,) = caplog.records
    assert record.levelno == level
    assert "machines: GET /api/machines answered 503" in record.getMessage()
    assert f"Trying again in {wait} s" in record.getMessage()


def test_many_short_waits_are_shown_too(wire, opened, caplog):
    caplog.set_level(logging.INFO, "defender_assets.api")
    wire.on(PATH, *[refusal(503, "ServerBusy", "", **{"Retry-After": "8"})] * 6)
    with pytest.raises(ServiceFault):
        ask(opened(connection_to(wire)))
    levels = [record.levelno for record in caplog.records]
    assert levels[0] == logging.INFO
    assert levels[-1] == logging.WARNING
