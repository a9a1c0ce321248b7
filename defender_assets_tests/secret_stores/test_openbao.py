"""References to HashiCorp Vault, against a real server: OpenBao, which speaks the same protocol."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from defender_assets.api import LoginError, open_client
from defender_assets.catalog import DATASETS
from defender_assets.settings import Settings, UnresolvedSecret, connection, resolve

from ..cli.program import invoke
from ..loopback import Answer, answering
from .openbao import ROOT_TOKEN, review, tell_kubernetes

pytestmark = pytest.mark.slow
CANARY = "canary-Zx8Q~vault"


@pytest.fixture
def vault(reached_bao, monkeypatch):
    """A secret in each engine, and a token that may read it."""
    reached_bao.put("defender/app", secret=CANARY)
    reached_bao.client.secrets.kv.v1.create_or_update_secret("app", {"secret": CANARY}, mount_point="old/kv")
    reached_bao.client.secrets.kv.v2.create_or_update_secret("app", {"secret": CANARY, "n": 5}, mount_point="plain")
    monkeypatch.setenv("VAULT_TOKEN", reached_bao.token("reader"))
    return reached_bao


@pytest.mark.parametrize(
    "place",
    [
        "team/kv/defender/app",
        "/team/kv/defender/app/",
        "team%2Fkv/defender/app",
        "old/kv/app",
        "old%2Fkv/app",
        "plain/app",
    ],
)
def test_a_secret_is_read_wherever_its_engine_is_mounted(vault, place):
    assert resolve(f"vault:{place}#secret") == CANARY


def test_a_number_is_given_as_text(vault):
    assert resolve("vault:plain/app#n") == "5"


def test_a_token_that_may_not_ask_for_mounts_reads_by_the_rule(vault, monkeypatch):
    """Given a token without the default policy, then the mount is what stands before the first slash."""
    monkeypatch.setenv("VAULT_TOKEN", vault.token("reader", default=False))
    assert resolve("vault:team%2Fkv/defender/app#secret") == CANARY
    assert resolve("vault:plain/app#secret") == CANARY


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("vault:team/kv/elsewhere#secret", "has nothing there (InvalidPath): check the path"),
        ("vault:old/kv/elsewhere#secret", "has nothing there (InvalidPath)"),
        ("vault:team/kv/defender/app#other", "no text under the key"),
        ("vault:nowhere/app#secret", "refused it (Forbidden)"),
        ("vault:team/kv#secret", "refused it (Forbidden)"),
    ],
)
def test_what_leads_nowhere_is_told_by_kind(vault, reference, told):
    with pytest.raises(UnresolvedSecret) as raised:
        resolve(reference)
    assert told in str(raised.value)
    assert "team" not in str(raised.value)


def test_a_deleted_version_is_nothing(vault):
    vault.put("gone", secret=CANARY)
    vault.client.secrets.kv.v2.delete_latest_version_of_secret("gone", mount_point="team/kv")
    with pytest.raises(UnresolvedSecret, match="has nothing there"):
        resolve("vault:team/kv/gone#secret")


def test_a_revoked_token_is_refused(vault, monkeypatch):
    token = vault.token("reader")
    vault.client.auth.token.revoke(token)
    monkeypatch.setenv("VAULT_TOKEN", token)
    with pytest.raises(UnresolvedSecret, match="Forbidden"):
        resolve("vault:team/kv/defender/app#secret")


def test_without_a_login_the_variables_are_named(vault, monkeypatch):
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(UnresolvedSecret, match="or VAULT_AUTH_METHOD to one of approle, kubernetes, jwt"):
        resolve("vault:team/kv/defender/app#secret")


@pytest.mark.parametrize("where", ["~/.vault-token", "dotenv", "file"])
def test_the_token_is_found_where_people_keep_it(vault, monkeypatch, where):
    monkeypatch.delenv("VAULT_TOKEN")
    token = vault.token("reader")
    path = Path(where).expanduser() if where.startswith("~") else Path("token")
    path.write_text(token + "\n")
    if where == "dotenv":
        Path(".env").write_text(f"VAULT_TOKEN={token}\n")
    elif where == "file":
        monkeypatch.setenv("VAULT_TOKEN", f"file:{path}")
    assert resolve("vault:team/kv/defender/app#secret") == CANARY


def test_approle(vault, monkeypatch):
    """Given a role id and a secret id in a file, then the token that they get is gone when the secret is there."""
    role_id, secret_id = vault.approle()
    Path("secret-id").write_text(secret_id)
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("VAULT_AUTH_METHOD", "AppRole")
    monkeypatch.setenv("VAULT_ROLE_ID", role_id)
    monkeypatch.setenv("VAULT_SECRET_ID", "file:secret-id")
    before = vault.tokens()
    assert resolve("vault:team/kv/defender/app#secret") == CANARY
    assert vault.tokens() == before

    Path("secret-id").write_text("another")
    with pytest.raises(UnresolvedSecret, match=r"refused the request \(InvalidRequest\): check VAULT_AUTH_METHOD"):
        resolve("vault:team/kv/defender/app#secret")
    monkeypatch.delenv("VAULT_ROLE_ID")
    with pytest.raises(UnresolvedSecret, match="VAULT_ROLE_ID is not set"):
        resolve("vault:team/kv/defender/app#secret")


def test_jwt_at_a_mount_of_its_own(vault, monkeypatch):
    Path("jwt").write_text(vault.assertion())
    for name, value in {
        "VAULT_AUTH_METHOD": "jwt",
        "VAULT_AUTH_MOUNT": "jwt/of/the/team",
        "VAULT_ROLE": "reader",
        "VAULT_JWT_FILE": "jwt",
    }.items():
        monkeypatch.setenv(name, value)
    assert resolve("vault:team/kv/defender/app#secret") == CANARY
    Path("jwt").write_text(vault.assertion(aud="other"))
    with pytest.raises(UnresolvedSecret, match="refused"):
        resolve("vault:team/kv/defender/app#secret")
    Path("jwt").unlink()
    with pytest.raises(UnresolvedSecret, match="VAULT_JWT_FILE: the file it refers to cannot be read"):
        resolve("vault:team/kv/defender/app#secret")


@pytest.fixture
def kubernetes(vault):
    """The part of a Kubernetes API server that reviews tokens of service accounts."""
    token = vault.service_account_token()
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    with answering(lambda request: Answer(review(request.body, token), 201), tls=context) as server:
        tell_kubernetes(vault, server.url, authority.cert_pem.bytes().decode())
        yield token


def test_a_pod_logs_in_by_its_service_account(vault, kubernetes, monkeypatch):
    monkeypatch.setenv("VAULT_AUTH_METHOD", "kubernetes")
    monkeypatch.setenv("VAULT_ROLE", "reader")
    with pytest.raises(UnresolvedSecret, match="VAULT_JWT_FILE: the file it refers to cannot be read"):
        resolve("vault:team/kv/defender/app#secret")  # no pod: the default is a pod's path
    monkeypatch.setenv("VAULT_JWT_FILE", "token")
    Path("token").write_text(kubernetes)
    assert resolve("vault:team/kv/defender/app#secret") == CANARY
    Path("token").write_text(vault.service_account_token("another"))
    with pytest.raises(UnresolvedSecret, match="refused it"):
        resolve("vault:team/kv/defender/app#secret")


def test_an_unknown_method_is_told_with_those_there_are(vault, monkeypatch):
    monkeypatch.setenv("VAULT_AUTH_METHOD", "ldap")
    with pytest.raises(UnresolvedSecret, match="say one of token, approle, kubernetes, jwt"):
        resolve("vault:team/kv/defender/app#secret")


def test_the_authority_may_be_that_of_the_general_bundle(vault, monkeypatch):
    monkeypatch.delenv("VAULT_CACERT")
    with pytest.raises(UnresolvedSecret, match=r"certificate is not trusted \(SSLError\): let DEFENDER_CA_BUNDLE"):
        resolve("vault:team/kv/defender/app#secret")
    assert resolve("vault:team/kv/defender/app#secret", vault.authority) == CANARY


def test_a_sealed_server_is_told_to_be_sealed(vault):
    unseal = next(line.split()[-1] for line in vault.log.read_text().splitlines() if line.startswith("Unseal Key"))
    vault.client.sys.seal()
    try:
        with pytest.raises(UnresolvedSecret, match=r"does not work \(VaultDown\): it is sealed"):
            resolve("vault:team/kv/defender/app#secret")
    finally:
        vault.client.sys.submit_unseal_key(unseal)
    assert resolve("vault:team/kv/defender/app#secret") == CANARY


def test_neither_token_nor_secret_is_in_what_is_told(vault, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    assert resolve("vault:team/kv/defender/app#secret") == CANARY
    with pytest.raises(UnresolvedSecret) as raised:
        resolve("vault:team/kv/defender/app#other")
    told = caplog.text + repr(raised.value) + repr(raised.value.__context__)
    assert [text for text in (CANARY, ROOT_TOKEN, "defender/app") if text in told] == []


def test_a_secret_that_is_rotated_in_the_store_is_taken_up_at_the_refusal(vault, own_settings, own_simulator):
    """Given a process that has logged in, when the secret is rotated at Entra and in the store, then it goes on."""
    control = own_simulator.control
    vault.put("rotated", secret=own_simulator.settings["DEFENDER_CLIENT_SECRET"])
    own_settings.setenv("DEFENDER_CLIENT_SECRET", "vault:team/kv/rotated#secret")
    machines = DATASETS["machines"]

    def ask(client):
        return client.get(machines.path, dataset=machines, quota=machines.quota).status

    with open_client(connection(), Settings.load(), attempts=2) as client:
        assert ask(client) == 200
        vault.put("rotated", secret=control.rotate_secret())
        control.expire_tokens()
        assert ask(client) == 200
        new = control.rotate_secret()
        control.expire_tokens()
        control.reset_counters()
        with pytest.raises(LoginError) as told:
            ask(client)
        assert told.value.reason == "bad_secret"
        assert [status for _, path, status in control.requests() if path.endswith("/token")] == [401]
        vault.put("rotated", secret=new)
        assert ask(client) == 200


def status_of(tmp_path: Path) -> tuple[dict[str, timedelta | None], list[str]]:
    """What status tells of ends, each from now, and what it warns of."""
    result = invoke(
        "status",
        "--json",
        DEFENDER_LAKE=str(tmp_path / "lake"),
        DEFENDER_TENANT_ID="contoso.example",
        DEFENDER_CLIENT_ID="11111111-1111-1111-1111-111111111111",
        DEFENDER_CLIENT_SECRET="vault:team/kv/defender/ending#secret",
    )
    (tenant,) = json.loads(result.stdout)["tenants"]
    now = datetime.now(UTC)
    ends = {
        each["kind"]: datetime.fromisoformat(each["ends_at"]) - now if each["ends_at"] else None
        for each in tenant["expiries"]
    }
    return ends, [each["area"] for each in tenant["findings"] if each["status"] == "warning"]


def test_status_tells_when_the_vault_s_token_and_secret_end(vault, monkeypatch, tmp_path):
    vault.put("defender/ending", secret=CANARY)
    ends, warned = status_of(tmp_path)
    assert timedelta(minutes=50) < ends["vault token"] <= timedelta(hours=1)
    assert ends["client secret"] is None
    assert warned == []  # whoever keeps the token may renew it
    # A token that cannot be renewed, and a secret whose version goes in ten days.
    made = vault.client.auth.token.create(policies=["reader"], ttl="1h", renewable=False)
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    engine = vault.client.secrets.kv.v2
    engine.update_metadata("defender/ending", mount_point="team/kv", delete_version_after="240h")
    vault.put("defender/ending", secret=CANARY)
    ends, warned = status_of(tmp_path)
    assert timedelta(days=9) < ends["secret in the vault"] <= timedelta(days=10)
    assert "client secret" not in ends
    assert sorted(warned) == ["secret", "vault token"]
    # Nothing ends that is fetched for each reading, and a token that may not ask about itself is no failure.
    monkeypatch.setenv("VAULT_TOKEN", vault.token("reader", default=False))
    assert set(status_of(tmp_path)[0]) == {"secret in the vault"}
