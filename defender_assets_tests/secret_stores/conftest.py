"""The stores that references lead to, and an environment without any of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .openbao import OpenBao, open_bao


@pytest.fixture(autouse=True)
def no_stores_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable that reaches or opens a store, and a home folder without their files."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "AWS_", "VAULT_", "BAO_", "IDENTITY_", "IMDS_", "MSI_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """OpenBao, for all tests of the session."""
    with open_bao(tmp_path_factory.mktemp("bao")) as started:
        yield started


@pytest.fixture
def reached_bao(bao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """OpenBao, with the environment that reaches it; a test adds how to log in."""
    for name, value in bao.environment().items():
        monkeypatch.setenv(name, value)
    return bao
