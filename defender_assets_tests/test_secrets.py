"""Nothing secret is ever written: planted canaries are looked for in everything that a refresh leaves behind."""

from pathlib import Path

import pytest

from .cli.program import run


def leaks(folder: Path, canaries: list[str]) -> list[str]:
    """Files below the folder that hold a canary, as text or UTF-16."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        found += [f"{path.name}: {canary[:6]}…" for canary in canaries if canary.encode() in content]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("export_files", ["never", "always"])
def test_no_secret_token_or_signature_is_left_anywhere(export_files, own_settings, own_simulator, tmp_path):
    """Given a tenant where one role is missing, storage refuses and a page is broken, so that errors are told too."""
    own_settings.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    own_settings.setenv("DEFENDER_EXPORT_FILES", export_files)
    own_simulator.control.revoke_roles("Alert.Read.All")
    own_simulator.control.fault("error_in_200", "vulnerabilities", times=99)
    own_simulator.control.fault("link_foreign", "software_inventory", times=99)
    own_simulator.control.fault("expired_signature", times=99)
    done = run("refresh", "--select", "group:defender", timeout=300)
    assert done.returncode == 1

    canaries = own_simulator.control.secrets()
    assert len(canaries) >= 2  # the client secret and at least one token were really in use
    assert leaks(tmp_path, canaries) == []
    assert [canary[:6] for canary in canaries if canary in done.stdout + done.stderr] == []
