"""One question: how it is sent, what counts as an answer, and when it is asked again."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.api import (
    BadRequest,
    BrokenAnswer,
    FeatureOff,
    ForeignHost,
    LoginError,
    NoLicence,
    NotFound,
    Refused,
    ServiceFault,
    Throttled,
    TokenRejected,
    Unreachable,
    UntrustedCertificate,
    WrongAudience,
    WrongHost,
)
from defender_assets.api.retry import retry_after_seconds
from defender_assets.catalog import DATASETS

from .conftest import connection_to
from .wire import Reply, Wire, packed, page, refusal, says

MACHINES = DATASETS["machines"]
PATH = "/api/machines"


def ask(client, path=PATH, **more):
    return client.get(path, dataset=MACHINES, quota=MACHINES.quota, **more)


def rows_of(answer):
    return json.loads(answer.body)["value"]


@pytest.mark.parametrize("how", ["gzip", "zlib", "raw"])
def test_a_body_is_unpacked_whatever_deflate_means_today(wire, client, how):
    wire.on(PATH, packed(page([{"id": str(n)} for n in range(5_000)]), how))
    assert len(rows_of(ask(client))) == 5_000
    assert wire.requests_for(PATH)[0].headers["accept-encoding"] == "gzip"


def test_only_get_is_ever_sent_to_the_api(wire, client):
    wire.on(PATH, page([]))
    ask(client, params={"$top": "1", "$filter": "riskScore eq 'High'"})
    (request,) = wire.requests_for(PATH)
    assert request.method == "GET"
    assert request.target == f"{PATH}?$top=1&$filter=riskScore%20eq%20'High'"


@pytest.mark.parametrize(
    "query",
    ["?$skip=8000", "?pagesize=2&$skiptoken=eyJF%3d%3D", "?$skiptoken=a+b/c==&x=%20y", "?$filter=a eq 'b'&c=|^`"],
)
def test_a_link_is_used_as_it_is(wire, client, query):
    wire.on(PATH, page([]))
    ask(client, f"{wire.url}{PATH}{query}")
    # A blank cannot stand in a request line; everything else arrives byte for byte.
    assert wire.requests_for(PATH)[0].target == f"{PATH}{query}".replace(" ", "%20")


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/machines",
        "https://api.security.microsoft.com.evil.example/x",
        "https://evilsecurity.microsoft.com/x",
        "https://api.security.microsoft.com@evil.example/x",
        "http://localhost/api/machines",
        "ftp://localhost/x",
        "https://x.blob.core.windows.net/part",
        "api/machines",
        "https://[::1/x",
    ],
)
def test_no_bearer_leaves_for_a_foreign_host(wire, client, link):
    with pytest.raises(ForeignHost):
        ask(client, link)
    assert wire.requests == []


@pytest.mark.parametrize("host", ["us.api.security.microsoft.com", "api-us3.securitycenter.microsoft.com"])
def test_the_clouds_own_hosts_may_get_the_bearer(connection, host):
    from defender_assets.api.hosts import may_get_bearer

    assert may_get_bearer(f"https://{host}/api/machines?$skip=1", connection)


def test_no_bearer_leaves_for_another_port(wire, client, opened):
    """Given a link to the API's host but another port, where anybody may listen, then nothing is sent there."""
    with pytest.raises(ForeignHost, match=f"localhost:{wire.port + 1}"):
        ask(client, f"https://localhost:{wire.port + 1}{PATH}")
    with pytest.raises(ForeignHost, match=r"microsoft\.com:8443"):
        ask(opened(connection_to(wire)), f"https://api.security.microsoft.com:8443{PATH}")
    assert wire.requests == []


@pytest.mark.parametrize(
    ("api", "link", "allowed"),
    [
        ("https://gateway.example", "https://gateway.example:443/x", True),
        ("https://gateway.example:443", "https://Gateway.example/x", True),
        ("https://gateway.example:8443", "https://gateway.example:8443/x", True),
        ("https://gateway.example:8443", "https://gateway.example/x", False),
        ("https://gateway.example:8443", "https://api.security.microsoft.com/x", True),
        ("https://gateway.example:8443", "https://api.security.microsoft.com:8443/x", False),
    ],
)
def test_where_the_bearer_may_go(wire, api, link, allowed):
    from defender_assets.api.hosts import may_get_bearer

    assert may_get_bearer(link, connection_to(wire, api_url=api)) is allowed


def test_a_redirect_is_an_error_and_not_followed(wire, client):
    wire.on(PATH, Reply(302, b"", {"Location": f"{wire.url}/elsewhere?sig=canary"}))
    with pytest.raises(WrongHost, match="redirect"):
        ask(client)
    assert wire.requests_for("/elsewhere") == []


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for_in_both_forms(wire, client, clock, form):
    now = datetime.now(UTC)
    header = "17" if form == "seconds" else format_datetime(now + timedelta(seconds=17), usegmt=True)
    limited = refusal(429, "TooManyRequests", "slow down", **{"Retry-After": header, "Date": format_datetime(now)})
    wire.on(PATH, limited, limited, page([{"id": "a"}]))
    assert rows_of(ask(client)) == [{"id": "a"}]
    assert len(clock.slept) == 2
    assert all(16 <= slept <= 18.5 for slept in clock.slept)


def test_a_retry_after_beyond_all_patience_is_told_at_once(wire, client, clock):
    wire.on(PATH, refusal(429, "TooManyRequests", "hourly", **{"Retry-After": "3000"}))
    with pytest.raises(Throttled) as raised:
        ask(client)
    assert raised.value.retry_after == 3000
    assert raised.value.retryable
    assert clock.slept == []


def test_an_endless_429_ends(wire, client, clock):
    wire.on(PATH, refusal(429, "TooManyRequests", "", **{"Retry-After": "5"}))
    with pytest.raises(Throttled):
        ask(client)
    assert len(wire.requests_for(PATH)) == 6


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_service_is_tried_again(wire, client, clock, status):
    wire.on(PATH, Reply(status, b"<html>bad gateway</html>", {"Content-Type": "text/html"}), page([1]))
    assert rows_of(ask(client)) == [1]
    assert len(clock.slept) == 1


def test_a_lasting_fault_is_told_with_its_status(wire, client):
    wire.on(PATH, Reply(503))
    with pytest.raises(ServiceFault, match=r"machines: GET /api/machines answered 503") as raised:
        ask(client)
    assert raised.value.status == 503
    assert raised.value.retryable


def test_a_body_that_breaks_off_is_asked_for_again(wire, client):
    whole = page([{"id": "a"}])
    wire.on(PATH, Reply(200, whole.body[:20], whole.headers, promised=len(whole.body)), whole)
    assert rows_of(ask(client)) == [{"id": "a"}]


@pytest.mark.parametrize("how", ["gzip", "zlib", "raw"])
def test_a_packed_body_without_its_end_is_asked_for_again(wire, client, how):
    whole = packed(page([{"id": str(n)} for n in range(1_000)]), how)
    wire.on(PATH, Reply(200, whole.body[: len(whole.body) // 2], whole.headers), whole)
    assert len(rows_of(ask(client))) == 1_000


def test_a_streamed_body_that_ends_in_the_middle_under_a_200_is_asked_for_again(wire, client):
    whole = page([{"id": "a"}, {"id": "b"}])
    wire.on(PATH, Reply(200, whole.body[:-12], whole.headers), whole)
    assert len(rows_of(ask(client))) == 2


def test_an_error_under_a_status_of_200_is_no_data(wire, client, clock):
    wire.on(PATH, refusal(200, "InternalServerError", "try later"), page([1]))
    assert rows_of(ask(client)) == [1]
    wire.on(PATH, refusal(200, "InternalServerError", "try later"))
    with pytest.raises(BrokenAnswer, match="try later"):
        ask(client)


def test_a_web_page_in_place_of_data_is_no_answer(wire, client):
    wire.on(PATH, Reply(200, b"<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"}))
    with pytest.raises(WrongHost, match="web page"):
        ask(client)


def test_a_token_that_is_not_taken_is_renewed_once(wire, client):
    wire.on(PATH, refusal(401, "Unauthorized", "token expired"), page([]))
    ask(client)
    assert len(wire.logins()) == 2
    first, second = wire.requests_for(PATH)
    assert first.bearer != second.bearer


def test_a_fresh_token_that_is_not_taken_is_final(wire, client):
    wire.on(PATH, refusal(401, "Unauthorized", "no"))
    with pytest.raises(TokenRejected):
        ask(client)
    assert len(wire.requests_for(PATH)) == 2


@pytest.mark.parametrize("message", ["No Tvm license", "Account mode is inactive"])
def test_a_missing_licence_is_told_from_a_bad_token(wire, client, message):
    wire.on(PATH, refusal(401, "Unauthorized", f"Unauthorized request - reason of failure: {message}"))
    with pytest.raises(NoLicence) as raised:
        ask(client)
    assert raised.value.reason == "no_licence"
    assert len(wire.requests_for(PATH)) == 1
    assert len(wire.logins()) == 1


@pytest.mark.parametrize(
    ("message", "granted"),
    [
        (
            "Missing application roles. API required roles: Machine.Read.All,Machine.ReadWrite.All, "
            "application roles: .",
            (),
        ),
        (
            "Missing application roles. API required roles: Machine.Read.All,Machine.ReadWrite.All, "
            "application roles: Alert.Read.All,Software.Read.All.",
            ("Alert.Read.All", "Software.Read.All"),
        ),
    ],
)
def test_a_missing_role_is_named(wire, client, message, granted):
    wire.on(PATH, refusal(403, "Forbidden", message))
    with pytest.raises(Refused) as raised:
        ask(client)
    assert raised.value.reason == "missing_role"
    assert raised.value.required == ("Machine.Read.All", "Machine.ReadWrite.All")
    assert raised.value.granted == granted
    assert "lacks the role Machine.Read.All" in str(raised.value)
    assert "grant admin consent" in raised.value.remedy
    assert not raised.value.retryable
    assert raised.value.dataset == "machines"


def test_a_bare_403_with_the_right_audience_is_the_missing_role(wire, client):
    wire.roles = ("Alert.Read.All",)
    wire.on(PATH, Reply(403))
    with pytest.raises(Refused, match=r"Machine\.Read\.All"):
        ask(client)


def test_a_bare_403_although_the_role_is_there_is_not_called_a_missing_role(wire, client):
    wire.on(PATH, refusal(403, "Forbidden", "The user is not authorized"))
    with pytest.raises(Refused) as raised:
        ask(client)
    assert raised.value.reason == "unexpected"


def test_a_token_for_another_service_is_named(wire, client):
    wire.audience = "https://api.security.microsoft.com"
    wire.on(PATH, refusal(403, "Forbidden", ""))
    with pytest.raises(WrongAudience, match="DEFENDER_SCOPE") as raised:
        ask(client)
    assert raised.value.reason == "wrong_audience"


def test_a_feature_that_is_off_is_named(wire, client):
    wire.on(PATH, refusal(403, "DisabledFeature", "Tenant feature is not enabled"))
    with pytest.raises(FeatureOff):
        ask(client)


def test_404_with_a_body_is_told_from_a_wrong_host(wire, client):
    wire.on(PATH, refusal(404, "ResourceNotFound", "no machines"))
    with pytest.raises(NotFound) as raised:
        ask(client)
    assert raised.value.code == "ResourceNotFound"
    wire.on(PATH, Reply(404))
    with pytest.raises(WrongHost):
        ask(client)


def test_a_question_that_is_not_understood_is_final(wire, client):
    wire.on(PATH, refusal(400, "ODataError", "The query specified in the URI is not valid."))
    with pytest.raises(BadRequest, match="not valid"):
        ask(client)
    assert len(wire.requests_for(PATH)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        b'{"error": "invalid"}',
        b'{"error": null}',
        b"[]",
        b"null",
        b'{"error":{"code":null,"message":null}}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_every_form_of_error_body_is_survived(wire, opened, status, body):
    from defender_assets.api import DefenderError

    client = opened(connection_to(wire), attempts=1)
    wire.on(PATH, Reply(status, body))
    with pytest.raises(DefenderError) as raised:
        ask(client)
    assert raised.value.status == status


def test_nobody_there_is_told_after_a_few_seconds(wire, opened, clock):
    # The login works, the API's port has nobody.
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = opened(connection_to(wire, api_url=f"https://localhost:{port}"))
    with pytest.raises(Unreachable, match="DEFENDER_API_URL") as raised:
        ask(client)
    assert raised.value.reason == "unreachable"
    assert sum(clock.slept) < 5


def test_an_untrusted_certificate_is_told_at_once(wire, opened):
    client = opened(connection_to(wire, ca_bundle=None))
    with pytest.raises(LoginError) as raised:
        ask(client)
    assert raised.value.reason == "tls_untrusted"
    assert "DEFENDER_CA_BUNDLE" in str(raised.value)


def test_an_untrusted_certificate_of_the_api_alone_is_told(wire, opened, tmp_path):
    (tmp_path / "other").mkdir()
    with Wire(tmp_path / "other") as other:
        client = opened(connection_to(wire, api_url=other.url))
        with pytest.raises(UntrustedCertificate):
            ask(client)


def test_a_certificate_for_another_name_is_not_trusted(wire, opened):
    client = opened(connection_to(wire, api_url=f"https://127.0.0.2:{wire.port}"))
    with pytest.raises((UntrustedCertificate, Unreachable)):
        ask(client)


def test_calls_and_bytes_are_counted_by_dataset(wire, client):
    reply = packed(page([{"id": "a"}]), "gzip")
    wire.on(PATH, reply)
    ask(client)
    ask(client)
    assert client.counted("machines").calls == 2
    assert client.counted("machines").bytes_received == 2 * len(reply.body)
    assert client.counted("alerts").calls == 0


def test_whether_a_list_is_longer_is_one_call(wire, client):
    wire.on(PATH, page([{"id": "a"}]))
    assert ask(client)
    wire.on(PATH, page([]))
    wire.on("/api/alerts", says({"error": "x"}))
    with pytest.raises(BrokenAnswer):
        client.has_more_than(5, DATASETS["alerts"])
    assert not client.has_more_than(5, MACHINES)
    assert wire.requests_for(PATH)[-1].target.endswith("?$top=1&$skip=5")


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_retry_after_means_the_same_in_seconds_and_as_a_date(seconds):
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(str(seconds), now=NOW) == retry_after_seconds(date, now=NOW) == seconds


@settings(deadline=None)
@given(st.text())
def test_no_retry_after_is_misread(text):
    seconds = retry_after_seconds(text, now=NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "nan", "inf", "1e400", "Wed, 99 Foo 2026 25:00:00 GMT"])
def test_odd_retry_after_headers(text):
    assert retry_after_seconds(text, now=NOW) in (None, 0.0)
