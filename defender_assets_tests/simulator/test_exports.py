"""Export files: signed addresses, gzip parts, and the responses of the storage."""

import gzip
import json
from urllib.parse import urlsplit

import httpx
import pytest

from defender_assets.simulator.tenant.device_groups import GROUPS

PATHS = {
    "software_inventory": "/api/machines/SoftwareInventoryExport",
    "software_vulnerabilities": "/api/machines/SoftwareVulnerabilitiesExport",
    "secure_configuration": "/api/machines/SecureConfigurationsAssessmentExport",
}
VULNERABILITIES = PATHS["software_vulnerabilities"]


def lines(body: bytes) -> list[dict]:
    return [json.loads(line) for line in gzip.decompress(body).splitlines()] if body else []


@pytest.mark.parametrize("dataset", PATHS)
def test_the_parts_together_are_the_dataset(dataset, own, own_api, fetch):
    listed = own_api.get(PATHS[dataset]).json()
    assert list(listed) == ["@odata.context", "exportFiles", "generatedTime"]
    assert listed["generatedTime"] == "2026-11-23T12:01:00Z"
    answers = [fetch(address) for address in listed["exportFiles"]]
    assert {answer.status_code for answer in answers} == {200}
    assert [row for answer in answers for row in lines(answer.content)] == list(own.tenant.rows(dataset, "files"))


def test_parts_lie_by_group_under_the_time_of_the_snapshot_on_another_port(own, own_api):
    addresses = [urlsplit(address) for address in own_api.get(VULNERABILITIES).json()["exportFiles"]]
    assert {f"{a.scheme}://{a.netloc}" for a in addresses} == {own.storage_url} != {own.url}
    assert all("/2026-11-23/1201/VaExport/json/OrgId=" in address.path for address in addresses)
    groups = {int(address.path.partition("_RbacGroupId=")[2].partition("/")[0]) for address in addresses}
    assert groups - {99} <= {group.id for group in GROUPS}
    assert all("sig=" in address.query and "se=" in address.query for address in addresses)


def test_a_part_without_rows_is_empty_and_says_nothing_of_copying(own_api, fetch):
    empty = [fetch(address) for address in own_api.get(VULNERABILITIES).json()["exportFiles"] if "=99/" in address]
    assert [(answer.status_code, answer.content) for answer in empty] == [(200, b"")]
    assert "x-ms-copy-status" not in empty[0].headers


def test_a_part_is_gzip_without_saying_so(own_api, fetch):
    answer = fetch(own_api.get(VULNERABILITIES).json()["exportFiles"][0])
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_pending_part_is_empty_and_says_so(own, own_api, fetch):
    address = own_api.get(VULNERABILITIES).json()["exportFiles"][0]
    own.control.fault("pending", "storage", times=2)
    for _ in range(2):
        answer = fetch(address)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["x-ms-copy-status"] == "pending"
        assert answer.headers["x-ms-copy-progress"].startswith("0/")
    assert lines(fetch(address).content)


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/xml"
    assert "<Code>AuthenticationFailed</Code>" in answer.text
    return answer.text


def test_expired_and_forged_signatures_are_refused_in_xml(own, own_api, fetch):
    address = own_api.get(VULNERABILITIES).json()["exportFiles"][0]
    assert "Signature did not match" in refused(fetch(address.replace("se=2", "se=3")))
    assert "Signature did not match" in refused(fetch(address.replace("VaExport", "ScaExport")))
    own.control.expire_signatures()
    assert "Signature not valid in the specified key time frame: Key start [" in refused(fetch(address))
    assert lines(fetch(own_api.get(VULNERABILITIES).json()["exportFiles"][0]).content)


def test_a_bearer_at_the_storage_is_noted(own, own_api, fetch):
    address = own_api.get(VULNERABILITIES).json()["exportFiles"][0]
    fetch(address)
    assert own.control.violations() == []
    own_api.get(address)
    assert [violation["kind"] for violation in own.control.violations()] == ["bearer_at_storage"]


def test_old_addresses_go_on_naming_the_old_snapshot(own, own_api, fetch):
    before = own_api.get(VULNERABILITIES).json()
    expected = list(own.tenant.rows("software_vulnerabilities", "files"))
    own.control.remove_devices(5)
    own.control.regenerate_exports()
    after = own_api.get(VULNERABILITIES).json()
    assert after["generatedTime"] > before["generatedTime"]
    old = [row for address in before["exportFiles"] for row in lines(fetch(address).content)]
    new = [row for address in after["exportFiles"] for row in lines(fetch(address).content)]
    assert old == expected
    assert new == list(own.tenant.rows("software_vulnerabilities", "files"))
    assert len(new) < len(old)


def test_a_walk_stays_on_its_snapshot(own, own_api):
    expected = list(own.tenant.rows("software_vulnerabilities"))
    page = own_api.get("/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=700").json()
    rows = page["value"]
    own.control.remove_devices(5)
    own.control.regenerate_exports()
    while "@odata.nextLink" in page:
        page = own_api.get(page["@odata.nextLink"]).json()
        rows += page["value"]
    assert rows == expected


def test_a_token_of_a_forgotten_snapshot_is_refused(own, own_api):
    link = own_api.get("/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=7").json()["@odata.nextLink"]
    for _ in range(5):
        own.control.regenerate_exports()
    assert own_api.get(link).status_code == 400


def test_the_list_may_be_empty(own, own_api):
    own.control.fault("no_files", "software_vulnerabilities")
    assert own_api.get(VULNERABILITIES).json()["exportFiles"] == []


def test_unknown_blobs_are_not_found(own, own_api, fetch):
    assert fetch(f"{own.storage_url}/elsewhere").status_code == 404
    path = "/temp-0007/2026-11-23/1201/VaExport/json/OrgId=x/_RbacGroupId=0/part-00000-x.c000.json.gz"
    answer = fetch(f"{own.storage_url}{path}?{own.signatures.sign(path, 1)}")
    assert answer.status_code == 404
    assert "<Code>BlobNotFound</Code>" in answer.text
