"""Canaries: no text, repr, log record or traceback of ours has a secret, a token or a signature in it."""

import gzip
import logging
import pickle
import traceback

import pytest

from defender_assets.api import DefenderError, Export, cursor_pages
from defender_assets.api.errors import Refused
from defender_assets.catalog import DATASETS
from defender_assets.doctor import examine_service
from defender_assets.settings import Settings

from .conftest import connection_to
from .wire import DISCOVERY, SECRET, TOKEN, Reply, page, refusal, says, token_of

DATASET = DATASETS["software_vulnerabilities"]
FILES = DATASET.fetch.files
SIGNATURE = "canarySignature%2Bvalue%3D"
CURSOR = "canaryCursor"
CANARIES = [SECRET, "canarySignature", CURSOR, token_of().partition(".")[0], token_of().rpartition(".")[2]]


def link(wire, path=DATASET.path):
    return f"{wire.url}{path}?$skiptoken={CURSOR}&sig={SIGNATURE}"


def everything_about(error: BaseException) -> str:
    """What a log, a pickle or an error page could show: texts, chains, attributes, the objects of the frames."""
    seen, parts = error, []
    while seen is not None:
        parts += [str(seen), repr(seen), repr(getattr(seen, "__dict__", "")), str(seen.args)]
        parts += ["".join(traceback.format_exception(seen))]
        assert seen.__cause__ is None
        seen = seen.__context__
    return "\n".join(parts)


FAILURES = {
    "a refusal that quotes the token": lambda wire: wire.on(
        DATASET.path, refusal(403, "Forbidden", f"token {token_of()} sent with Bearer {token_of()} to {link(wire)}")
    ),
    "a fault that quotes the address": lambda wire: wire.on(
        DATASET.path,
        says({"error": {"code": "InternalServerError", "message": f"GET {link(wire)} sig={SIGNATURE}"}}, 500),
    ),
    "a second page that breaks off": lambda wire: wire.on(
        DATASET.path, page([1], link(wire)), Reply(200, b"{", promised=100)
    ),
    "a second page with a redirect": lambda wire: wire.on(
        DATASET.path, page([1], link(wire)), Reply(302, b"", {"Location": link(wire)})
    ),
    "a second page that is a web page": lambda wire: wire.on(
        DATASET.path, page([1], link(wire)), Reply(200, f"<a href='{link(wire)}'>".encode())
    ),
    "a link in circles": lambda wire: wire.on(DATASET.path, page([1], link(wire))),
    "a link elsewhere": lambda wire: wire.on(
        DATASET.path, page([1], f"https://evil.example/{token_of()}?$skiptoken={CURSOR}")
    ),
    "a link nobody can parse": lambda wire: wire.on(DATASET.path, page([1], f"https://[::{CURSOR}")),
    "a part that breaks off": lambda wire: parts(wire, Reply(200, gzip.compress(b"{}")[:5], promised=99)),
    "a part that is damaged": lambda wire: parts(wire, Reply(200, gzip.compress(b"{}\n")[:-3])),
    "a part that is refused": lambda wire: parts(
        wire, Reply(403, f"<Code>AuthenticationFailed</Code>{SIGNATURE}".encode())
    ),
    "a part with a redirect": lambda wire: parts(wire, Reply(307, b"", {"Location": link(wire)})),
    "a part that never comes": lambda wire: parts(wire, Reply(404)),
    "a storage that is broken": lambda wire: parts(wire, Reply(500, f"<Code>{SIGNATURE}</Code>".encode())),
    "a login that quotes the secret": lambda wire: wire.on(
        TOKEN, says({"error": "invalid_client", "error_description": f"AADSTS1: client_secret={SECRET} refused"}, 401)
    ),
    "a login that is no JSON": lambda wire: wire.on(TOKEN, Reply(200, f"<p>{token_of()}".encode())),
    "a discovery that is broken": lambda wire: wire.on(DISCOVERY, says({"token_endpoint": f"https://{SECRET}"})),
}


def parts(wire, reply):
    path = "/c/2026/part-0.json.gz"
    wire.on(FILES.path, says({"exportFiles": [f"{wire.url}{path}?sig={SIGNATURE}"], "generatedTime": "x"}))
    wire.on(path, reply)


@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_shows_a_secret(name, wire, opened, caplog, capfd):
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    logging.getLogger("msal").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    client = opened(connection_to(wire))
    FAILURES[name](wire)
    by_parts = "part" in name or "storage" in name
    walk = (
        (lambda: Export(client, DATASET, FILES))
        if by_parts
        else (lambda: cursor_pages(client, DATASET, params={"pageSize": "1"}))
    )
    with pytest.raises(DefenderError) as raised:
        list(walk())
    shown = everything_about(raised.value)
    shown += "\n".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    shown += repr(client) + repr(client.login) + repr(client.connection) + repr(client.login.__dict__)
    shown += "".join(capfd.readouterr())
    assert [canary for canary in CANARIES if canary in shown] == []


def test_a_diagnosis_shows_no_secret(wire, clock):
    for dataset in DATASETS.values():
        wire.on(dataset.path, refusal(400, "BadRequest", f"Bearer {token_of()} {link(wire)}"))
    diagnosis = examine_service(connection_to(wire), Settings.load(), clock=clock)
    shown = diagnosis.to_json() + repr(diagnosis)
    assert [canary for canary in CANARIES if canary in shown] == []


def test_a_success_logs_no_address_and_no_header(wire, opened, caplog):
    caplog.set_level(logging.DEBUG)
    client = opened(connection_to(wire))
    wire.on(DATASET.path, page([1], link(wire)), page([2]))
    list(cursor_pages(client, DATASET, params={"pageSize": "1"}))
    shown = "\n".join(record.getMessage() for record in caplog.records)
    assert [canary for canary in CANARIES if canary in shown] == []


def test_tokens_and_answers_do_not_show_in_repr(wire, client):
    wire.on("/api/machines", page([{"id": SECRET}]))
    answer = client.get("/api/machines", dataset=DATASETS["machines"], quota=DATASETS["machines"].quota)
    assert SECRET not in repr(answer)
    assert client.login.token().bearer not in repr(client.login.token())


def test_errors_survive_pickling_with_what_they_know():
    error = Refused("machines: refused", dataset="machines", remedy="Ask.", status=403)
    error.required = ("A",)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.dataset, again.status, again.required, again.reason) == ("machines", 403, ("A",), "missing_role")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": "InvalidInput", "message": f"community {SECRET}"}, "inside: InvalidInput"),
        (f"community {SECRET} is wrong", "inside: it does not say which"),
    ],
)
def test_an_error_beside_rows_that_may_hold_credentials_is_told_by_its_code(wire, opened, connection, error, told):
    scans = DATASETS["authenticated_scans"]
    wire.on(scans.path, says({"value": [], "error": error}))
    with pytest.raises(DefenderError) as raised:
        opened(connection).get(scans.path, dataset=scans, quota=scans.quota)
    assert str(raised.value).partition(";")[0].endswith(told)
    assert SECRET not in f"{raised.value!r} {vars(raised.value)}"
