"""The wire format of the service: encodings, envelopes, pages, links, refusals."""

import base64
import gzip
import json
import zlib
from datetime import timedelta

import httpx
import pytest

from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape
from defender_assets.simulator.tenant.installed_software import Census

from .conftest import AS_OF, client_of, parse_time, token_of, walked


def raw(client: httpx.Client, address: str, accept: str) -> tuple[httpx.Headers, bytes]:
    with client.stream("GET", address, headers={"Accept-Encoding": accept}) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join(answer.iter_raw())


def test_deflate_is_raw_without_the_zlib_header(api):
    headers, body = raw(api, "/api/machines?$top=5", "gzip, deflate")
    assert headers["content-encoding"] == "deflate"
    with pytest.raises(zlib.error):
        zlib.decompress(body)
    assert len(json.loads(zlib.decompress(body, -15))["value"]) == 5


def test_gzip_and_plain_are_the_same_body(api):
    headers, zipped = raw(api, "/api/machines?$top=5", "gzip")
    assert headers["content-encoding"] == "gzip"
    headers, plain = raw(api, "/api/machines?$top=5", "identity")
    assert "content-encoding" not in headers
    assert gzip.decompress(zipped) == plain
    assert json.loads(plain) == api.get("/api/machines?$top=5").json()


def test_headers_are_those_that_were_observed(api):
    answer = api.get("/api/machines?$top=1")
    expected = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
    assert answer.headers["content-type"] == expected
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("path", "dataset"),
    [
        ("/api/machines", "machines"),
        ("/api/v1.0/machines", "machines"),
        ("/API/Machines/", "machines"),
        ("/api/deviceavinfo", "av_health"),
        ("/api/software", "software"),
        ("/api/Vulnerabilities", "vulnerabilities"),
        ("/api/alerts?$expand=evidence", "alerts"),
        ("/api/machines/SoftwareInventoryByMachine?pageSize=777", "software_inventory"),
        ("/api/machines/softwareinventorybymachine", "software_inventory"),
        ("/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=1000", "software_vulnerabilities"),
        ("/api/machines/SecureConfigurationsAssessmentByMachine?pageSize=999", "secure_configuration"),
        (
            "/api/machines/SoftwareVulnerabilityChangesByMachine?pageSize=500&sinceTime=2026-11-09T18:00:00Z",
            "software_vulnerability_changes",
        ),
    ],
)
def test_following_the_links_gives_every_row_once_in_order(path, dataset, api, rows_of):
    assert walked(api, path) == rows_of(dataset)


def test_top_caps_the_whole_answer_and_suppresses_the_link(api, rows_of):
    page = api.get("/api/machines?$top=50&$skip=60").json()
    assert "@odata.nextLink" not in page
    assert page["value"] == rows_of("machines")[60:110]
    assert api.get("/api/machines?$top=50&$skip=200").json()["value"] == []
    capped = api.get("/api/machines/SoftwareInventoryByMachine?$top=10").json()
    assert len(capped["value"]) == 10
    assert "@odata.nextLink" not in capped


def test_the_antivirus_list_comes_in_twenties(api):
    page = api.get("/api/deviceavinfo").json()
    assert len(page["value"]) == 20
    assert page["@odata.nextLink"].endswith("/api/deviceavinfo?$skip=20")


def test_the_link_comes_last_bare_and_in_lower_case(api, service):
    answer = api.get("/api/machines/SoftwareInventoryByMachine?pageSize=5")
    assert list(answer.json()) == ["@odata.context", "value", "@odata.nextLink"]
    link = answer.json()["@odata.nextLink"]
    assert link.startswith(f"{service.url}/api/machines/SoftwareInventoryByMachine?pagesize=5&$skiptoken=")
    token = json.loads(base64.b64decode(link.partition("$skiptoken=")[2]))
    assert token == {
        "ExportDefinition": {"TimePath": "2026-11-23/1201/"},
        "ExportFileIndex": 0,
        "LineStoppedAt": 5,
    }


def test_a_link_works_encoded_and_bare(api):
    link = api.get("/api/machines/SoftwareInventoryByMachine?pageSize=7").json()["@odata.nextLink"]
    encoded = (
        link.replace("$", "%24").replace("=", "%3D").replace("%3D", "=", 1).replace("%24skiptoken%3D", "%24skiptoken=")
    )
    assert api.get(encoded).json()["value"] == api.get(link).json()["value"]


def test_count_is_the_size_of_the_page_and_only_some_lists_have_it(api):
    page = api.get("/api/vulnerabilities?$top=30").json()
    assert list(page) == ["@odata.context", "@odata.count", "value"]
    assert page["@odata.count"] == 30
    assert "@odata.count" not in api.get("/api/machines").json()


def test_the_vulnerability_list_has_three_forms_of_context(api):
    contexts = {api.get(f"/api/vulnerabilities?$top=9&$skip={9 * k}").json()["@odata.context"] for k in range(3)}
    assert len(contexts) == 3


def test_pages_of_8000_are_the_largest_of_vulnerabilities_and_come_without_asking(monkeypatch):
    big = SimulatedTenant(TenantShape(machines=9_000, as_of=AS_OF))
    # How many devices each CVE exposes takes seconds to count and does not matter here.
    monkeypatch.setattr(big.software, "census", lambda _: Census())
    with Simulator(big) as simulator, client_of(simulator) as client:
        page = client.get("/api/vulnerabilities").json()
        assert len(page["value"]) == page["@odata.count"] == 8_000
        assert page["@odata.nextLink"].endswith("/api/vulnerabilities?$skip=8000")
        assert client.get("/api/vulnerabilities?$top=8001").status_code == 400


def error_of(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "target"}
    return answer.status_code, error["code"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/machines?$top=10001", "ODataError"),
        ("/api/machines?$skip=1e%2B06", "ODataError"),
        ("/api/machines?$filter=agentVersion eq '1'", "ODataError"),
        ("/api/machines?$expand=evidence", "ODataError"),
        ("/api/machines/SoftwareInventoryByMachine?pageSize=200001", "BadRequest"),
        ("/api/machines/SoftwareInventoryByMachine?pageSize=x", "BadRequest"),
        ("/api/machines/SoftwareInventoryByMachine?$skiptoken=nonsense", "BadRequest"),
        ("/api/machines/SoftwareVulnerabilityChangesByMachine", "MissingRequiredParameter"),
        ("/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=yesterday", "InvalidInput"),
        ("/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=2026-10-01", "BadRequest"),
        ("/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=24", "BadRequest"),
    ],
)
def test_what_the_service_refuses(path, code, api):
    assert error_of(api.get(path)) == (400, code)


def test_things_that_are_not_there(api):
    assert error_of(api.get(f"/api/machines/{'0' * 40}/logonusers")) == (404, "ResourceNotFound")
    for answer in (api.get("/api/nothing"), api.get("/elsewhere"), api.get("/")):
        assert (answer.status_code, answer.content) == (404, b"")


def test_writing_is_answered_with_nothing_and_noted(own, own_api):
    answer = own_api.post("/api/machines")
    assert (answer.status_code, answer.content) == (405, b"")
    assert [violation["kind"] for violation in own.control.violations()] == ["write"]


def test_correlation_ids_have_both_forms(api):
    targets = [api.get("/api/machines?$top=99999").json()["error"]["target"] for _ in range(2)]
    assert {target.startswith("|") for target in targets} == {True, False}


def test_users_of_a_device_do_not_name_it(api, rows_of):
    device = next(row["machineId"] for row in rows_of("machine_users"))
    rows = api.get(f"/api/machines/{device}/logonusers").json()["value"]
    assert [{"machineId": device, **row} for row in rows] == [
        row for row in rows_of("machine_users") if row["machineId"] == device
    ]
    assert "machineId" not in rows[0]


def test_alerts_are_filtered_by_time_and_expanded(api, rows_of):
    since = AS_OF - timedelta(days=20)
    text = f"lastUpdateTime ge {since:%Y-%m-%dT%H:%M:%SZ} and severity ne 'Low'"
    rows = api.get("/api/alerts", params={"$filter": text, "$expand": "evidence", "$top": "1000"}).json()["value"]
    expected = [r for r in rows_of("alerts") if parse_time(r["lastUpdateTime"]) >= since and r["severity"] != "Low"]
    assert rows == expected
    assert 0 < len(rows) < 66


def test_the_delta_begins_with_the_window_that_contains_the_time(api, tenant):
    address = "/api/machines/SoftwareVulnerabilityChangesByMachine"
    rows = walked(api, f"{address}?sinceTime=2026-11-20T17:59:59Z")
    assert rows
    assert min(parse_time(row["eventTimestamp"]) for row in rows) >= AS_OF.replace(day=20, hour=12, minute=0, second=0)
    assert walked(api, f"{address}?sinceTime=2026-11-20T12%3A00%3A00Z&pageSize=300") == rows


def test_no_bearer_or_a_bad_one_is_401_and_a_foreign_audience_403(service):
    with httpx.Client(base_url=service.url, verify=service.ssl_context) as client:
        assert error_of(client.get("/api/machines")) == (401, "Unauthorized")
        bad = client.get("/api/machines", headers={"Authorization": "Bearer e30.e30.x"})
        assert error_of(bad) == (401, "Unauthorized")
        foreign = token_of(service, "https://graph.microsoft.com/.default")
        refused = client.get("/api/machines", headers={"Authorization": f"Bearer {foreign}"})
        assert error_of(refused) == (403, "Forbidden")
        assert refused.json()["error"]["message"] == ""
