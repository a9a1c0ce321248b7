"""The stores that references lead to, and an environment without any of them."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..peers import library
from .openbao import OpenBao, open_bao

AWS_KEY = "canary-aws-secret-access-key"


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


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """moto's server, for all tests of the session."""
    library("moto", "moto with flask and flask-cors, from PyPI")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    yield "http://{}:{}".format(*started.get_host_and_port())
    started.stop()


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client that makes secrets, and the environment that reads them."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_KEY)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.session.Session(region_name="eu-central-1").client("secretsmanager")
    yield client
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    client.close()
