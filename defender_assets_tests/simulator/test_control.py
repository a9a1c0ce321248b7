"""The controls work in process and over HTTPS alike; the request log can be read; every secret is listed."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from defender_assets.simulator import Simulator

from .conftest import client_of, token_of


@pytest.fixture
def remote(own: Simulator):
    """Calls a control as another process would."""
    with httpx.Client(base_url=f"{own.url}/_control/", verify=own.ssl_context, timeout=60) as client:

        def call(verb: str, *arguments, **named):
            answer = client.post(verb, json={"arguments": arguments, "named": named})
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        call.client = client
        yield call


def test_everything_can_be_done_from_another_process(own, own_api, remote):
    assert "Alert.Read.All" not in remote("revoke_roles", "Alert.Read.All")
    assert own_api.get("/api/alerts").status_code == 403
    remote("fault", "status", "machines", status=500)
    assert own_api.get("/api/machines").status_code == 500
    gone = remote("remove_devices", count=2)
    assert not {row["id"] for row in own_api.get("/api/machines").json()["value"]} & set(gone)
    raised = remote("create_alerts", at="2026-11-20T08:00:00Z")
    assert remote("update_alert", raised[0], status="Resolved") == raised[0]
    assert remote("advance", days=1) == remote("as_of") == "2026-11-24T15:04:05+00:00"
    assert remote("regenerate_exports") > "2026-11-24"
    assert [entry["what"] for entry in remote("journal")] == [
        "remove_devices",
        "create_alerts",
        "update_alert",
        "advance",
        "regenerate_exports",
    ]
    assert remote("counters")["calls"] == {"alerts": 1, "machines": 2}
    assert ["GET", "/api/alerts", 403] in remote("requests")
    remote("reset_counters")
    assert remote("counters")["calls"] == {}


def test_what_only_reads_can_be_got(own, remote):
    assert remote.client.get("roles").json()["result"] == own.control.roles()


@pytest.mark.parametrize(("dataset", "form"), [("machines", "pages"), ("software_inventory", "files")])
def test_the_truth_can_be_read_from_another_process(dataset, form, own, remote):
    answer = remote.client.get("rows", params={"dataset": dataset, "form": form})
    assert [json.loads(line) for line in answer.text.splitlines()] == list(own.tenant.rows(dataset, form))


@pytest.mark.parametrize(
    ("verb", "content", "status"),
    [
        ("nothing", {}, 404),
        ("call", {"arguments": ["roles"]}, 404),
        ("_tenant", {}, 404),
        ("fault", {"arguments": ["nonsense"]}, 400),
        ("advance", {"named": {"years": 3}}, 400),
        ("remove_devices", {"named": {"ids": ["x"]}}, 400),
    ],
)
def test_what_is_no_control_is_refused(verb, content, status, remote):
    assert remote.client.post(verb, json=content).status_code == status
    assert remote.client.get("rows", params={"dataset": "nothing"}).status_code == 404
    assert remote.client.get("rows", params={"dataset": "machines", "form": "x"}).status_code == 400


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404)])
def test_controls_are_for_this_machine_only(address, status, own):
    async def ask() -> int:
        transport = httpx.ASGITransport(own.application, client=(address, 4_711))
        async with httpx.AsyncClient(transport=transport, base_url=own.url) as client:
            return (await client.get("/_control/roles")).status_code

    assert asyncio.run(ask()) == status


def test_every_secret_is_listed(own):
    secret = own.settings["DEFENDER_CLIENT_SECRET"]
    own.control.rotate_secret()
    token = token_of(own)
    with client_of(own) as client:
        address = client.get("/api/machines/SoftwareInventoryExport").json()["exportFiles"][0]
    signature = parse_qs(urlsplit(address).query)["sig"][0]
    encoded = address.partition("&sig=")[2]
    listed = own.control.secrets()
    assert {secret, own.settings["DEFENDER_CLIENT_SECRET"], token, signature, encoded} <= set(listed)
    assert all(len(canary) >= 20 for canary in listed)


def test_latency_is_of_every_answer(own, own_api):
    own.control.latency(0.3)
    assert own_api.get("/api/machines?$top=1").elapsed.total_seconds() >= 0.3


def test_rendering_ahead_changes_nothing(own, own_api, fetch):
    own.prepare()
    address = own_api.get("/api/machines/SoftwareInventoryExport").json()["exportFiles"][0]
    assert fetch(address).content


def test_licences_are_withdrawn_and_features_switched_off(own, own_api, remote):
    assert "browser_extensions" in remote("withdraw_licence", "add_on")
    remote("switch_off", "software")
    unlicensed = own_api.get("/api/Machines/BrowserExtensionsInventoryByMachine")
    assert (unlicensed.status_code, unlicensed.json()["error"]["message"].endswith("No Tvm license")) == (401, True)
    assert own_api.get("/api/Software").json()["error"]["code"] == "DisabledFeature"
    assert remote("grant_licence", "add_on") == remote("switch_on", "software") == []
    assert own_api.get("/api/Software").status_code == 200
