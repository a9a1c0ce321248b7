"""Azure Key Vault, as Azure's default credential chain may read it.

Here: one secret; a certificate is one too, with its private key. Not here: what a certificate is used for
(``certificate.py``).

https://learn.microsoft.com/en-us/python/api/overview/azure/keyvault-secrets-readme
https://learn.microsoft.com/en-us/python/api/overview/azure/identity-readme#defaultazurecredential
"""

from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from .client_library import client_library
from .errors import UnresolvedSecret, causes, no_tls, sentence
from .expiry import NotedEnd, note_expiry
from .local import store_variable
from .trust import trusted_authorities

_SERVICE = "Azure Key Vault"
_AUTHORITIES = {".vault.azure.net": "login.microsoftonline.com", ".vault.usgovcloudapi.net": "login.microsoftonline.us"}
"""Ending of a vault's host -> where its credentials log in."""


def from_key_vault(address: str, ca_bundle: Path | None) -> str:
    """``https://VAULT.vault.azure.net/secrets/NAME[/VERSION]``."""
    host, name, version = _parts(address)
    identity = client_library("azure.identity", _SERVICE, "azure")
    secrets = client_library("azure.keyvault.secrets", _SERVICE, "azure")
    errors = client_library("azure.core.exceptions", _SERVICE, "azure")
    value, failure = None, f"{_SERVICE} holds nothing there"
    with trusted_authorities(ca_bundle) as authorities:
        try:
            with (
                _credential(identity, host, authorities) as credential,
                secrets.SecretClient(f"https://{host}", credential, connection_verify=authorities) as client,
            ):
                secret = client.get_secret(name, version)
                value = secret.value
                if secret.properties.expires_on is not None:
                    note_expiry(NotedEnd("secret in the vault", secret.properties.expires_on))
        except errors.AzureError as error:
            failure = _sentence(error)
    if not value:
        raise UnresolvedSecret(failure)
    return str(value)


def _credential(identity: ModuleType, host: str, authorities: str) -> Any:
    authority = store_variable("AZURE_AUTHORITY_HOST") or next(
        login for ending, login in _AUTHORITIES.items() if host.endswith(ending)
    )
    trust = {"authority": authority, "connection_verify": authorities}
    application = [store_variable(name) for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")]
    # First in Azure's own chain as well, which does not read .env.
    if all(application):
        return identity.ClientSecretCredential(*application, **trust)
    return identity.DefaultAzureCredential(**trust)


def _parts(address: str) -> tuple[str, str, str | None]:
    """Host, name and version of a secret."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        well_formed = parts.scheme == "https" and parts.netloc.lower() == host and host.endswith(tuple(_AUTHORITIES))
    except ValueError:
        well_formed = False
    steps = parts.path.strip("/").split("/") if well_formed else []
    if not steps or steps[0] != "secrets" or parts.query or parts.fragment:
        raise UnresolvedSecret("an Azure Key Vault reference reads keyvault:https://VAULT.vault.azure.net/secrets/NAME")
    if not 2 <= len(steps) <= 3:
        raise UnresolvedSecret("an Azure Key Vault reference ends in /secrets/NAME or /secrets/NAME/VERSION")
    return host, steps[1], steps[2] if len(steps) == 3 else None


_CREDENTIALS = (
    "give this machine a managed identity or a workload identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET"
)
_NO_CREDENTIAL = ("was not asked: Azure accepted no credential for it", _CREDENTIALS)
_MEANINGS = {
    "ClientAuthenticationError": _NO_CREDENTIAL,
    "CredentialUnavailableError": _NO_CREDENTIAL,
    "ResourceNotFoundError": ("has no such secret", ""),
    "ServiceRequestError": ("or the login before it cannot be reached", ""),
    "ServiceResponseError": ("or the login before it broke off", ""),
}


def _sentence(error: Exception) -> str:
    """What an AzureError means. Azure's own texts list every credential that was tried."""
    kind = type(error).__name__
    if failure := no_tls(_SERVICE, error, "DEFENDER_CA_BUNDLE"):
        return failure
    if kind == "ClientAuthenticationError" and "ServiceRequestError" in {type(each).__name__ for each in causes(error)}:
        kind = "ServiceRequestError"  # the login was not reached, so it accepted or refused nothing
    if getattr(error, "status_code", None) == 403:
        return (
            f"{_SERVICE} refused it ({kind}): the credential needs the role Key Vault Secrets User there, and the "
            "vault's firewall has to let this machine in"
        )
    return sentence(_SERVICE, _MEANINGS, kind)
