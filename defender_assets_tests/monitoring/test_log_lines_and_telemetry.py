"""What a refresh tells programs: log lines in JSON, metrics and traces to a collector that the environment names."""

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from defender_assets.lake import Lake
from defender_assets.simulator import Simulator

from ..cli.program import run
from ..peers import library
from .collector import attributes, collecting

TABLES = "key:machines or key:machine_users or key:alerts or key:device_identity or key:software"
SECRET = "canary-of-the-collector"


def lines(text: str) -> list[dict[str, Any]]:
    """Every line, each of which is JSON."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def broken(own_settings: pytest.MonkeyPatch, own_simulator: Simulator) -> pytest.MonkeyPatch:
    """Settings of a tenant of which one table of the core is refused."""
    own_simulator.control.revoke_roles("Software.Read.All")
    return own_settings


def personal_names(lake: Lake) -> list[bytes]:
    """Who and what a label must not name."""
    devices = lake.read("machines", columns=["id", "computer_dns_name"]).to_pylist()
    users = lake.read("machine_users").to_pylist()
    names = [each["id"] for each in devices] + [each["computer_dns_name"] for each in devices]
    names += [str(user["account_name"]) for user in users if user.get("account_name")]
    return [name.encode() for name in names if name]


def test_a_refresh_tells_programs_what_it_did_and_nobody_s_name(broken: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library("opentelemetry.exporter.otlp.proto.http", "defender-assets[otel]")
    (tmp_path / ".env").write_text(f"OTEL_EXPORTER_OTLP_HEADERS=api-key={SECRET}\n")
    with collecting() as collector:
        environment = {"DEFENDER_LOG_FORMAT": "json", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        done = run("refresh", "--select", TABLES, **environment)
    assert (done.returncode, done.stdout) == (1, "")

    told = lines(done.stderr)
    tables = {line["dataset"]: line for line in told if line["logger"] == "defender_assets.refresh"}
    day = datetime.now(UTC).date().isoformat()
    machines = tables["machines"]
    assert {name: machines[name] for name in ("tenant", "status", "rows", "first_day", "last_day")} == {
        "tenant": "default", "status": "published", "rows": 40, "first_day": day, "last_day": day,
    }  # fmt: skip
    assert machines["calls"] > 0
    assert machines["bytes_received"] > 1_000
    assert machines["seconds"] > 0
    assert tables["machine_users"]["calls"] >= 40
    refused = tables["software"]
    assert (refused["level"], refused["status"], refused["reason"]) == ("error", "failed", "missing_role")
    assert "Software.Read.All" in refused["why"]
    assert tables["device_identity"]["calls"] == 0
    assert told[-1]["message"] == "the refresh has ended"
    assert "software" in told[-1]["failed"]
    assert told[-1]["calls"] >= sum(line["calls"] for line in tables.values()) - tables["alerts"]["calls"] + 1

    spans = collector.spans()
    by_id = {span.span_id: span for span in spans}
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "refresh"
    told_of_root = attributes(root)
    assert told_of_root["defender_assets.tenant"] == "default"
    assert told_of_root["defender_assets.tables"] == len(tables)
    assert told_of_root["defender_assets.failed"] == sum(line["status"] == "failed" for line in tables.values())
    assert told_of_root["defender_assets.rows"] == sum(line.get("rows", 0) for line in tables.values())
    assert told_of_root["defender_assets.calls"] == told[-1]["calls"]
    assert (told_of_root["error.type"], root.status.code) == ("table_failed", 2)
    assert {span.trace_id for span in spans} == {root.trace_id}
    (of_machines,) = [span for span in spans if span.name == "refresh machines"]
    assert by_id[of_machines.parent_span_id] is root
    assert attributes(of_machines)["defender_assets.rows"] == 40
    requests = [span for span in spans if span.parent_span_id == of_machines.span_id]
    assert len(requests) == machines["calls"]
    assert {span.name for span in requests} == {"GET"}
    assert attributes(requests[0])["http.response.status_code"] == 200
    (of_software,) = [span for span in spans if span.name == "refresh software"]
    assert of_software.status.code == 2
    assert attributes(of_software)["error.type"] == "missing_role"
    assert of_machines.start_time_unix_nano < of_machines.end_time_unix_nano

    metrics = collector.metrics()
    refreshes = {attributes(point)["table"]: attributes(point) for point in metrics["defender_assets.refreshes"]}
    assert refreshes["machines"] == {"tenant": "default", "table": "machines", "status": "published"}
    assert refreshes["software"]["error.type"] == "missing_role"
    rows = {attributes(point)["table"]: point.as_int for point in metrics["defender_assets.table.rows"]}
    assert rows["machines"] == 40
    of_requests = {attributes(point)["table"]: point for point in metrics["http.client.request.duration"]}
    assert of_requests["machine_users"].count >= 40
    assert collector.resource()["service.name"] == "defender-assets"

    assert all(headers["api-key"] == SECRET for headers in collector.headers)
    everything = collector.raw + done.stderr.encode()
    for secret in (SECRET, os.environ["DEFENDER_CLIENT_SECRET"], "eyJ", "Bearer "):
        assert secret.encode() not in everything
    assert [name for name in personal_names(Lake(tmp_path / "lake")) if name in everything] == []


def test_a_run_of_dagster_tells_the_same(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library("opentelemetry.exporter.otlp.proto.http", "defender-assets[otel]")
    own_settings.setenv("DEFENDER_LOG_FORMAT", "json")
    own_settings.setenv("DAGSTER_HOME", str(tmp_path))
    # The configuration that ships gives this project's log to Dagster too.
    ships = files("defender_assets.orchestration").joinpath("dagster.yaml").read_text(encoding="utf-8")
    (tmp_path / "dagster.yaml").write_text(ships, encoding="utf-8")
    day = datetime.now(UTC).date().isoformat()
    words = ["asset", "materialize", "-m", "defender_assets.definitions", "--select", "machines", "--partition", day]
    with collecting() as collector:
        own_settings.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        own_settings.setenv("OTEL_SERVICE_NAME", "defender-in-the-house")
        done = subprocess.run([sys.executable, "-m", "dagster", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Beside a warning of the command's own there is nothing that a program cannot read.
    assert " - dagster - " not in done.stderr
    everything = lines("\n".join(line for line in done.stderr.splitlines() if line.startswith("{")))
    told = [line for line in everything if line["logger"] == "defender_assets.refresh"]
    assert [(line["dataset"], line["rows"]) for line in told] == [("machines", 40)]
    assert [line["message"] for line in everything].count(told[0]["message"]) == 1
    spans = collector.spans()
    (root,) = [span for span in spans if span.name == "refresh"]
    (of_table,) = [span for span in spans if span.name == "refresh machines"]
    assert (root.parent_span_id, of_table.parent_span_id) == (b"", root.span_id)
    told_of_root = attributes(root)
    assert uuid.UUID(told_of_root["defender_assets.run_id"])
    assert (told_of_root["defender_assets.tables"], told_of_root["defender_assets.rows"]) == (1, 40)
    assert collector.resource()["service.name"] == "defender-in-the-house"


@pytest.mark.slow
def test_a_collector_that_is_gone_costs_one_warning(own_settings: pytest.MonkeyPatch) -> None:
    library("opentelemetry.exporter.otlp.proto.http", "defender-assets[otel]")
    with collecting() as collector:
        gone = f"http://somebody:{SECRET}@127.0.0.1:{collector.port}"
    done = run("refresh", "--select", "machines", OTEL_EXPORTER_OTLP_ENDPOINT=gone, DEFENDER_LOG_FORMAT="json")
    assert done.returncode == 0
    warnings = [line for line in lines(done.stderr) if line["logger"] == "defender_assets.telemetry"]
    assert len(warnings) == 1
    assert warnings[0]["message"].startswith("Metrics and traces could not be sent to the collector: ")
    assert SECRET not in done.stderr


@pytest.mark.slow
def test_nothing_is_sent_where_it_is_switched_off(own_settings: pytest.MonkeyPatch) -> None:
    library("opentelemetry.exporter.otlp.proto.http", "defender-assets[otel]")
    with collecting() as collector:
        off = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_SDK_DISABLED": "true"}
        assert run("refresh", "--select", "machines", **off).returncode == 0
        assert collector.raw == b""
