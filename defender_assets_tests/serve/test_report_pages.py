"""The compliance reports as pages of the web server."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date
from uuid import uuid4

import dagster as dg
import httpx
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget

from defender_assets.lake import Lake
from defender_assets.report import page_of
from defender_assets.serve.webserver import WebserverWithReports

DAY = date(2026, 9, 10)
PAGE = "<h1>Größe</h1>".encode()


@pytest.fixture(scope="module")
def get() -> Iterator[Callable[[str], httpx.Response]]:
    """Asks the web server for a path."""
    with (
        dg.instance_for_test() as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        application = WebserverWithReports(context).create_asgi_app()

        async def ask(path: str) -> httpx.Response:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.get(path)

        yield lambda path: asyncio.run(ask(path))


@pytest.fixture(params=["local", "object store"])
def lake(request, tmp_path, monkeypatch) -> Lake:
    root = str(tmp_path / "lake") if request.param == "local" else f"memory://pages-{uuid4().hex}"
    monkeypatch.setenv("DEFENDER_LAKE", root)
    lake = Lake(root, "north")
    lake.files.publish("compliance_report", DAY, "report.html", PAGE)
    lake.files.publish("compliance_report", DAY, "devices.csv", b"device_id\n")
    return lake


def test_a_report_opens_in_the_browser_and_is_of_no_origin(get, lake):
    answer = get(page_of("north", DAY))
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    sandbox = answer.headers["content-security-policy"].split()
    assert sandbox[0] == "sandbox"
    assert "allow-same-origin" not in sandbox
    # the files beside it: where they lie, if that is not on this machine
    devices = get(page_of("north", DAY).replace("report.html", "devices.csv"))
    assert devices.text == "device_id\n" or "devices.csv lies at memory://" in devices.text


@pytest.mark.parametrize(
    "path",
    [
        "north/2026-09-11/report.html",
        "south/2026-09-10/report.html",
        "all/2026-09-10/report.html",
        "north/today/report.html",
        "north/2026-09-10/findings.csv",
        "north/2026-09-10/secret.txt",
        "north/2026-09-10/..%2Freport.html",
        "%2e%2e/2026-09-10/report.html",
    ],
)
def test_what_is_no_report_is_not_found(get, lake, path):
    lake.files.publish("compliance_report", DAY, "secret.txt", b"secret")
    answer = get(f"/compliance_report/{path}")
    # what is no address of a report is Dagster's to answer
    is_dagsters = b"Dagster" in answer.content
    assert answer.status_code == 404 or is_dagsters or b"findings.csv lies at memory://" in answer.content
    assert PAGE not in answer.content
    assert b"secret" not in answer.content


def test_dagsters_own_pages_stay(get):
    assert get("/server_info").json()["dagster_webserver_version"]
