"""Faults of lists, pages, links and files: what a request sees, and that the next one sees the truth again."""

import gzip
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from defender_assets.simulator.wire.faults import EVERY

MACHINES = "/api/machines"
INVENTORY = "/api/machines/SoftwareInventoryByMachine"
EXPORT = "/api/machines/SoftwareInventoryExport"
CHANGES = "/api/machines/SoftwareVulnerabilityChangesByMachine"


@pytest.fixture
def ids(own):
    return [row["id"] for row in own.tenant.rows("machines")]


def seen(api, query: str = "$top=10") -> list[str]:
    return [row["id"] for row in api.get(f"{MACHINES}?{query}").json()["value"]]


@pytest.mark.parametrize(
    ("kind", "how", "query", "wanted"),
    [
        ("order_reversed", {}, "$top=10", lambda ids: ids[::-1][:10]),
        ("order_rotated", {"rows": 3}, "$top=10&$skip=50", lambda ids: ids[53:] + ids[:3]),
        ("rows_swapped", {}, "$top=10&$skip=10", lambda ids: [*ids[10:19], ids[20]]),
        ("row_missing", {"row": 4}, "$top=10", lambda ids: ids[:4] + ids[5:11]),
        ("skip_ignored", {}, "$top=10&$skip=30", lambda ids: ids[:10]),
        ("skip_clamped", {"rows": 20}, "$top=10&$skip=30", lambda ids: ids[20:30]),
        ("page_short", {"rows": 3}, "$top=10&$skip=5", lambda ids: ids[5:8]),
        ("page_larger", {"rows": 3}, "$top=10&$skip=5", lambda ids: ids[5:18]),
        ("page_empty", {}, "$top=10", lambda ids: []),
        ("rows_dropped", {"rows": 2}, "$top=10", lambda ids: ids[:8]),
    ],
)
def test_a_list_in_another_order_or_of_another_length_for_one_request(kind, how, query, wanted, own, own_api, ids):
    own.control.fault(kind, "machines", **how)
    assert seen(own_api, query) == wanted(ids)
    assert seen(own_api) == ids[:10]


def test_each_request_shuffles_anew_and_the_same_seed_shuffles_alike(own, own_api, ids):
    own.control.fault("order_shuffled", "machines", times=2, seed=5)
    first, second = seen(own_api, "$top=100"), seen(own_api, "$top=100")
    assert sorted(first) == sorted(second) == sorted(ids)
    assert first != second
    own.control.fault("order_shuffled", "machines", seed=5)
    assert seen(own_api, "$top=100") == first


def test_a_row_that_the_tenant_does_not_have(own, own_api, ids):
    own.control.fault("row_extra", "machines", row=4)
    found = seen(own_api)
    assert found[:4] + found[5:] == ids[:9]
    assert found[4] not in ids


def test_two_rows_of_one_key_and_a_row_that_is_wrong_once(own, own_api):
    truth = list(own.tenant.rows("alerts"))
    own.control.fault("row_differs", "alerts")
    first, second, third = own_api.get("/api/alerts?$expand=evidence").json()["value"][:3]
    assert (first, third) == tuple(truth[:2])
    assert {name for name in first if first[name] != second[name]} == {"severity"}
    own.control.fault("row_wrong", "alerts")
    assert own_api.get("/api/alerts?$expand=evidence").json()["value"][0] == second


def test_a_page_that_was_cut_and_closed(own, own_api):
    whole = own_api.get("/api/vulnerabilities?$top=50").json()
    own.control.fault("cut_closed", "vulnerabilities", rows=7)
    cut = own_api.get("/api/vulnerabilities?$top=50").json()
    assert (cut["@odata.count"], len(cut["value"])) == (50, 43)
    assert cut["value"] == whole["value"][:43]
    own.control.fault("count_more", "machines", rows=7)
    more = own_api.get(f"{MACHINES}?$top=10").json()
    assert (more["@odata.count"], len(more["value"])) == (17, 10)


def test_errors_beside_among_and_after_rows(own, own_api):
    own.control.fault("error_beside", "machines")
    beside = own_api.get(f"{MACHINES}?$top=2").json()
    assert (len(beside["value"]), beside["error"]["code"]) == (2, "InternalServerError")
    own.control.fault("error_row", "machines")
    assert list(own_api.get(f"{MACHINES}?$top=2").json()["value"][2]) == ["error"]
    own.control.fault("error_after", "machines")
    with pytest.raises(json.JSONDecodeError, match="Extra data"):
        own_api.get(f"{MACHINES}?$top=2").json()
    own.control.fault("error_beside", "software_inventory")
    assert own_api.get(EXPORT).json()["error"]["code"] == "InternalServerError"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("link_missing", {}),
        ("cut_closed", {}),
        ("page_empty", {}),
        ("link_null", {"@odata.nextLink": None}),
        ("link_blank", {"@odata.nextLink": ""}),
        ("link_number", {"@odata.nextLink": 7}),
    ],
)
def test_pages_without_a_link_that_leads_anywhere(kind, wanted, own, own_api):
    own.control.fault(kind, "software_inventory", after=1, rows=2)
    page = own_api.get(own_api.get(f"{INVENTORY}?pageSize=10").json()["@odata.nextLink"]).json()
    assert {name: value for name, value in page.items() if "link" in name.lower()} == wanted


@pytest.mark.parametrize(
    ("kind", "how", "changed"),
    [
        ("link_other_list", {}, {"path": "/api/machines/SecureConfigurationsAssessmentByMachine"}),
        ("link_relative", {}, {"scheme": "", "netloc": ""}),
        ("link_port", {"port": 81}, {"netloc": "127.0.0.1:81"}),
        ("link_foreign", {}, {"netloc": "api.security.attacker.example"}),
    ],
)
def test_links_that_lead_elsewhere(kind, how, changed, own, own_api):
    true = urlsplit(own_api.get(f"{INVENTORY}?pageSize=10").json()["@odata.nextLink"])
    own.control.fault(kind, "software_inventory", **how)
    link = urlsplit(own_api.get(f"{INVENTORY}?pageSize=10").json()["@odata.nextLink"])
    assert link == true._replace(**changed)


def test_links_with_a_user_without_their_options_under_another_name_twice_or_back(own, own_api):
    address = f"{CHANGES}?sinceTime=2026-11-20T00:00:00Z&pageSize=10"
    true = own_api.get(address).json()["@odata.nextLink"]
    assert "sincetime" in parse_qs(urlsplit(true).query)
    own.control.fault("link_bare", "software_vulnerability_changes")
    assert list(parse_qs(urlsplit(own_api.get(address).json()["@odata.nextLink"]).query)) == ["$skiptoken"]
    own.control.fault("link_user", "software_vulnerability_changes")
    assert own_api.get(address).json()["@odata.nextLink"].startswith("https://user@127.0.0.1:")
    own.control.fault("link_renamed", "software_vulnerability_changes", name="odata.nextLink")
    assert own_api.get(address).json()["odata.nextLink"] == true
    own.control.fault("link_twice", "software_vulnerability_changes")
    assert own_api.get(address).text.count("@odata.nextLink") == 2
    own.control.fault("link_back", "software_vulnerability_changes")
    assert "skiptoken" not in own_api.get(address).json()["@odata.nextLink"]


def test_a_page_without_rows_whose_link_goes_on_from_there(own, own_api):
    truth = own_api.get(f"{INVENTORY}?pageSize=10").json()
    own.control.fault("link_unchanged_place", "software_inventory", times=2)
    first = own_api.get(f"{INVENTORY}?pageSize=10").json()
    second = own_api.get(first["@odata.nextLink"]).json()
    assert first["value"] == second["value"] == []
    assert first["@odata.nextLink"] != second["@odata.nextLink"]
    assert own_api.get(second["@odata.nextLink"]).json()["value"] == truth["value"]


def test_pages_by_cursor_that_are_shorter_or_larger_than_asked_for(own, own_api):
    truth = own_api.get(f"{INVENTORY}?pageSize=100").json()["value"]
    own.control.fault("page_short", "software_inventory", rows=4)
    short = own_api.get(f"{INVENTORY}?pageSize=10").json()
    assert short["value"] == truth[:4]
    own.control.fault("page_larger", "software_inventory", rows=4)
    assert own_api.get(short["@odata.nextLink"]).json()["value"] == truth[4:18]


def test_the_users_of_a_device_in_pages(own, own_api):
    device, users = next(
        (device, users)
        for device in own.tenant.fleet.devices(own.tenant.live)
        if len(users := own.tenant.users_of(device)) > 1
    )
    own.control.fault("users_paged", "machine_users", times=EVERY, rows=1)
    rows, link = [], f"{MACHINES}/{device.id}/logonusers"
    while link:
        page = own_api.get(link).json()
        assert len(page["value"]) == 1
        rows += page["value"]
        link = page.get("@odata.nextLink")
    assert rows == users


def test_bodies_that_unpack_to_far_more_than_their_size(own, own_api, fetch):
    own.control.fault("error_bomb", "machines", mebibytes=64)
    with own_api.stream("GET", MACHINES, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 503
        assert len(b"".join(answer.iter_raw())) < 1 << 20
    own.control.fault("blanks", "machines", mebibytes=2)
    answer = own_api.get(MACHINES)
    assert len(answer.content) > 2 << 20
    assert len(answer.json()["value"]) == 60
    address = own_api.get(EXPORT).json()["exportFiles"][0]
    lines = gzip.decompress(fetch(address).content)
    own.control.fault("blanks", "storage", mebibytes=2)
    assert gzip.decompress(fetch(address).content) == lines + b" " * (2 << 20)
    own.control.fault("error_bomb", "storage", mebibytes=64)
    assert fetch(address).status_code == 503


def test_rows_that_are_too_wide_too_deep_or_too_large(own, own_api):
    own.control.fault("unknown_members", "machines", members=50)
    assert len(own_api.get(f"{MACHINES}?$top=1").json()["value"][0]) > 60
    own.control.fault("nested", "machines", levels=2_000)
    assert b"[" * 2_000 in own_api.get(f"{MACHINES}?$top=1").content
    own.control.fault("large_entry", "alerts", mebibytes=1)
    evidence = own_api.get("/api/alerts?$top=1&$expand=evidence").json()["value"][0]["evidence"]
    assert len(evidence[0]["processCommandLine"]) == 1 << 20
    own.control.fault("large_entry", "machines", mebibytes=1)
    assert len(own_api.get(f"{MACHINES}?$top=1").json()["value"][0]["largeMember"]) == 1 << 20


def test_files_that_lack_something(own, own_api, fetch):
    addresses = own_api.get(EXPORT).json()["exportFiles"]
    own.control.fault("part_missing", "software_inventory", row=1)
    paths = [urlsplit(address).path for address in own_api.get(EXPORT).json()["exportFiles"]]
    assert paths == [urlsplit(address).path for number, address in enumerate(addresses) if number != 1]
    answer = fetch(addresses[0])
    lines, digest = gzip.decompress(answer.content).splitlines(), answer.headers["content-md5"]
    own.control.fault("part_members", "storage", members=3)
    assert gzip.decompress(fetch(addresses[0]).content).splitlines() == lines
    own.control.fault("part_member_lost", "storage", members=3)
    lost = fetch(addresses[0])
    assert len(gzip.decompress(lost.content).splitlines()) == pytest.approx(len(lines) * 2 / 3, abs=2)
    own.control.fault("rows_dropped", "storage", rows=2)
    dropped = fetch(addresses[0])
    assert gzip.decompress(dropped.content).splitlines() == lines[:-2]
    assert lost.headers["content-md5"] == dropped.headers["content-md5"] == digest
    own.control.fault("error_row", "storage")
    error = json.loads(gzip.decompress(fetch(addresses[0]).content).splitlines()[-1])
    assert list(error) == ["error"]
    own.control.fault("part_empty", "storage")
    empty = fetch(addresses[0])
    assert (empty.content, empty.headers["content-length"]) == (b"", "0")
    assert empty.headers["content-md5"] == "1B2M2Y8AsgTpgAmY7PhCfg=="


def test_ranges_of_a_file(own, own_api, fetch):
    addresses = own_api.get(EXPORT).json()["exportFiles"]
    whole = fetch(addresses[0]).content
    with httpx.Client(verify=own.ssl_context) as client:
        piece = client.get(addresses[0], headers={"Range": "bytes=10-19"})
        assert (piece.status_code, piece.content) == (206, whole[10:20])
        assert piece.headers["content-range"] == f"bytes 10-19/{len(whole)}"
        rest = client.get(addresses[0], headers={"Range": "bytes=10-"})
        assert (rest.status_code, rest.content) == (206, whole[10:])
        empty = client.get(addresses[-1], headers={"Range": "bytes=0-0"})
        assert (empty.status_code, empty.headers["content-range"]) == (416, "bytes */0")
        assert "<Code>InvalidRange</Code>" in empty.text
