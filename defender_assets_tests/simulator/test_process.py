"""In a process of its own: the ready file, the signals, the memory."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from defender_assets.simulator.__main__ import main

from .conftest import SCOPE

MIB = 1 << 20


@contextmanager
def started(ready: Path, *options: str) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    command = [sys.executable, "-m", "defender_assets.simulator", "--ready-file", str(ready), *options]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process, json.loads(ready.read_text())
        finally:
            process.terminate()
            process.wait(20)


def client(settings: dict[str, str]) -> httpx.Client:
    context = ssl.create_default_context(cafile=settings["DEFENDER_CA_BUNDLE"])
    form = {
        "grant_type": "client_credentials",
        "client_id": settings["DEFENDER_CLIENT_ID"],
        "client_secret": settings["DEFENDER_CLIENT_SECRET"],
        "scope": SCOPE,
    }
    address = f"{settings['DEFENDER_AUTHORITY_URL']}/{settings['DEFENDER_TENANT_ID']}/oauth2/v2.0/token"
    token = httpx.post(address, data=form, verify=context).json()["access_token"]
    return httpx.Client(
        base_url=settings["DEFENDER_API_URL"],
        verify=context,
        headers={"Authorization": f"Bearer {token}"},
        timeout=600,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_ready_file_appears_when_it_listens_and_a_signal_stops_it(number, tmp_path):
    ready = tmp_path / "ready.json"
    with started(ready, "--machines", "12", "--seed", "3") as (process, settings):
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        with client(settings) as api:
            assert len(api.get("/api/machines").json()["value"]) == 12
            folder = Path(settings["DEFENDER_CA_BUNDLE"]).parent
            assert folder.exists()
            process.send_signal(number)
            assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert not ready.exists()
        assert not folder.exists()


def test_a_port_that_is_taken_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "defender_assets.simulator", "--machines", "10", "--port", port],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} of 127.0.0.1 cannot be listened on")
    assert done.stderr.count("\n") == 1


def test_a_size_that_makes_no_sense_is_wrong_use(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--machines", "0"])
    assert exit_.value.code == 2
    assert "between 1 and" in capsys.readouterr().err


def peak_of(process: subprocess.Popen) -> int:
    """The most memory the process has had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is read from /proc")
@pytest.mark.parametrize(("machines", "most"), [(10_000, 300 * MIB), (100_000, 1_536 * MIB)])
def test_a_large_fleet_is_served_whole_in_little_memory(machines, most, tmp_path):
    with started(tmp_path / "ready.json", "--machines", str(machines)) as (process, settings), client(settings) as api:
        listed = 0
        for skip in range(0, machines, 10_000):
            with api.stream("GET", f"/api/machines?$top=10000&$skip={skip}") as page:
                listed += b"".join(page.iter_bytes()).count(b'"computerDnsName"')
        assert listed == machines
        address, rows = "/api/machines/SoftwareVulnerabilitiesByMachine", 0
        while address and rows < 20 * machines:
            body = api.get(address).content
            rows += body.count(b'"softwareVersion"')
            address = body[-700:].partition(b'"@odata.nextLink":"')[2].rstrip(b'"}').decode()
        assert rows >= 20 * machines
        for path in ("SoftwareInventoryExport", "SoftwareVulnerabilitiesExport"):
            with httpx.Client(verify=ssl.create_default_context(cafile=settings["DEFENDER_CA_BUNDLE"])) as storage:
                for part in api.get(f"/api/machines/{path}").json()["exportFiles"][: machines // 5_000]:
                    with storage.stream("GET", part, timeout=600) as answer:
                        assert sum(map(len, answer.iter_raw())) >= 0
        assert peak_of(process) < most
