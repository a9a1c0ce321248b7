"""Secret references: where a setting's value is stored, and how it is read from there.

Here: one resolver for each scheme, and the registry of them. Not here: which settings there are (``variables.py``).

A value is resolved when it is needed, and never stored. To add a scheme, write a function that takes what follows the
colon and returns the secret, and list it in ``RESOLVERS``.
"""

import importlib
import json
import os
from collections.abc import Callable
from types import ModuleType
from urllib.parse import urlsplit

from .dotenv import in_dotenv
from .paths import expanded


class UnresolvedSecret(ValueError):
    """A secret reference could not be followed. The text says why, and never what it refers to."""


Resolver = Callable[[str], str]


def _from_environment(name: str) -> str:
    value = os.environ.get(name) or in_dotenv().get(name)
    if not value:
        raise UnresolvedSecret("the environment variable it refers to is not set, in the environment or in .env")
    return value


def _from_file(path: str) -> str:
    try:
        value = expanded(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnresolvedSecret(f"the file it refers to cannot be read ({reason})") from None
    if not value:
        raise UnresolvedSecret("the file it refers to is empty")
    return value


def _client_library(module: str, service: str, extra: str) -> ModuleType:
    """A vendor's client library, which only users of that service need to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UnresolvedSecret(
            f"reading it from {service} needs a client library: pip install 'defender-assets[{extra}]'"
        ) from None


_KEY_VAULTS = (".vault.azure.net", ".vault.usgovcloudapi.net")


def _from_key_vault(address: str) -> str:
    """``https://VAULT.vault.azure.net/secrets/NAME[/VERSION]``, as Azure's default credential chain may read it.

    https://learn.microsoft.com/en-us/python/api/overview/azure/keyvault-secrets-readme
    """
    parts = urlsplit(address)
    steps = parts.path.strip("/").split("/")
    if parts.scheme != "https" or not (parts.hostname or "").endswith(_KEY_VAULTS) or steps[0] != "secrets":
        raise UnresolvedSecret("an Azure Key Vault reference reads keyvault:https://VAULT.vault.azure.net/secrets/NAME")
    if not 2 <= len(steps) <= 3:
        raise UnresolvedSecret("an Azure Key Vault reference ends in /secrets/NAME or /secrets/NAME/VERSION")
    identity = _client_library("azure.identity", "Azure Key Vault", "azure")
    secrets = _client_library("azure.keyvault.secrets", "Azure Key Vault", "azure")
    errors = _client_library("azure.core.exceptions", "Azure Key Vault", "azure")
    try:
        with (
            identity.DefaultAzureCredential() as credential,
            secrets.SecretClient(f"https://{parts.netloc}", credential) as client,
        ):
            value = client.get_secret(*steps[1:]).value
    except errors.AzureError as error:
        # The texts list every credential that was tried, addresses included: only the kind of error is shown.
        raise UnresolvedSecret(f"Azure Key Vault did not give it ({type(error).__name__})") from None
    if not value:
        raise UnresolvedSecret("Azure Key Vault holds nothing there")
    return str(value)


def _from_aws_secrets_manager(name: str) -> str:
    """``NAME[#json-key]``, as boto3's credential chain may read it; NAME may be an ARN.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    secret_id, _, key = name.partition("#")
    boto3 = _client_library("boto3", "AWS Secrets Manager", "aws")
    errors = _client_library("botocore.exceptions", "AWS Secrets Manager", "aws")
    try:
        value = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id).get("SecretString")
    except errors.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise UnresolvedSecret(f"AWS Secrets Manager did not give it ({code})") from None
    except errors.BotoCoreError as error:
        raise UnresolvedSecret(f"AWS Secrets Manager did not give it ({type(error).__name__})") from None
    if not value:
        raise UnresolvedSecret("AWS Secrets Manager holds no text there")
    return _member(value, key, "AWS Secrets Manager") if key else value


def _member(document: str, key: str, service: str) -> str:
    try:
        value = json.loads(document)[key]
    except (ValueError, KeyError, TypeError, IndexError):
        raise UnresolvedSecret(f"what {service} holds there is no JSON object with the key it names") from None
    return str(value)


def _from_hashicorp_vault(place: str) -> str:
    """``mount/path#key`` of a key-value engine, version 2 or 1. ``VAULT_ADDR``, ``VAULT_TOKEN``, ``VAULT_CACERT`` and
    ``VAULT_NAMESPACE`` select the Vault and authenticate.

    https://developer.hashicorp.com/vault/api-docs/secret/kv
    """
    where, _, key = place.partition("#")
    mount, _, path = where.strip("/").partition("/")
    if not (mount and path and key):
        raise UnresolvedSecret("a HashiCorp Vault reference reads vault:mount/path#key")
    hvac = _client_library("hvac", "HashiCorp Vault", "vault")
    errors = _client_library("hvac.exceptions", "HashiCorp Vault", "vault")
    requests = _client_library("requests.exceptions", "HashiCorp Vault", "vault")
    client = hvac.Client(namespace=os.environ.get("VAULT_NAMESPACE"))
    try:
        try:
            answer = client.secrets.kv.v2.read_secret_version(
                path=path, mount_point=mount, raise_on_deleted_version=True
            )
            secret = answer["data"]["data"]
        except errors.InvalidPath:
            # Version 1 of the engine has no "data/" level. Only a request shows which version it is.
            secret = client.secrets.kv.v1.read_secret(path=path, mount_point=mount)["data"]
    except (errors.VaultError, requests.RequestException) as error:
        raise UnresolvedSecret(f"HashiCorp Vault did not give it ({type(error).__name__})") from None
    finally:
        client.adapter.close()
    if not isinstance(secret, dict) or not secret.get(key):
        raise UnresolvedSecret("what HashiCorp Vault holds there has not the key it names")
    return str(secret[key])


RESOLVERS: dict[str, Resolver] = {
    "env": _from_environment,
    "file": _from_file,
    "keyvault": _from_key_vault,
    "aws-sm": _from_aws_secrets_manager,
    "vault": _from_hashicorp_vault,
}
"""Scheme of a reference -> how it is followed."""

_ON_THIS_MACHINE = frozenset({"env", "file"})
"""Schemes that are followed without the network."""


def _is_reference(value: str) -> bool:
    """Whether the text is a reference to a value rather than the value."""
    return value.partition(":")[0] in RESOLVERS and ":" in value


def needs_network(value: str) -> bool:
    """Whether the text is a reference that only the network can follow."""
    return _is_reference(value) and value.partition(":")[0] not in _ON_THIS_MACHINE


def resolve(value: str) -> str:
    """The secret that a reference refers to; any other value is returned unchanged.

    Raises UnresolvedSecret, whose text has neither the reference nor the secret.
    """
    if not _is_reference(value):
        return value
    scheme, _, rest = value.partition(":")
    if not rest.strip():
        raise UnresolvedSecret(f"nothing follows '{scheme}:'")
    return RESOLVERS[scheme](rest.strip()).strip()
