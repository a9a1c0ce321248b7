"""Following a reference: which store it names, and what goes wrong there.

Here: how each scheme is followed. Not here: their names (``schemes.py``), reading from one store (a module for each).
"""

from collections.abc import Callable
from pathlib import Path

from .aws_secrets_manager import from_aws_secrets_manager
from .errors import ANOTHER_REFERENCE, UnresolvedSecret
from .hashicorp_vault import from_hashicorp_vault
from .key_vault import from_key_vault
from .local import from_environment, from_file
from .quiet_libraries import quiet_libraries
from .schemes import AWS_SECRETS_MANAGER, ENVIRONMENT, HASHICORP_VAULT, KEY_VAULT, LOCAL_FILE, is_reference

Resolver = Callable[[str, Path | None], str]

RESOLVERS: dict[str, Resolver] = {
    ENVIRONMENT: from_environment,
    LOCAL_FILE: from_file,
    KEY_VAULT: from_key_vault,
    AWS_SECRETS_MANAGER: from_aws_secrets_manager,
    HASHICORP_VAULT: from_hashicorp_vault,
}
"""Scheme of a reference -> how it is followed; the second argument is a file of further certificate authorities."""


def resolve(value: str, ca_bundle: Path | None = None) -> str:
    """The secret that a reference refers to; any other value is returned unchanged.

    ``ca_bundle`` is trusted beside the system's authorities. Raises UnresolvedSecret, whose text has neither the
    reference nor the secret; also where a reference leads to another one, which would else be sent as the secret.
    """
    if not is_reference(value):
        return value
    scheme, _, rest = value.partition(":")
    if not rest.strip():
        raise UnresolvedSecret(f"nothing follows '{scheme}:'")
    try:
        with quiet_libraries():
            secret, failure = RESOLVERS[scheme](rest.strip(), ca_bundle).strip(), ""
    except UnresolvedSecret:
        raise
    except Exception as error:  # noqa: BLE001  (a vendor's library raises whatever it likes, with addresses in it)
        kind = type(error).__name__
        secret, failure = "", f"its store's client library failed ({kind}): check the store's own settings"
    if failure or is_reference(secret):
        raise UnresolvedSecret(failure or ANOTHER_REFERENCE)
    return secret
