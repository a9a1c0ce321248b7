"""Whom the program talks to: the configured login, service, feeds and webhook, and nobody else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = (
    ("doctor",),
    ("refresh", "--select", "key:machines or key:kev"),
    ("tables",),
    ("query", "SELECT count(*) FROM machines"),
)

# Looking a name up and connecting are the two ways out of Python. Of what is not this machine the name is kept, and
# nothing is sent there.
WATCHED = """
import json, sys
asked = set()
def watch(event, arguments):
    if event not in ("socket.getaddrinfo", "socket.connect"):
        return
    host = arguments[0] if event == "socket.getaddrinfo" else arguments[1][0]
    host = host.decode() if isinstance(host, bytes) else host
    if isinstance(host, str) and not host.startswith("/"):
        asked.add(host)
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError("no way out")
sys.addaudithook(watch)
from click.testing import CliRunner
from defender_assets.cli import main
for words, environment in json.loads(sys.argv[1]):
    asked.clear()
    code = CliRunner(env=environment).invoke(main, words).exit_code
    print(json.dumps([code, sorted(asked)]))
"""


def test_only_the_configured_hosts_are_asked_for_anything(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    tenant_settings.setenv("DAGSTER_HOME", str(home))
    tenant_settings.delenv("DAGSTER_DISABLE_TELEMETRY")
    calls = [*((verb, {}) for verb in VERBS), (("doctor",), {"DEFENDER_KEV": "https://feeds.contoso.example/kev.json"})]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(calls)], capture_output=True, text=True, timeout=120, check=True
    )
    *seen, elsewhere = map(json.loads, done.stdout.splitlines())
    asked = {verb[0]: hosts for verb, (_, hosts) in zip(VERBS, seen, strict=True)}
    assert [code for code, _ in seen] == [0] * len(VERBS)
    assert asked == {"doctor": ["127.0.0.1"], "refresh": ["127.0.0.1"], "tables": [], "query": []}
    # what is asked for elsewhere would be seen
    assert elsewhere[1] == ["127.0.0.1", "feeds.contoso.example"]
    # Dagster's telemetry begins with a log of its own and an id of the installation
    assert (home / "history").exists()
    assert not (home / "logs" / "event.log").exists()
    assert not (home / ".telemetry").exists()
