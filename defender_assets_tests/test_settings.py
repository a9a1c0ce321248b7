"""Settings: where values come from, what is wrong with them, and that no value is ever told."""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from defender_assets.lake.layout import tenant_folder, tenant_of
from defender_assets.settings import (
    CLOUDS,
    ClientCertificate,
    ClientSecret,
    FederatedToken,
    ManagedIdentity,
    Settings,
    SettingsError,
    UnresolvedSecret,
    ca_bundle_path,
    connection,
    organisation_of,
    resolve,
    tenant_names,
    tenant_problems,
    unknown_settings,
    variable,
)

from .loopback import Answer, Request, answering

GUID = "11111111-2222-3333-4444-555555555555"
CANARY = "canary-Zx8Q~value"
GOOD = {"DEFENDER_TENANT_ID": GUID, "DEFENDER_CLIENT_ID": GUID, "DEFENDER_CLIENT_SECRET": CANARY}


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("DEFENDER_", "AZURE_", "AWS_", "VAULT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch):
    """Sets variables; the credentials that every connection needs are there."""

    def set_all(**values: str | None) -> None:
        for name, value in {**GOOD, **values}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    set_all()
    return set_all


def problems_of(**overrides) -> dict[str, str]:
    with pytest.raises(SettingsError) as raised:
        connection(**overrides)
    assert CANARY not in str(raised.value) + repr(raised.value)
    return {problem.variable: str(problem) for problem in raised.value.problems}


def test_nothing_has_to_be_set_to_load():
    settings = Settings.load()
    assert settings.lake == "lake"
    assert settings.user_calls == 1_000
    assert settings.export_files == "auto"
    assert settings.export_files_above == 100_000
    assert settings.pacing == "adaptive"
    assert settings.allow_collapse is False
    assert tenant_names(settings) == ("default",)


def test_five_settings_make_a_connection(env):
    result = connection()
    assert result.tenant_name == "default"
    assert result.credential == ClientSecret(CANARY)
    assert result.api_url == "https://api.security.microsoft.com"
    assert result.authority_url == "https://login.microsoftonline.com"
    assert result.scope == "https://api.securitycenter.microsoft.com/.default"


def test_everything_that_is_missing_is_named_at_once():
    named = problems_of()
    assert list(named) == ["DEFENDER_TENANT_ID", "DEFENDER_CLIENT_ID", "DEFENDER_CLIENT_SECRET"]
    assert "DEFENDER_MANAGED_IDENTITY" in named["DEFENDER_CLIENT_SECRET"]


def test_the_environment_goes_before_the_dotenv_file(env, monkeypatch):
    Path(".env").write_text(f"DEFENDER_LAKE=from-file\nDEFENDER_CLOUD=dod\nDEFENDER_TENANT_ID={GUID[::-1]}\n")
    monkeypatch.setenv("DEFENDER_LAKE", "from-environment")
    settings = Settings.load()
    assert settings.lake == "from-environment"
    assert settings.cloud == "dod"
    assert settings.tenant_id == GUID


def test_settings_are_read_anew_when_what_is_written_changes_and_only_then(env, monkeypatch, tmp_path):
    """Many ticks ask for them. A file that is written anew may have the same size, and the same time."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("DEFENDER_LAKE=one\n")
    first = Settings.load()
    assert Settings.load() is first
    at = dotenv.stat()
    dotenv.write_text("DEFENDER_LAKE=two\n")
    os.utime(dotenv, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert Settings.load().lake == "two"
    monkeypatch.setenv("DEFENDER_LAKE", "three")
    assert Settings.load().lake == "three"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "token")
    assert Settings.load().azure_federated_token_file == "token"
    assert Settings.load(lake="four").lake == "four"
    dotenv.unlink()
    monkeypatch.delenv("DEFENDER_LAKE")
    assert Settings.load().lake == "lake"


def test_a_folder_of_the_settings_that_vanished_since_is_told(env, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_COMPUTE_TEMP", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    assert Settings.load() is Settings.load()
    (tmp_path / "scratch").rmdir()
    with pytest.raises(SettingsError, match="DEFENDER_COMPUTE_TEMP"):
        Settings.load()


def test_an_empty_variable_is_not_set(env):
    env(DEFENDER_CLIENT_CERTIFICATE="", DEFENDER_API_URL="", DEFENDER_USER_CALLS="")
    assert connection().api_url == CLOUDS["commercial"].api_url
    assert Settings.load().user_calls == 1_000


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DEFENDER_USER_CALLS", CANARY, "whole number"),
        ("DEFENDER_USER_CALLS", "-1", "at least 0"),
        ("DEFENDER_EXPORT_FILES", CANARY, "'auto', 'always' or 'never'"),
        ("DEFENDER_PACING", CANARY, "'adaptive' or 'documented'"),
        ("DEFENDER_COMPUTE_MEMORY", CANARY, "512MB"),
        ("DEFENDER_COMPUTE_MEMORY", "0GB", "512MB"),
        ("DEFENDER_COMPUTE_THREADS", "0", "more than 0"),
        ("DEFENDER_COMPUTE_TEMP", f"/{CANARY}", "existing folder"),
        ("DEFENDER_ALLOW_COLLAPSE", CANARY, "true or false"),
        ("DEFENDER_EXPORT_FILES_ABOVE", "many", "whole number"),
        ("DEFENDER_TIME_ZONE", CANARY, "IANA"),
        ("DEFENDER_TIME_ZONE", "Europe", "IANA"),
        ("DEFENDER_TIME_ZONE", "Europe/Berln", "did you mean Europe/Berlin?"),
        ("DEFENDER_REFRESH_HOUR", "24", "is out of range: give at most 23"),
        ("DEFENDER_TIME_ZONE", "../canary", "IANA"),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_is_not(env, monkeypatch, name, value, word):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as raised:
        Settings.load()
    assert word in str(raised.value)
    assert [problem.variable for problem in raised.value.problems] == [name]
    assert CANARY not in str(raised.value) + repr(raised.value) + str(raised.value.__cause__)
    assert raised.value.__cause__ is None


def test_a_dotenv_file_that_is_no_text_is_named(env):
    Path(".env").write_bytes(b"DEFENDER_LAKE=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env"):
        Settings.load()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_chooses_login_audience_and_host(env, cloud):
    env(DEFENDER_CLOUD=cloud.upper().replace("-", "_"))
    result = connection()
    assert (result.authority_url, result.api_url, result.scope) == (
        CLOUDS[cloud].authority_url,
        CLOUDS[cloud].api_url,
        CLOUDS[cloud].scope,
    )
    assert ("login.microsoftonline.us" in result.authority_url) == (cloud in ("gcc-high", "dod"))


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DEFENDER_TENANT_ID", CANARY, "GUID"),
        ("DEFENDER_TENANT_ID", "common", "GUID"),
        ("DEFENDER_TENANT_ID", f"{GUID}/x", "GUID"),
        ("DEFENDER_CLIENT_ID", f"two {CANARY}", "malformed"),
        ("DEFENDER_CLOUD", CANARY, "commercial, gcc, gcc-high, dod"),
        ("DEFENDER_API_URL", f"http://{CANARY}.example", "https"),
        ("DEFENDER_API_URL", CANARY, "https"),
        ("DEFENDER_API_URL", f"https://user:{CANARY}@host.example", "more in it"),
        ("DEFENDER_API_URL", f"https://host.example/?key={CANARY}", "more in it"),
        ("DEFENDER_API_URL", f"https://[{CANARY}", "malformed"),
        ("DEFENDER_API_URL", "https://host.example:99999", "malformed"),
        ("DEFENDER_API_URL", f"https:// {CANARY}", "malformed"),
        ("DEFENDER_AUTHORITY_URL", f"https://login.example/{CANARY}", "path"),
        ("DEFENDER_AUTHORITY_URL", "http://localhost:8080", "https"),
        ("DEFENDER_SCOPE", CANARY, ".default"),
        ("DEFENDER_CA_BUNDLE", f"/nowhere/{CANARY}", "cannot be read"),
        ("DEFENDER_CA_BUNDLE", f"~{CANARY}/ca.pem", "cannot be read"),
        ("DEFENDER_MANAGED_IDENTITY", CANARY, "DEFENDER_"),
    ],
)
def test_a_malformed_connection_is_told_without_its_value(env, name, value, word):
    env(**{name: value})
    named = problems_of()
    assert word in named[name]


def test_a_ca_bundle_without_certificates_is_named(env, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    env(DEFENDER_CA_BUNDLE=str(tmp_path / "ca.pem"))
    assert list(problems_of()) == ["DEFENDER_CA_BUNDLE"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://eu.api.security.microsoft.com/", "https://eu.api.security.microsoft.com"),
        ("https://API.security.microsoft.com/api", "https://api.security.microsoft.com"),
        ("https://localhost:8443", "https://localhost:8443"),
        ("https://gateway.example/defender/", "https://gateway.example/defender"),
    ],
)
def test_an_api_url_is_taken_as_it_is_meant(env, written, meant):
    env(DEFENDER_API_URL=written)
    assert connection().api_url == meant


def test_the_tenant_at_the_end_of_the_login_url_is_forgiven(env):
    env(DEFENDER_AUTHORITY_URL=f"https://localhost:8443/{GUID}/")
    assert connection().authority_url == "https://localhost:8443"


def test_two_credentials_are_one_too_many(env):
    env(DEFENDER_MANAGED_IDENTITY="system")
    named = problems_of()
    assert list(named) == ["DEFENDER_CLIENT_SECRET", "DEFENDER_MANAGED_IDENTITY"]
    assert "keep one" in named["DEFENDER_CLIENT_SECRET"]


def test_a_managed_identity_needs_nothing_else(env):
    nothing = dict.fromkeys(GOOD)
    env(**nothing, DEFENDER_MANAGED_IDENTITY="system")
    assert connection().credential == ManagedIdentity()
    env(**nothing, DEFENDER_MANAGED_IDENTITY=GUID)
    assert connection().credential == ManagedIdentity(GUID)


def test_the_workload_identity_of_azure_gives_way_to_a_credential_that_was_asked_for(env, tmp_path):
    token = tmp_path / "token"
    token.write_text("x.y.z")
    env(AZURE_FEDERATED_TOKEN_FILE=str(token))
    assert connection().credential == ClientSecret(CANARY)
    env(AZURE_FEDERATED_TOKEN_FILE=str(token), DEFENDER_CLIENT_SECRET=None)
    assert connection().credential == FederatedToken(token)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_federated_token_file_that_cannot_be_used_is_named(env, tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    env(DEFENDER_FEDERATED_TOKEN_FILE=str(path), DEFENDER_CLIENT_SECRET=None)
    assert list(problems_of()) == ["DEFENDER_FEDERATED_TOKEN_FILE"]


@pytest.fixture(scope="module")
def rsa_pem(tmp_path_factory) -> Path:
    """A certificate and its key in one file, as people make them for Entra."""
    path = tmp_path_factory.mktemp("certificate") / "app.pem"
    issued = trustme.CA().issue_cert("app.example", key_type=trustme.KeyType.RSA)
    path.write_bytes(issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes())
    return path


def test_a_certificate_in_place_of_the_secret(env, rsa_pem):
    env(DEFENDER_CLIENT_CERTIFICATE=str(rsa_pem), DEFENDER_CLIENT_SECRET=None)
    assert connection().credential == ClientCertificate(rsa_pem)


@pytest.mark.parametrize("kind", ["missing", "text", "certificate only", "key only", "another key", "elliptic", "PFX?"])
def test_a_certificate_that_cannot_be_used_is_named(env, rsa_pem, tmp_path, kind):
    key, marker, certificate = rsa_pem.read_text().partition("-----BEGIN CERTIFICATE-----")
    other = trustme.CA().issue_cert("x.example", key_type=trustme.KeyType.RSA)
    elliptic = trustme.CA().issue_cert("x.example", key_type=trustme.KeyType.ECDSA)
    path = tmp_path / "app.pem"
    content = {
        "missing": None,
        "text": b"not a certificate",
        "certificate only": (marker + certificate).encode(),
        "key only": key.encode(),
        "another key": other.private_key_pem.bytes() + (marker + certificate).encode(),
        "elliptic": elliptic.private_key_pem.bytes() + elliptic.cert_chain_pems[0].bytes(),
        "PFX?": b"\x30\x82\x00\x00",
    }[kind]
    if content is not None:
        path.write_bytes(content)
    env(DEFENDER_CLIENT_CERTIFICATE=str(path), DEFENDER_CLIENT_SECRET=None)
    assert list(problems_of()) == ["DEFENDER_CLIENT_CERTIFICATE"]


def test_a_password_that_does_not_fit_is_named_and_not_told(env, rsa_pem):
    env(
        DEFENDER_CLIENT_CERTIFICATE=str(rsa_pem),
        DEFENDER_CLIENT_CERTIFICATE_PASSWORD=CANARY,
        DEFENDER_CLIENT_SECRET=None,
    )
    named = problems_of()
    assert "DEFENDER_CLIENT_CERTIFICATE_PASSWORD" in named["DEFENDER_CLIENT_CERTIFICATE"]


def test_no_secret_shows_in_repr(env):
    env(DEFENDER_CLIENT_CERTIFICATE_PASSWORD=CANARY)
    result = connection()
    assert CANARY not in repr(result) + str(result) + repr(Settings.load()) + str(Settings.load())
    assert CANARY not in repr(ClientCertificate(Path("x"), CANARY))


def test_overrides_go_before_everything_else(env):
    result = connection(overrides={"client_secret": "other", "cloud": "gcc", "api_url": None, "scope": ""})
    assert result.credential == ClientSecret("other")
    assert result.cloud.name == "gcc"


def test_an_override_that_refers_to_its_own_variable_overrides_nothing(env):
    fields = ("tenant_id", "client_id", "client_secret", "client_certificate", "managed_identity", "scope", "ca_bundle")
    result = connection(overrides={name: f"env:{variable(name)}" for name in fields})
    assert result.credential == ClientSecret(CANARY)


def test_a_credential_that_is_given_closer_by_replaces_the_general_one(env):
    assert connection(overrides={"managed_identity": "system"}).credential == ManagedIdentity()


def test_an_unknown_override_is_refused(env):
    assert "DEFENDER_SECRET" in problems_of(overrides={"secret": "x"})


# --- what is not a setting ------------------------------------------------------------------------------------------


def test_a_misspelled_setting_is_named_with_the_one_that_is_meant_and_never_with_its_value(env, tmp_path):
    env(DEFENDER_SCOPE_TAG=CANARY, defender_dataset=CANARY)
    (tmp_path / ".env").write_text(f"DEFENDER_LAKES={CANARY}\nDEFENDER_ZZ={CANARY}\nDEFENDER_KEY:{CANARY}==\n")
    assert unknown_settings(Settings.load()) == [
        "DEFENDER_DATASET is not a setting; did you mean DEFENDER_DATASETS?",
        "DEFENDER_LAKES is not a setting; did you mean DEFENDER_LAKE?",
        "DEFENDER_SCOPE_TAG is not a setting; did you mean DEFENDER_SCOPE_TAGS?",
        "DEFENDER_ZZ is not a setting and has no effect.",
    ]


def test_what_a_reference_a_service_or_an_empty_line_needs_is_no_misspelled_setting(env, tmp_path):
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text("tenants: [{name: contoso, client_secret: 'env:DEFENDER_CONTOSO_SECRET'}]")
    env(
        DEFENDER_TENANTS=str(tenants),
        DEFENDER_CLIENT_SECRET="env:DEFENDER_APP_SECRET",
        DEFENDER_APP_SECRET=CANARY,
        DEFENDER_CONTOSO_SECRET=CANARY,
        DEFENDER_EXECUTOR="forkserver",
        DEFENDER_RUNNING="none",
        DEFENDER_SCOPE_TAG="",
        DEFENDER_ASSETS_SERVICE_HOST="10.0.0.1",
        DEFENDER_ASSETS_PORT_3000_TCP="tcp://10.0.0.1:3000",
    )
    assert unknown_settings(Settings.load()) == []


# --- secret references ---------------------------------------------------------------------------------------------


def test_every_setting_of_a_connection_takes_a_reference(env, monkeypatch, tmp_path):
    values = {"TENANT_ID": GUID, "CLIENT_ID": GUID, "CLIENT_SECRET": CANARY, "API_URL": "https://tenant.example"}
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"DEFENDER_{name}", f"file:{tmp_path / name}")
    result = connection()
    assert (result.tenant_id, result.client_id, result.api_url) == (GUID, GUID, "https://tenant.example")
    assert result.credential == ClientSecret(CANARY)


def test_an_environment_reference_looks_in_the_dotenv_file_too(env, monkeypatch):
    Path(".env").write_text(f"MY_SECRET={CANARY}\n")
    assert resolve("env:MY_SECRET") == CANARY
    monkeypatch.setenv("MY_SECRET", "from-environment")
    assert resolve("env:MY_SECRET") == "from-environment"


def test_references_are_followed_again_after_a_refusal(env, tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    env(DEFENDER_CLIENT_SECRET=f"file:{path}")
    result = connection()
    path.write_text("new")
    assert result.credential == ClientSecret("old")
    assert result.renewed().credential == ClientSecret("new")


@pytest.mark.parametrize(
    "leads_to", ["env:DEFENDER_CLIENT_SECRET", "env:ITS_OTHER_HALF", f"file:/run/{CANARY}", " vault:x/y#z\n"]
)
def test_a_reference_that_leads_to_another_or_to_itself_is_told_and_not_taken_as_the_secret(env, tmp_path, leads_to):
    (tmp_path / "secret").write_text(leads_to)
    env(ITS_OTHER_HALF="env:DEFENDER_CLIENT_SECRET")
    first = leads_to if leads_to.startswith("env:") else f"file:{tmp_path / 'secret'}"
    env(DEFENDER_CLIENT_SECRET=first)
    told = problems_of()
    assert list(told) == ["DEFENDER_CLIENT_SECRET"]
    assert "leads to another reference, or to itself" in str(told["DEFENDER_CLIENT_SECRET"])


def test_what_opens_a_store_follows_one_reference_only(env):
    pytest.importorskip("hvac")
    env(VAULT_ADDR="env:VAULT_ADDR")
    with pytest.raises(UnresolvedSecret, match=r"^VAULT_ADDR: it leads to another reference"):
        resolve("vault:team/app#secret")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_reference_to_a_pipe_a_device_or_a_huge_file_is_told_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")):
        with pytest.raises(UnresolvedSecret, match=r"cannot be read \(it is a pipe or a device"):
            resolve(f"file:{path}")
    (tmp_path / "huge").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(UnresolvedSecret, match=r"cannot be read \(it has more than 1 MiB"):
        resolve(f"file:{tmp_path / 'huge'}")


@pytest.mark.parametrize(
    "reference",
    [
        f"env:{CANARY}",
        f"file:/nowhere/{CANARY}",
        "file:",
        f"keyvault:https://{CANARY}.example/secrets/x",
        f"keyvault:http://{CANARY}.vault.azure.net/secrets/x",
        f"keyvault:https://{CANARY}.vault.azure.net/keys/x",
        f"vault:{CANARY}",
        f"vault:{CANARY}/path",
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_its_setting_and_not_itself(env, reference):
    env(DEFENDER_CLIENT_SECRET=reference)
    assert list(problems_of()) == ["DEFENDER_CLIENT_SECRET"]


@pytest.mark.parametrize(
    ("reference", "modules", "extra"),
    [
        ("keyvault:https://v.vault.azure.net/secrets/x", ["azure.identity"], "azure"),
        ("aws-sm:x", ["boto3"], "aws"),
        ("vault:mount/x#k", ["hvac"], "vault"),
    ],
)
def test_a_client_library_that_is_not_installed_is_named(env, monkeypatch, reference, modules, extra):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    env(DEFENDER_CLIENT_SECRET=reference)
    assert f"pip install 'defender-assets[{extra}]'" in problems_of()["DEFENDER_CLIENT_SECRET"]


@pytest.mark.parametrize("value", ["plain", "https://x.example", "a:b", "", ":", "environment:x"])
def test_what_is_no_reference_is_itself(value):
    assert resolve(value) == value


CHECKED = ("tenant_id", "client_id", "cloud", "api_url", "authority_url", "scope", "ca_bundle", "managed_identity")
printable = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(field=st.sampled_from(CHECKED), before=printable)
def test_no_value_is_ever_told(field, before):
    # A short value stands in any sentence by chance; the canary does not.
    good = {"tenant_id": GUID, "client_id": GUID, "client_secret": "x"}
    text = ""
    try:
        connection(overrides={**good, field: before + CANARY})
    except SettingsError as error:
        text = str(error) + repr(error)
    assert CANARY not in text


@pytest.mark.parametrize("version", [1, 2])
def test_hashicorp_vault(env, monkeypatch, version):
    pytest.importorskip("hvac")

    def answer(request: Request) -> Answer:
        if request.path == "/v1/team/data/defender/app" and version == 2:
            return Answer({"data": {"data": {"secret": CANARY}, "metadata": {}}})
        if request.path == "/v1/team/defender/app" and version == 1:
            return Answer({"data": {"secret": CANARY}})
        return Answer({"errors": []}, 404)

    with answering(answer) as store:
        monkeypatch.setenv("VAULT_ADDR", store.url)
        monkeypatch.setenv("VAULT_TOKEN", "vault-token")
        assert resolve("vault:team/defender/app#secret") == CANARY
        assert store.requests[0].headers["X-Vault-Token"] == "vault-token"
        with pytest.raises(UnresolvedSecret, match="key"):
            resolve("vault:team/defender/app#other")
        with pytest.raises(UnresolvedSecret, match="InvalidPath"):
            resolve("vault:team/elsewhere#secret")


def test_hashicorp_vault_that_is_away(env, monkeypatch):
    pytest.importorskip("hvac")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    monkeypatch.setenv("VAULT_TOKEN", CANARY)
    env(DEFENDER_CLIENT_SECRET="vault:a/b#c")
    assert "HashiCorp Vault" in problems_of()["DEFENDER_CLIENT_SECRET"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"VAULT_ADDR": f"http://{CANARY}.example:8200"}, "VAULT_ADDR is not an https address"),
        ({"VAULT_ADDR": f"{CANARY}:8200"}, "VAULT_ADDR is malformed"),
        ({"VAULT_ADDR": f"https://[{CANARY}"}, "VAULT_ADDR is malformed"),
        ({"VAULT_TOKEN": f"file:/nowhere/{CANARY}"}, "VAULT_TOKEN: the file it refers to cannot be read"),
        ({"VAULT_AUTH_METHOD": CANARY}, "VAULT_AUTH_METHOD is none that is known: say one of token, approle"),
        ({"VAULT_AUTH_METHOD": "approle"}, "VAULT_ROLE_ID is not set"),
        ({"VAULT_AUTH_METHOD": "kubernetes"}, "VAULT_ROLE is not set"),
        ({"VAULT_AUTH_METHOD": "jwt"}, "VAULT_JWT_FILE is not set"),
        ({"VAULT_CACERT": f"/nowhere/{CANARY}"}, "VAULT_CACERT names certificate authorities that cannot be read"),
        ({"SSL_CERT_FILE": f"/nowhere/{CANARY}"}, "SSL_CERT_FILE names certificate authorities that cannot be read"),
        ({"TMPDIR": "/nowhere", "TEMP": "/nowhere", "TMP": "/nowhere"}, "no temporary file can be written"),
    ],
)
def test_what_opens_a_vault_is_checked_before_it_is_asked(env, monkeypatch, variables, told):
    pytest.importorskip("hvac")
    for name, value in {"VAULT_TOKEN": "x", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    if "TMPDIR" in variables:
        monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    env(DEFENDER_CLIENT_SECRET="vault:a/b#c")
    assert told in problems_of()["DEFENDER_CLIENT_SECRET"]


def test_a_certificate_that_is_written_into_the_settings_does_not_show(env):
    env(DEFENDER_CLIENT_CERTIFICATE=f"-----BEGIN {CANARY}", DEFENDER_CLIENT_SECRET=None)
    assert CANARY not in repr(Settings.load())
    assert "refers to PEM text without a certificate" in problems_of()["DEFENDER_CLIENT_CERTIFICATE"]


def test_aws_secrets_manager(env, monkeypatch):
    pytest.importorskip("boto3")

    def answer(request: Request) -> Answer:
        name = json.loads(request.body)["SecretId"]
        if name == "gone":
            return Answer({"__type": "ResourceNotFoundException", "Message": CANARY}, 400)
        return Answer({"SecretString": CANARY if name == "plain" else json.dumps({"secret": CANARY})})

    with answering(answer) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", store.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
        assert resolve("aws-sm:plain") == CANARY
        assert resolve("aws-sm:team/json#secret") == CANARY
        for reference in ("aws-sm:plain#secret", "aws-sm:team/json#other"):
            with pytest.raises(UnresolvedSecret, match="key"):
                resolve(reference)
        env(DEFENDER_CLIENT_SECRET="aws-sm:gone")
        assert "ResourceNotFoundException" in problems_of()["DEFENDER_CLIENT_SECRET"]


# --- several tenants -----------------------------------------------------------------------------------------------

TWO = f"""
tenants:
  - name: contoso
    tenant_id: contoso.example
    client_id: {GUID}
    client_secret: env:CONTOSO_SECRET
  - name: fabrikam
    DEFENDER_TENANT_ID: {GUID}
    cloud: gcc
"""


@pytest.fixture
def tenants(env, monkeypatch, tmp_path):
    def write(text: str) -> None:
        (tmp_path / "tenants.yaml").write_text(text)
        monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))

    return write


def test_each_tenant_has_its_settings_and_the_general_ones_for_the_rest(tenants, monkeypatch):
    tenants(TWO)
    monkeypatch.setenv("CONTOSO_SECRET", "contoso-secret")
    assert tenant_names(Settings.load()) == ("contoso", "fabrikam")
    result = {name: connection(tenant=name) for name in tenant_names()}
    assert result["contoso"].tenant_id == "contoso.example"
    assert result["contoso"].credential == ClientSecret("contoso-secret")
    assert result["fabrikam"].tenant_id == GUID
    assert result["fabrikam"].credential == ClientSecret(CANARY)
    assert result["fabrikam"].cloud.name == "gcc"


def test_a_tenant_may_have_an_organisation_of_its_own(tenants, monkeypatch):
    tenants(TWO.replace("    cloud: gcc\n", "    organisation: Fabrikam AG\n"))
    monkeypatch.setenv("DEFENDER_ORGANISATION", "Contoso Group")
    settings = Settings.load()
    assert [organisation_of(settings, name) for name in tenant_names()] == ["Contoso Group", "Fabrikam AG"]
    assert tenant_problems(settings) == []
    assert connection(tenant="fabrikam").tenant_id == GUID


def test_the_names_are_known_without_following_references(tenants):
    tenants(TWO)
    assert tenant_names() == ("contoso", "fabrikam")


def test_what_is_wrong_names_the_tenant(tenants):
    tenants(TWO)
    with pytest.raises(SettingsError) as raised:
        connection(tenant="contoso")
    (problem,) = raised.value.problems
    assert problem.variable == f"{Settings.load().tenants}, tenant 'contoso': client_secret"


def test_a_tenant_that_is_not_listed(tenants):
    tenants(TWO)
    assert "contoso, fabrikam" in problems_of(tenant="other")["DEFENDER_TENANTS"]


def test_a_tenant_where_there_is_only_one(env):
    assert "DEFENDER_TENANTS" in problems_of(tenant="other")


def test_a_mapping_of_names_is_a_list_of_tenants_too(tenants):
    tenants(f"one:\n  tenant_id: {GUID}\ntwo:\n  tenant_id: {GUID}\n")
    assert tenant_names() == ("one", "two")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tenants:",
        "tenants: []",
        f"- {CANARY}",
        "- tenant_id: x",
        f"- name: '../{CANARY}'",
        "- name: Contoso",
        "- name: a\n- name: a",
        f"tenants: [{CANARY}",
        f"a: b: {CANARY}",
        f"{CANARY}",
        "5",
    ],
)
def test_a_list_that_is_none_is_told_without_its_content(tenants, text):
    tenants(text)
    with pytest.raises(SettingsError, match="DEFENDER_TENANTS") as raised:
        tenant_names()
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("name", ["042", "007", "-5", "1e5", "2026-11-25", "true", "null", "nan", "'42'"])
def test_a_tenant_whose_name_readers_take_for_something_else_is_refused(tenants, name):
    tenants(f"- name: {name}\n")
    with pytest.raises(SettingsError, match=f"names a tenant '{name.strip(chr(39))}': .*t042"):
        tenant_names()


def test_the_word_for_all_tenants_is_no_name_of_one(tenants):
    tenants("- name: all\n")
    with pytest.raises(SettingsError, match="names a tenant 'all'"):
        tenant_names()


def test_what_stands_in_the_list_is_taken_as_it_is_written(tenants):
    tenants(f"""
    shared: &shared {{client_id: 0x10, client_secret: on, cloud: gcc}}
    tenants:
      - {{<<: *shared, name: t042, tenant_id: {GUID}, scope: null}}
    """)
    read = connection(tenant="t042")
    assert (read.client_id, read.credential, read.cloud.name) == ("0x10", ClientSecret("on"), "gcc")
    assert read.scope == CLOUDS["gcc"].scope


def test_a_setting_that_no_tenant_has_is_named(tenants):
    tenants(f"- name: a\n  lake: {CANARY}\n  tenant_idd: {CANARY}")
    named = problems_of(tenant="a")
    of_a = f"{Settings.load().tenants}, tenant 'a': "
    assert named[f"{of_a}lake"].endswith("leave it out there")
    assert named[f"{of_a}tenant_idd"].endswith("did you mean tenant_id?")


@pytest.mark.parametrize("name", ["-", "-x", "_x", "a" * 65, "a" * 300, "a b", "[a]", "''"])
def test_a_name_that_is_no_good_folder_of_the_lake_is_refused_by_one_rule(tenants, name):
    tenants(f"- name: {name if name.endswith((']', chr(39))) else repr(name)}\n")
    with pytest.raises(SettingsError, match=r"cannot be used \(number 1\): a name is made of at most 64 .* begins"):
        tenant_names()


@pytest.mark.parametrize("name", ["a", "0x", "a-b_c", "9-to-5", "a" * 64])
def test_a_name_that_the_list_takes_is_one_that_the_lake_takes(tenants, name, tmp_path):
    tenants(f"- name: {name}\n")
    (listed,) = tenant_names()
    assert tenant_of(tenant_folder("machines", listed).rpartition("/")[2]) == name


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            "- {{name: contoso, client_secret: {0}, client_secret: x}}",
            "client_secret twice in the entry of 'contoso'",
        ),
        ("- name: contoso\n  tenant_id: x\n  DEFENDER_TENANT_ID: {0}", "tenant_id twice in the entry of 'contoso'"),
        ("- name: contoso\n  Client_Id: {0}\n  client_id: x", "client_id twice in the entry of 'contoso'"),
        ("- {{name: contoso, name: fabrikam}}", "name twice in the entry of 'contoso'"),
        ("contoso: {{client_id: {0}, client_id: x}}", "client_id twice in the entry of 'contoso'"),
        ("tenants: [{{name: a}}]\ntenants: [{{name: b}}]", "tenants twice at its top"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_entry(tenants, text, where):
    tenants(text.format(CANARY))
    with pytest.raises(SettingsError, match=f"DEFENDER_TENANTS has {where} .line ") as raised:
        tenant_names()
    assert CANARY not in str(raised.value)


def test_a_name_that_stands_twice_in_a_mapping_is_told(tenants):
    tenants(f"contoso: {{client_id: {GUID}}}\ncontoso: {{client_id: other}}\n")
    with pytest.raises(SettingsError, match=r"lists 'contoso' twice \(line 2\): keep one"):
        tenant_names()
    tenants("contoso: {name: fabrikam}\n")
    with pytest.raises(SettingsError, match="has a name in the entry of 'contoso'"):
        tenant_names()


@pytest.mark.parametrize(("value", "kind"), [(f"[{CANARY}]", "a list"), (f"{{a: {CANARY}}}", "a mapping")])
def test_what_is_no_text_is_refused_with_its_entry_and_key(tenants, value, kind):
    tenants(f"- name: contoso\n  DEFENDER_CLIENT_SECRET: {value}\n")
    with pytest.raises(SettingsError, match=f"has {kind} as client_secret in the entry of 'contoso'") as raised:
        tenant_names()
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"tenants: {{a: [{CANARY}]}}", "has a list as the entry of 'a': write its settings there, as key: value"),
        (f"tenants: {{a: {CANARY}}}", "has a text as the entry of 'a': "),
        ("tenants:\n  a:\n  b: {}", "has nothing as the entry of 'a': "),
        (f"- name: a\n- [{CANARY}]", "has a list as entry number 2: write a name and settings there"),
        (f"- {CANARY}", "has a text as entry number 1: "),
        ("[" * 3000, "names a file in which lists or mappings are nested too deeply"),
    ],
)
def test_an_entry_that_is_no_mapping_is_told_as_what_it_is(tenants, text, says):
    tenants(text)
    with pytest.raises(SettingsError, match=re.escape(f"DEFENDER_TENANTS {says}")) as raised:
        tenant_names()
    assert CANARY not in str(raised.value)


def test_a_list_whose_entries_copy_each_other_without_measure_is_refused_at_once(tenants):
    twice_the_one_before = [f"&a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: v}}" for n in range(1, 40)]
    chain = ", ".join(["&a0 {k0: v}", *twice_the_one_before])
    for text in (f"shared: [{chain}]\n", f"? [{chain}]\n: v\ntenants: [{{name: a}}]\n", f"- name: a\n  ? [{chain}]\n"):
        tenants(text)
        with pytest.raises(SettingsError, match=r"names a file whose aliases stand for more than 1,000,000 values"):
            tenant_names()
    tenants(f"shared: &shared {{client_id: {GUID}}}\ntenants:\n  contoso: {{<<: *shared}}\n  b: {{<<: *shared}}\n")
    assert tenant_names() == ("contoso", "b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("name", ["DEFENDER_TENANTS", "DEFENDER_CLIENT_CERTIFICATE", "DEFENDER_FEDERATED_TOKEN_FILE"])
def test_a_list_certificate_or_token_that_is_no_small_file_is_told_at_once(env, tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_bytes(b"#" * (2**20 + 1))
    for path, why in (
        ("pipe", "it is a pipe or a device"),
        ("/dev/zero", "it is a pipe or a device"),
        ("huge", "it has more than 1 MiB"),
    ):
        env(**{"DEFENDER_CLIENT_SECRET": None, name: str(tmp_path / path)})
        assert f"names a file that cannot be read ({why})" in problems_of()[name]


def test_a_problem_names_the_entry_of_what_stands_there_and_the_variable_of_what_does_not(tenants, monkeypatch):
    tenants("- {name: contoso, tenant_id: no tenant, client_secret: a, client_certificate: /b}\n")
    monkeypatch.delenv("DEFENDER_CLIENT_ID")
    named = problems_of(tenant="contoso")
    file = Settings.load().tenants
    entry = f"{file}, tenant 'contoso': "
    assert set(named) == {
        f"{entry}tenant_id", f"{entry}client_secret", f"{entry}client_certificate",
        "tenant 'contoso': DEFENDER_CLIENT_ID",
    }  # fmt: skip
    assert "is set beside client_certificate:" in named[f"{entry}client_secret"]
    assert (
        f"(client_id in its entry of {file}, or DEFENDER_CLIENT_ID for all tenants)"
        in named["tenant 'contoso': DEFENDER_CLIENT_ID"]
    )


def test_a_list_that_cannot_be_read(env, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / CANARY))
    assert "cannot be read" in problems_of()["DEFENDER_TENANTS"]


def test_given_a_bundle_reference_that_cannot_be_followed_then_the_setting_is_named():
    with pytest.raises(SettingsError, match="DEFENDER_CA_BUNDLE is a secret reference that cannot be followed"):
        ca_bundle_path("file:/no/such/file")


def test_given_a_bundle_then_its_path_is_expanded_and_references_are_followed(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BUNDLE", "~/ca.pem")
    assert ca_bundle_path("env:BUNDLE") == tmp_path / "ca.pem"
    assert ca_bundle_path(None) is None
