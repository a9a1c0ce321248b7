"""The compliance reports as pages of the web server."""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import date
from urllib.parse import urljoin
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
    root = str(tmp_path / "lake") if request.param == "local" else f"memory://key:secret@pages-{uuid4().hex}"
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


def test_the_page_over_all_tenants_leads_to_theirs_by_the_names_of_the_folders(get, lake):
    Lake(os.environ["DEFENDER_LAKE"], "all").files.publish("compliance_report", DAY, "report.html", b"all")
    assert get(page_of("all", DAY)).content == b"all"
    link = f"../../tenant=north/snapshot_date={DAY}/report.html"
    answer = get(urljoin(page_of("all", DAY), link))
    assert (answer.status_code, answer.content) == (200, PAGE)


def test_the_files_beside_a_report_are_sent_or_the_store_that_has_them_is_named(get, lake):
    answer = get(page_of("north", DAY).replace("report.html", "devices.csv"))
    assert answer.status_code == 200
    if lake.root.startswith("memory://"):
        assert answer.text.startswith("devices.csv is at memory://pages-")
        assert "secret" not in answer.text
    else:
        assert answer.text == "device_id\n"


NOT_FOUND = 404, "There is no such report in the lake.\n"


@pytest.mark.parametrize(
    "path",
    [
        "north/2026-09-11/report.html",
        "south/2026-09-10/report.html",
        "all/2026-09-10/report.html",
        "-/2026-09-10/report.html",
        "north/today/report.html",
        "north/2026-09-10/findings.csv",
        "north/2026-09-10/secret.txt",
        "%2e%2e/2026-09-10/report.html",
        pytest.param(f"{'a' * 5_000}/2026-09-10/report.html", id="a name longer than any file's"),
    ],
)
def test_a_report_that_is_not_there_is_not_found(get, lake, path):
    lake.files.publish("compliance_report", DAY, "secret.txt", b"secret")
    answer = get(f"/compliance_report/{path}")
    assert (answer.status_code, answer.text) == NOT_FOUND


def test_a_path_that_is_not_a_reports_is_answered_by_dagsters_own_page(get, lake):
    answer = get("/compliance_report/north/2026-09-10/..%2Freport.html")
    assert answer.content.startswith(b"<!DOCTYPE html>")
    assert PAGE not in answer.content


@pytest.mark.parametrize("variable", ["DEFENDER_LAKE", "DEFENDER_REFRESH_HOUR"])
def test_a_lake_or_a_setting_that_cannot_be_read_is_not_a_missing_report(get, lake, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://user:secret@lake.example/")
    answer = get(page_of("north", DAY))
    assert answer.status_code == 503
    assert ("lake.example" if variable == "DEFENDER_LAKE" else variable) in answer.text
    assert "secret" not in answer.text


def test_dagsters_own_pages_stay(get):
    assert get("/server_info").json()["dagster_webserver_version"]
