"""The doctor asks the service: one row for each dataset, each refusal with its reason and remedy."""

import json
import re
from dataclasses import replace

import pytest

from defender_assets.api import Budget
from defender_assets.catalog import DATASETS, CursorPages, Dataset, ExportFiles, OneAnswer, PerDevice
from defender_assets.doctor import examine_service
from defender_assets.settings import Settings

from ..api.conftest import connection_to
from ..api.wire import DISCOVERY, TOKEN, Reply, page, refusal, says

DEVICE = "a1" * 20


def lacks(role: str) -> Reply:
    return refusal(403, "Forbidden", f"Missing application roles. API required roles: {role}, application roles: .")


@pytest.fixture
def tenant(wire):
    """A tenant that answers everything."""
    for dataset in DATASETS.values():
        wire.on(dataset.path.replace("{device}", DEVICE), page([{"id": DEVICE}]))
    return wire


def rows(diagnosis) -> dict[str, dict]:
    return {row["dataset"]: row for row in diagnosis.to_dict()["datasets"]}


def test_all_is_well(tenant, clock):
    diagnosis = examine_service(connection_to(tenant), Settings.load(), clock=clock)
    findings = diagnosis.to_dict()
    assert findings["login"] == {"ok": True, "reason": "ok", "roles": ["Machine.Read.All"]}
    assert [row["dataset"] for row in findings["datasets"]] == list(DATASETS)
    assert all(
        row
        == {
            "dataset": row["dataset"],
            "permission": DATASETS[row["dataset"]].permission,
            "ok": True,
            "status": 200,
            "reason": "ok",
            "remedy": "",
        }
        for row in findings["datasets"]
    )
    assert diagnosis.ok
    assert json.loads(diagnosis.to_json()) == findings


def test_each_dataset_is_asked_one_cheap_question(tenant, clock):
    examine_service(connection_to(tenant), Settings.load(), clock=clock)
    for dataset in DATASETS.values():
        (request,) = tenant.requests_for(dataset.path.replace("{device}", DEVICE))
        query = request.target.partition("?")[2]
        match dataset.fetch:
            case PerDevice():
                assert query == ""
            case CursorPages(since=None):
                assert query == "pageSize=1"
            case CursorPages(since=since):
                assert re.fullmatch(rf"pageSize=1&{since}=\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", query)
            case ExportFiles() | OneAnswer():
                assert query == ""
            case _:
                assert query == "$top=1"
    assert len(tenant.logins()) == 1


def test_a_device_is_made_up_where_machines_cannot_be_read(tenant, clock):
    users = DATASETS["machine_users"]
    tenant.on(
        "/api/machines",
        lacks("Machine.Read.All"),
    )
    tenant.on(users.path.replace("{device}", "0" * 40), refusal(404, "ResourceNotFound", "Machine was not found"))
    findings = rows(examine_service(connection_to(tenant), Settings.load(), clock=clock))
    assert findings["machines"]["reason"] == "missing_role"
    assert findings["machine_users"]["ok"]
    assert findings["machine_users"]["status"] == 404


def test_a_dataset_of_devices_alone_finds_its_device(tenant, clock):
    findings = rows(examine_service(connection_to(tenant), Settings.load(), [DATASETS["machine_users"]], clock=clock))
    assert list(findings) == ["machine_users"]
    assert findings["machine_users"]["status"] == 200


def test_an_empty_tenant_is_well(tenant, clock):
    tenant.on("/api/machines", refusal(404, "NotFound", "no recent machines"))
    tenant.on(DATASETS["machine_users"].path.replace("{device}", "0" * 40), refusal(404, "ResourceNotFound", "x"))
    assert examine_service(connection_to(tenant), Settings.load(), clock=clock).ok


@pytest.mark.parametrize(
    ("reply", "reason", "status", "word"),
    [
        (
            lacks("Alert.Read.All"),
            "missing_role",
            403,
            '"WindowsDefenderATP"',
        ),
        (refusal(403, "DisabledFeature", "Tenant feature is not enabled"), "feature_off", 403, "Advanced features"),
        (refusal(401, "Unauthorized", "reason of failure: No Tvm license"), "no_licence", 401, "licence"),
        (refusal(401, "Unauthorized", "reason of failure: Account mode is inactive"), "no_licence", 401, "licence"),
        (Reply(404), "wrong_host", 404, "DEFENDER_API_URL"),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "wrong_host", 200, "proxy"),
        (refusal(429, "TooManyRequests", "", **{"Retry-After": "30"}), "throttled", 429, "30 seconds"),
        (refusal(429, "TooManyRequests", "", **{"Retry-After": "1"}), "throttled", 429, "1 seconds"),
        (refusal(400, "ODataError", "bad"), "unexpected", 400, "report"),
        (Reply(500), "unexpected", 500, "later"),
        (refusal(401, "Unauthorized", ""), "unexpected", 401, "DEFENDER_SCOPE"),
        (Reply(200, b'{"val', {"Content-Type": "application/json"}), "unexpected", 200, "report"),
    ],
)
def test_each_refusal_has_its_reason_and_remedy(tenant, clock, reply, reason, status, word):
    tenant.on("/api/alerts", reply)
    diagnosis = examine_service(connection_to(tenant), Settings.load(), clock=clock)
    findings = rows(diagnosis)
    row = findings.pop("alerts")
    assert (row["ok"], row["reason"], row["status"]) == (False, reason, status)
    assert word in row["remedy"]
    assert row["permission"] == "Alert.Read.All"
    assert all(other["ok"] for other in findings.values())
    assert not diagnosis.ok


def test_a_wrong_audience_is_told_for_each_dataset(tenant, clock):
    tenant.audience = "https://api.security.microsoft.com"
    for dataset in DATASETS.values():
        for device in (DEVICE, "0" * 40):
            tenant.on(dataset.path.replace("{device}", device), refusal(403, "Forbidden", ""))
    diagnosis = examine_service(connection_to(tenant), Settings.load(), clock=clock)
    assert diagnosis.login.ok
    assert {row["reason"] for row in rows(diagnosis).values()} == {"wrong_audience"}


@pytest.mark.parametrize(
    ("path", "reply", "reason", "dataset_reason"),
    [
        (TOKEN, says({"error": "invalid_client", "error_codes": [7000215]}, 401), "bad_secret", "unexpected"),
        (TOKEN, says({"error": "invalid_client", "error_codes": [7000222]}, 401), "expired_secret", "unexpected"),
        (
            TOKEN,
            says({"error": "x", "error_codes": [700016]}, 400),
            "unknown_application",
            "unexpected",
        ),
        (DISCOVERY, says({"error": "invalid_tenant", "error_codes": [90002]}, 400), "unknown_tenant", "unexpected"),
        (TOKEN, Reply(500), "unexpected", "unexpected"),
    ],
)
def test_without_a_login_every_dataset_has_a_row_all_the_same(tenant, clock, path, reply, reason, dataset_reason):
    tenant.on(path, reply)
    diagnosis = examine_service(connection_to(tenant), Settings.load(), clock=clock)
    findings = diagnosis.to_dict()
    assert findings["login"] == {"ok": False, "reason": reason, "roles": []}
    assert diagnosis.login.remedy
    assert [row["dataset"] for row in findings["datasets"]] == list(DATASETS)
    assert {(row["ok"], row["status"], row["reason"]) for row in findings["datasets"]} == {
        (False, None, dataset_reason)
    }
    assert all(row["remedy"].startswith("The login has to work first.") for row in findings["datasets"])


def test_nobody_there(tenant, clock):
    diagnosis = examine_service(connection_to(tenant, api_url="https://localhost:1"), Settings.load(), clock=clock)
    assert diagnosis.login.ok
    assert {(row["reason"], row["status"]) for row in rows(diagnosis).values()} == {("unreachable", None)}


def test_a_login_that_cannot_be_reached_or_trusted(tenant, clock):
    away = examine_service(connection_to(tenant, authority_url="https://localhost:1"), Settings.load(), clock=clock)
    assert away.login.reason == "unreachable"
    untrusted = examine_service(connection_to(tenant, ca_bundle=None), Settings.load(), clock=clock)
    assert untrusted.login.reason == "tls_untrusted"
    assert {row["reason"] for row in rows(untrusted).values()} == {"unreachable"}


def test_a_spent_budget_is_reported_and_not_waited_for(tenant, clock):
    connection = connection_to(tenant)
    with Budget.of(connection, clock=clock) as budget:
        budget.throttled(DATASETS["machines"].quota, 300)
    findings = rows(examine_service(connection, Settings.load(), clock=clock))
    assert findings["machines"]["reason"] == "throttled"
    assert findings["alerts"]["ok"]
    assert sum(clock.slept) < 5


def test_a_dataset_that_is_declared_elsewhere_is_examined_too(tenant, clock):
    added: Dataset = replace(DATASETS["software"], name="added", path="/api/added", permission="Added.Read.All")
    tenant.on("/api/added", Reply(403))
    (row,) = rows(examine_service(connection_to(tenant), Settings.load(), [added], clock=clock)).values()
    assert row["permission"] == "Added.Read.All"
    assert "Added.Read.All" in row["remedy"]


EXTRA: Dataset = replace(
    DATASETS["software"], name="extra", path="/api/extra", permission="Extra.Read.All", licence="Z"
)


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (lacks("Extra.Read.All"), "missing_role", ("Extra.Read.All", "own plans: Z")),
        (refusal(401, "Unauthorized", "reason of failure: No Tvm license"), "no_licence", ("own plans: Z",)),
        (refusal(403, "Forbidden", "No Tvm license"), "no_licence", ("own plans: Z",)),
        (refusal(403, "DisabledFeature", "Tenant feature is not enabled"), "feature_off", ("Advanced features",)),
    ],
)
def test_beside_the_core_a_refusal_is_no_failure_unless_the_dataset_was_fetched(tenant, clock, reply, reason, words):
    tenant.on("/api/extra", reply)
    connection, datasets = connection_to(tenant), [DATASETS["machines"], EXTRA]
    diagnosis = examine_service(connection, Settings.load(), datasets, clock=clock)
    assert diagnosis.ok
    assert diagnosis.to_dict()["absent"] == ["extra"]
    row = rows(diagnosis)["extra"]
    assert (row["ok"], row["reason"]) == (False, reason)
    assert all(word in row["remedy"] for word in words)
    lost = examine_service(connection, Settings.load(), datasets, was_fetched=lambda name: name == "extra", clock=clock)
    assert not lost.ok
    assert lost.to_dict()["absent"] == []
    assert "add !extra to DEFENDER_DATASETS" in rows(lost)["extra"]["remedy"]


def test_what_is_not_chosen_is_not_asked_for(tenant, clock, monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", "!alerts")
    diagnosis = examine_service(connection_to(tenant), Settings.load(), clock=clock)
    assert diagnosis.ok
    row = rows(diagnosis)["alerts"]
    assert (row["ok"], row["status"], row["reason"]) == (False, None, "not_chosen")
    assert tenant.requests_for("/api/alerts") == []
