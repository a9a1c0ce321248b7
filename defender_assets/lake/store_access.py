"""The kinds of object stores, and with which identity one is opened.

Here: which library opens a kind, which of its variables become which of its options, secret references in them
followed. Not here: opening the store (``object_storage.py``), settings named ``DEFENDER_…`` (``settings/``).

The libraries read the process's environment, and know neither ``.env`` nor secret references. Where no variable is set
the library finds an identity by itself: a profile, a role or the managed identity of the machine.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..settings import UnresolvedSecret, in_dotenv, resolve, set_variables
from .errors import LakeError


@dataclass(frozen=True)
class StoreKind:
    """``bucket``: what this store calls the place that has to be there before anything can be kept in it. ``address``:
    how a lake there is named. ``chain``: what the library looks through where no variable is set. ``identity`` and
    ``place``: variable -> option of the library; of two for one option the later one counts."""

    install: str
    bucket: str
    address: str
    chain: str
    identity: Mapping[str, str]
    place: Mapping[str, str]


_AZURE = StoreKind(
    install="pip install 'defender-assets[azure-storage]'",
    bucket="container",
    address="abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER",
    chain="Azure's default chain: environment, workload or managed identity, Azure CLI",
    identity={
        "AZURE_STORAGE_CONNECTION_STRING": "connection_string",
        "AZURE_STORAGE_ACCOUNT_KEY": "account_key",
        "AZURE_STORAGE_SAS_TOKEN": "sas_token",
        "AZURE_STORAGE_CLIENT_ID": "client_id",
        "AZURE_STORAGE_CLIENT_SECRET": "client_secret",
    },
    place={"AZURE_STORAGE_ACCOUNT_NAME": "account_name", "AZURE_STORAGE_TENANT_ID": "tenant_id"},
)
_S3 = StoreKind(
    install="pip install 'defender-assets[s3]'",
    bucket="bucket",
    address="s3://BUCKET/FOLDER",
    chain="AWS's default chain: profile, web identity, role of the machine",
    identity={
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_PROFILE": "profile",
    },
    place={
        "AWS_ENDPOINT_URL": "endpoint_url",
        "AWS_ENDPOINT_URL_S3": "endpoint_url",
        "AWS_DEFAULT_REGION": "client_kwargs.region_name",
        "AWS_REGION": "client_kwargs.region_name",
        "AWS_CA_BUNDLE": "client_kwargs.verify",
    },
)
_GOOGLE = StoreKind(
    install="pip install gcsfs",
    bucket="bucket",
    address="gs://BUCKET/FOLDER",
    chain="Google's default chain",
    identity={"GOOGLE_APPLICATION_CREDENTIALS": "token"},
    place={},
)
_KINDS = {
    **dict.fromkeys(("abfs", "abfss", "az"), _AZURE),
    **dict.fromkeys(("s3", "s3a"), _S3),
    **dict.fromkeys(("gs", "gcs"), _GOOGLE),
}
_AZURE_HOST = re.compile(r"(?P<account>[^.]+)\.(?:dfs|blob)\.(?P<cloud>.+)")


def store_kind(url: str) -> StoreKind | None:
    """The kind of store at ``url``; None of one that is known to fsspec alone."""
    return _KINDS.get(_protocol(url))


def _protocol(url: str) -> str:
    return url.partition("://")[0].lower()


@dataclass(frozen=True)
class StoreAccess:
    """``options`` for the store's library, which hold secrets; ``identity``: where they come from, in words and without
    them."""

    options: Mapping[str, Any] = field(repr=False)
    identity: str


def store_access(url: str) -> StoreAccess:
    """How the store at ``url`` is opened. Raises LakeError, naming the variable, for a secret reference in one that
    cannot be followed."""
    options, kind = _configured(_protocol(url)), store_kind(url)
    if kind is None:
        return StoreAccess(options, "the identity that its library finds")
    options |= _of_address(url, kind)
    named: dict[str, str] = {}
    option_of = {**kind.place, **kind.identity}
    for variable, found in set_variables(option_of).items():
        _put(options, option_of[variable], _resolved(variable, found.value))
        if variable in kind.identity:
            named[option_of[variable]] = found.place
    return StoreAccess(options, ", ".join(named.values()) or f"what {kind.chain} finds")


def _configured(protocol: str) -> dict[str, Any]:
    """The options in fsspec's own variables (``FSSPEC_S3='{…}'``) in ``.env``. Those of the environment it reads by
    itself."""
    import fsspec.config

    lines = {name: value for name, value in in_dotenv().items() if name.startswith("FSSPEC_") and value}
    found: dict[str, dict[str, Any]] = {}
    fsspec.config.set_conf_env(found, {name: value for name, value in lines.items() if name not in os.environ})
    return found.get(protocol, {})


def _of_address(url: str, kind: StoreKind) -> dict[str, Any]:
    """Account and host of an Azure cloud other than the public one, which is the only one that adlfs knows."""
    host = _AZURE_HOST.fullmatch(urlsplit(url).hostname or "") if kind is _AZURE else None
    if host is None or host["cloud"] == "core.windows.net":
        return {}
    return {"account_name": host["account"], "account_host": f"{host['account']}.blob.{host['cloud']}"}


def _put(options: dict[str, Any], option: str, value: str) -> None:
    outer, dot, inner = option.partition(".")
    if dot:
        options[outer] = {**options.get(outer, {}), inner: value}
    else:
        options[outer] = value


def _resolved(variable: str, value: str) -> str:
    try:
        return resolve(value)
    except UnresolvedSecret as error:
        raise LakeError(
            f"The lake cannot be opened: {variable} is a secret reference that cannot be followed: {error}."
        ) from None
