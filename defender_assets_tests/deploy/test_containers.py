"""The parts of the compose file as containers run them: an unprivileged user, a read-only disk, their own
commands and health checks, and a real PostgreSQL."""

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
import yaml

from defender_assets.lake import Lake
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..loopback import free_port
from ..serve.local_dagster import LocalDagster, eventually
from ..serve.postgresql import PostgreSQL, serving_postgresql
from .compose_file import FOLDER, composed
from .sandbox import Sandbox, require_sandbox

pytestmark = pytest.mark.slow


@dataclass
class Containers:
    """The services of the compose file, on loopback: names and ports that a container runtime would give are those of
    this machine instead."""

    folder: Path
    database: PostgreSQL
    settings: dict[str, str]
    ports: dict[str, int] = field(default_factory=lambda: {"3000": free_port(), "4000": free_port()})
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        variables = {"DAGSTER_PG_PASSWORD": "", "DEFENDER_TENANT_ID": "", "DEFENDER_CLIENT_ID": ""}
        self.services = composed("compose.yaml", variables)["services"]
        workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text())
        server = workspace["load_from"][0]["grpc_server"]
        assert (server["host"], str(server["port"])) == ("code", "4000")
        server["host"], server["port"] = "127.0.0.1", self.ports["4000"]
        (self.folder / "workspace.yaml").write_text(yaml.safe_dump(workspace))
        for volume in ("dagster", "lake", "state", "scratch"):
            (self.folder / volume).mkdir()
        (self.folder / "client_secret").write_text(self.settings["DEFENDER_CLIENT_SECRET"])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['3000']}"

    def sandbox(self, name: str) -> Sandbox:
        service = self.services[name]
        environment = dict(service["environment"]) | dict(self.database.settings)
        own = {"DEFENDER_LAKE": "lake", "DEFENDER_COMPUTE_TEMP": "scratch"}
        environment |= {"DAGSTER_HOME": "/var/lib/dagster", "DAGSTER_DISABLE_TELEMETRY": "1"}
        environment |= {variable: f"/var/lib/defender-assets/{folder}" for variable, folder in own.items()}
        environment["DEFENDER_BUDGET_FILE"] = "/var/lib/defender-assets/state/calls.sqlite"
        if name != "code":
            # The image has the folder; only the code location has a volume there.
            del environment["DEFENDER_COMPUTE_TEMP"]
        else:
            environment |= {key: value for key, value in self.settings.items() if key != "DEFENDER_CLIENT_SECRET"}
        writable, read_only = {}, {}
        for volume in service["volumes"]:
            source, inside, *mode = volume.split(":")
            if source == "./workspace.yaml":
                outside = self.folder / "workspace.yaml"
            else:
                outside = (FOLDER / source).resolve() if source.startswith(".") else self.folder / source
            (read_only if mode == ["ro"] else writable)[inside] = outside
        if "secrets" in service:
            # /run/secrets cannot be made on a read-only disk; the mount has another place, as the setting says.
            read_only["/tmp/client_secret"] = self.folder / "client_secret"
            assert environment["DEFENDER_CLIENT_SECRET"] == "file:/run/secrets/defender_client_secret"
            environment["DEFENDER_CLIENT_SECRET"] = "file:/tmp/client_secret"
        if authority := environment.get("DEFENDER_CA_BUNDLE"):
            read_only[authority] = Path(authority)
        return Sandbox(environment, writable, read_only)

    def start(self, name: str) -> None:
        command = [self._placed(word) for word in self.services[name]["command"]]
        words = self.sandbox(name).command(*command)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        eventually(lambda: self.healthy(name) or self.processes[name].poll() is not None, 120, f"{name} is healthy", 2)
        assert self.processes[name].poll() is None, self.log(name)

    def healthy(self, name: str) -> bool:
        """What the health check of the compose file says."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.sandbox(name).run(*map(self._placed, words)).returncode == 0

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, number)
            process.wait(timeout=60)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-3_000:]

    def _placed(self, word: str) -> str:
        if word == "code":
            return "127.0.0.1"
        return re.sub("3000|4000", lambda match: str(self.ports[match[0]]), word.replace("0.0.0.0", "127.0.0.1"))


@contextmanager
def running(folder: Path, settings: dict[str, str]) -> Iterator[Containers]:
    require_sandbox()
    with serving_postgresql() as database, ExitStack() as stack:
        containers = Containers(folder, database, settings)
        for name in ("code", "daemon", "webserver"):
            stack.callback(lambda name=name: name in containers.processes and containers.stop(name, signal.SIGKILL))
            containers.start(name)
        yield containers


def test_the_parts_run_as_nobody_on_a_read_only_disk_and_a_run_that_ends_with_its_container_is_made_again(
    tmp_path: Path,
) -> None:
    with (
        Simulator(SimulatedTenant(TenantShape(machines=40))) as simulator,
        running(tmp_path, dict(simulator.settings)) as containers,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in containers.database.settings.items():
            environment.setenv(name, value)
        (tmp_path / "dagster" / "dagster.yaml").write_bytes((FOLDER / "../postgresql/dagster.yaml").read_bytes())
        with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
            process = containers.processes["webserver"]
            served = LocalDagster(
                tmp_path / "dagster", containers.address, process, tmp_path / "webserver.log", instance
            )
            with pytest.raises(AssertionError, match="UnauthorizedError"):
                served.launch("machines")

            with pytest.raises(urllib.error.HTTPError, match="404"):
                # The lake is read: what is not there is not found, and what cannot be read would be a 503.
                urllib.request.urlopen(
                    f"{containers.address}/compliance_report/default/2026-01-01/report.html", timeout=30
                )
            assert containers.sandbox("webserver").run("touch", "/var/lib/defender-assets/lake/x").returncode != 0
            assert containers.sandbox("code").run("touch", "/var/lib/x", "/opt/x", "/usr/x", "/x").returncode != 0

            containers.stop("webserver")
            containers.services["webserver"]["command"].remove("--read-only")
            containers.start("webserver")
            simulator.control.latency(15.0)
            run = eventually(lambda: launched(served), 300, "a run can be launched")
            eventually(lambda: served.status(run) is dg.DagsterRunStatus.STARTED, 300, "the run goes on")
            containers.stop("code", signal.SIGKILL)
            simulator.control.latency(0.0)
            containers.start("code")
            eventually(lambda: served.status(run) is dg.DagsterRunStatus.FAILURE, 300, "its loss is noticed")
            eventually(lambda: made_again(served, run), 300, "what was ended is made again")
            lake = Lake(str(tmp_path / "lake"))
            eventually(lambda: lake.dates("machines"), 300, "and this time it is published")
        assert lake.rows("machines") == 40
        containers.stop("daemon")
        logs = "".join((tmp_path / f"{name}.log").read_text() for name in ("code", "daemon", "webserver"))
        assert containers.database.password not in logs
        assert simulator.settings["DEFENDER_CLIENT_SECRET"] not in logs


def launched(served: LocalDagster) -> str | None:
    try:
        return served.launch("machines")
    except (AssertionError, OSError):
        return None


def made_again(served: LocalDagster, run: str) -> list[dg.DagsterRun]:
    return [other for other in served.runs() if other.parent_run_id == run]
