"""Canaries: of every kind of credential and store, nothing is left in anything that a refresh writes or prints."""

import json
import logging
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import requests
import yaml

from ..api.certificates import new_certificate
from ..cli.program import invoke, run
from ..loopback import Answer, Request, answering
from ..test_secrets import leaks
from .conftest import AWS_KEY
from .key_vault import CLIENT, SECRET, TENANT, open_key_vault
from .openbao import ROOT_TOKEN

pytestmark = pytest.mark.slow
HEADER = "canary-header-of-the-machine"
OTHERS = "canary-beside-it"
KINDS = ("env", "file", "vault", "aws", "keyvault", "pem-in-vault", "pfx-in-keyvault", "token-file", "identity")


@pytest.fixture
def machine(own_simulator, monkeypatch):
    """The identity endpoint of an App Service: its tokens are those of the simulated login."""
    settings = own_simulator.settings

    def answer(_: Request) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": settings["DEFENDER_CLIENT_ID"],
            "client_secret": own_simulator.control._login.registration.secret,
            "scope": "https://api.securitycenter.microsoft.com/.default",
        }
        login = f"{settings['DEFENDER_AUTHORITY_URL']}/{settings['DEFENDER_TENANT_ID']}/oauth2/v2.0/token"
        token = requests.post(login, data=form, verify=settings["DEFENDER_CA_BUNDLE"], timeout=30).json()
        content = {"access_token": token["access_token"], "expires_on": str(int(time.time()) + 3600)}
        return Answer({**content, "token_type": "Bearer"})

    with answering(answer) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        yield


@pytest.fixture
def stores(reached_bao, aws, machine, own_settings, own_simulator, tmp_path, monkeypatch):
    """Every store with a secret of the application in it, a tenant for each kind; the folder in which all is written
    and the secrets by what they are."""
    hidden, work = tmp_path / "hidden", tmp_path / "work"
    hidden.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    control = own_simulator.control
    secret = own_simulator.settings["DEFENDER_CLIENT_SECRET"]
    certificate = new_certificate()
    control.register_certificate(certificate.public_pem)
    (hidden / "secret").write_text(secret)
    (hidden / "token").write_text(control.trust_token())
    role_id, secret_id = reached_bao.approle()
    (hidden / "secret-id").write_text(secret_id)
    reached_bao.put("defender", secret=secret, other=OTHERS, certificate=certificate.pem())
    aws.create_secret(Name="defender", SecretString=json.dumps({"secret": secret, "other": OTHERS}))
    with open_key_vault(hidden) as vault:
        vault.kept.update({"defender": secret, "certificate": certificate.pfx_text()})
        bundle = Path(own_simulator.settings["DEFENDER_CA_BUNDLE"]).read_text() + vault.ca_bundle.read_text()
        (hidden / "authorities.pem").write_text(bundle)
        credentials = {
            "env": {"client_secret": "env:THE_SECRET"},
            "file": {"client_secret": f"file:{hidden / 'secret'}"},
            "vault": {"client_secret": "vault:team/kv/defender#secret"},
            "aws": {"client_secret": "aws-sm:defender#secret"},
            "keyvault": {"client_secret": vault.reference + "defender"},
            "pem-in-vault": {"client_certificate": "vault:team/kv/defender#certificate"},
            "pfx-in-keyvault": {"client_certificate": vault.reference + "certificate"},
            "token-file": {"federated_token_file": str(hidden / "token")},
            "identity": {"managed_identity": "system"},
        }
        (work / "tenants.yaml").write_text(yaml.safe_dump({name: credentials[name] for name in KINDS}))
        own_settings.delenv("DEFENDER_CLIENT_SECRET")
        for name, value in {
            "DEFENDER_TENANTS": "tenants.yaml",
            "DEFENDER_LAKE": str(work / "lake"),
            "DEFENDER_CA_BUNDLE": str(hidden / "authorities.pem"),
            "DEFENDER_BUDGET_FILE": str(work / "calls.sqlite"),
            "DAGSTER_HOME": str(work / "dagster"),
            "THE_SECRET": secret,
            "VAULT_AUTH_METHOD": "approle",
            "VAULT_ROLE_ID": role_id,
            "VAULT_SECRET_ID": f"file:{hidden / 'secret-id'}",
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET,
            "HTTPS_PROXY": vault.proxy,
            "NO_PROXY": "localhost,127.0.0.1",
        }.items():
            own_settings.setenv(name, value)
        (work / "dagster").mkdir()
        yield vault, work, [AWS_KEY, HEADER, OTHERS, ROOT_TOKEN, SECRET, secret_id, *certificate.secrets()]


def found_in(folder, canaries):
    """Where canaries are found, in the bytes of a file or in the rows of a Parquet file."""
    rows = {path.name: str(pq.read_table(path).to_pylist()) for path in folder.rglob("*.parquet")}
    return leaks(folder, canaries) + [name for name, text in rows.items() if any(canary in text for canary in canaries)]


def test_nothing_of_any_kind_is_left_anywhere(stores, own_simulator, caplog):
    """Given a tenant for each kind, when one refreshes everything and the others a table, and again after Entra took
    other credentials only, then neither lake, history, report, logs nor what was printed has any secret."""
    vault, work, canaries = stores
    caplog.set_level(logging.DEBUG)
    whole = run("refresh", "--tenant", "vault", timeout=300)
    assert whole.returncode == 0, whole.stderr
    printed = {"vault": whole.stdout + whole.stderr}
    for name in KINDS:
        if name in printed:
            continue
        done = invoke("refresh", "--tenant", name, "--select", "key:machines")
        printed[name] = done.output
        assert done.exit_code == 0, done.output
    assert list(work.rglob("*.html")), "a report was made, and is searched too"
    assert list(work.glob("dagster/**/*.db")), "and Dagster's history"

    former = own_simulator.control.secrets()
    own_simulator.control.rotate_secret()
    own_simulator.control._login.registration.certificates.clear()
    own_simulator.control._login.registration.federated_tokens.clear()
    for name in KINDS[:-1]:  # the identity's token comes from Azure
        done = invoke("refresh", "--tenant", name, "--select", "key:machines")
        printed[name] += done.output
        assert done.exit_code == 1, done.output
        assert "The login was refused" in done.output

    canaries += [*former, *own_simulator.control.secrets(), *vault.issued]
    assert len(set(canaries)) > 20
    assert found_in(work, canaries) == []
    printed["logs"] = caplog.text
    assert [(name, canary[:12]) for name, text in printed.items() for canary in canaries if canary in text] == []


def test_a_store_that_refuses_is_told_without_what_it_holds(stores, caplog):
    vault, work, canaries = stores
    caplog.set_level(logging.DEBUG)
    for reference in (
        "vault:team/kv/defender#gone",
        "vault:team/kv/gone#secret",
        "aws-sm:defender#gone",
        "aws-sm:gone",
        vault.reference + "gone",
    ):
        (work / "tenants.yaml").write_text(yaml.safe_dump({"contoso": {"client_secret": reference}}))
        done = invoke("doctor", "--tenant", "contoso", "--json")
        assert done.exit_code != 0
        told = "tenants.yaml, tenant 'contoso': client_secret is a secret reference that cannot be followed"
        assert told in done.output
        shown = done.output + caplog.text
        assert [canary[:12] for canary in [*canaries, reference, *vault.issued] if canary in shown] == []
    assert found_in(work, canaries) == []
