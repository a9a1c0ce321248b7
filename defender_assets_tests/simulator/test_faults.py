"""Faults happen as they were observed in the service, and as often as they were switched on for."""

import json
import time

import httpx
import pytest

from defender_assets.simulator.wire.faults import EVERY
from defender_assets.simulator.wire.row_faults import with_wrong_types

from .conftest import walked

INVENTORY = "/api/machines/SoftwareInventoryByMachine"


@pytest.mark.parametrize(
    ("kind", "how", "status", "code"),
    [
        ("status", {"status": 503}, 503, "InternalServerError"),
        ("status", {"status": 409, "code": "Conflict", "message": "words"}, 409, "Conflict"),
        ("throttled", {"seconds": 7}, 429, "TooManyRequests"),
        ("no_licence", {}, 401, "Unauthorized"),
        ("inactive_account", {}, 401, "Unauthorized"),
        ("feature_off", {}, 403, "DisabledFeature"),
        ("not_found", {}, 404, "ResourceNotFound"),
        ("error_in_200", {}, 200, "InternalServerError"),
    ],
)
def test_errors_of_the_api(kind, how, status, code, own, own_api):
    own.control.fault(kind, "machines", **how)
    answer = own_api.get("/api/machines")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"].get("message", "") == how.get("message", answer.json()["error"]["message"])
    if kind == "throttled":
        assert answer.headers["retry-after"] == "7"
    assert own_api.get("/api/machines").json()["value"]


def test_a_fault_strikes_its_dataset_so_many_times_after_so_many(own, own_api):
    own.control.fault("status", "alerts", times=2, after=1)
    assert own_api.get("/api/machines?$top=1").status_code == 200
    assert [own_api.get("/api/alerts?$top=1").status_code for _ in range(4)] == [200, 503, 503, 200]
    own.control.fault("status", times=EVERY)
    assert [own_api.get("/api/machines").status_code for _ in range(3)] == [503] * 3
    assert len(own.control.faults()) == 1
    own.control.clear_faults()
    assert own_api.get("/api/machines").status_code == 200


def test_pages_of_proxies(own, own_api):
    own.control.fault("html", "machines", status=502)
    answer = own_api.get("/api/machines")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    own.control.fault("empty_answer", "machines")
    answer = own_api.get("/api/machines")
    assert (answer.status_code, answer.content) == (404, b"")
    own.control.fault("redirect", "machines")
    answer = own_api.get("/api/machines")
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://api.security.attacker.example/api/machines"


def test_slow_answers(own, own_api):
    own.control.fault("slow", "machines", seconds=0.4)
    began = time.monotonic()
    assert own_api.get("/api/machines?$top=1").status_code == 200
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_connections_that_end(kind, own, own_api):
    own.control.fault(kind, "machines")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        own_api.get("/api/machines")
    assert own_api.get("/api/machines").json()["value"]


def test_a_body_that_is_not_whole_though_the_answer_is(own, own_api):
    own.control.fault("truncated", "machines", times=2)
    with own_api.stream("GET", "/api/machines", headers={"Accept-Encoding": "gzip"}) as answer:
        assert b"".join(answer.iter_raw())
    with pytest.raises((httpx.DecodingError, json.JSONDecodeError)):
        own_api.get("/api/machines").json()


def test_json_that_ends_in_the_middle(own, own_api):
    own.control.fault("malformed", "machines")
    with pytest.raises(json.JSONDecodeError):
        own_api.get("/api/machines").json()


@pytest.mark.parametrize("path", [f"{INVENTORY}?pageSize=100", "/api/deviceavinfo"])
def test_a_link_that_leads_back(path, own, own_api):
    own.control.fault("link_loop", times=EVERY)
    first = own_api.get(path).json()
    second = own_api.get(first["@odata.nextLink"]).json()
    assert second["value"] == first["value"]
    assert second["@odata.nextLink"] == first["@odata.nextLink"]


@pytest.mark.parametrize("path", [INVENTORY, "/api/machines"])
def test_a_link_past_the_end_on_and_on(path, own, own_api):
    own.control.fault("link_endless", times=EVERY)
    page, links = own_api.get(path).json(), set()
    for _ in range(4):
        link = page["@odata.nextLink"]
        assert link not in links
        links.add(link)
        page = own_api.get(link).json()
        assert page["value"] == []


@pytest.mark.parametrize("path", [f"{INVENTORY}?pageSize=10", "/api/deviceavinfo"])
def test_a_link_to_another_host(path, own, own_api):
    own.control.fault("link_foreign", times=EVERY)
    link = own_api.get(path).json()["@odata.nextLink"]
    assert link.startswith("https://api.security.attacker.example/api/")
    own.control.clear_faults()
    own.control.fault("link_foreign", target=own.storage_url)
    own_api.get(own_api.get(path).json()["@odata.nextLink"])
    assert {v["kind"] for v in own.control.violations()} == {"bearer_at_storage", "foreign_link_followed"}


def test_a_silent_cap(own, own_api):
    own.control.fault("silent_cap", times=EVERY, rows=25)
    page = own_api.get("/api/machines").json()
    assert len(page["value"]) == 25
    assert "@odata.nextLink" not in page
    assert len(own_api.get("/api/machines?$top=10&$skip=20").json()["value"]) == 5
    assert own_api.get("/api/machines?$top=10&$skip=30").json()["value"] == []
    page = own_api.get(INVENTORY).json()
    assert (len(page["value"]), "@odata.nextLink" in page) == (25, False)


def test_a_row_that_comes_twice(own, own_api):
    own.control.fault("repeated_row", "machines")
    rows = own_api.get("/api/machines").json()["value"]
    assert len(rows) == 61
    assert rows[0] == rows[1]


def test_a_device_leaves_between_two_pages(own, own_api):
    everyone = [row["id"] for row in own.tenant.rows("machines")]
    own.control.fault("drift_remove", "machines")
    first = own_api.get("/api/machines?$top=30").json()["value"]
    second = own_api.get("/api/machines?$top=30&$skip=30").json()["value"]
    read = [row["id"] for row in first + second]
    assert set(everyone) - set(read) == {everyone[30]}, "the device that slipped into the page already read is missed"


def test_a_device_arrives_between_two_pages(own, own_api):
    own.control.fault("drift_add", "machines")
    own_api.get("/api/machines?$top=30")
    assert len(own_api.get("/api/machines?$top=40&$skip=30").json()["value"]) == 31


def test_members_of_another_type(own, own_api):
    truth = list(own.tenant.rows("machines"))
    own.control.fault("wrong_types", "machines")
    rows = own_api.get("/api/machines").json()["value"]
    assert rows == [with_wrong_types(row, number) for number, row in enumerate(truth)]
    wrong = [(now, then) for now, then in zip(rows, truth, strict=True) if now != then]
    assert len(wrong) > 3
    assert all(now["id"] == then["id"] for now, then in wrong)


def test_a_member_that_no_row_has_any_more(own, own_api):
    own.control.fault("missing_member", "machines", member="osPlatform")
    assert not any("osPlatform" in row for row in own_api.get("/api/machines").json()["value"])


def test_faults_leave_no_trace_in_what_is_kept(own, own_api):
    for kind in ("wrong_types", "repeated_row", "link_foreign", "malformed", "truncated", "missing_member"):
        own.control.fault(kind, "software_inventory")
    own_api.get(f"{INVENTORY}?pageSize=100")
    assert walked(own_api, f"{INVENTORY}?pageSize=100") == list(own.tenant.rows("software_inventory"))


def test_the_storage_fails_too(own, own_api, fetch):
    address = own_api.get("/api/machines/SoftwareInventoryExport").json()["exportFiles"][0]
    whole = fetch(address).content
    own.control.fault("status", "storage", status=503)
    assert fetch(address).status_code == 503
    own.control.fault("truncated", "storage")
    assert len(fetch(address).content) < len(whole)
    for kind in ("cut", "reset"):
        own.control.fault(kind, "storage")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            fetch(address)
    own.control.fault("not_found", "storage")
    assert fetch(address).status_code == 404
    own.control.fault("expired_signature", "storage")
    assert fetch(address).status_code == 403
    assert fetch(address).content == whole


def test_the_login_fails_too(own):
    configuration = f"{own.url}/{own.tenant.shape.tenant_id}/v2.0/.well-known/openid-configuration"
    with httpx.Client(verify=own.ssl_context) as client:
        own.control.fault("status", "login", status=503)
        assert client.get(configuration).status_code == 503
        own.control.fault("throttled", "login", seconds=3)
        answer = client.get(configuration)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
        own.control.fault("reset", "login")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.get(configuration)
        assert client.get(configuration).status_code == 200


def test_an_unknown_kind_is_refused(own):
    with pytest.raises(ValueError, match="nonsense"):
        own.control.fault("nonsense")
