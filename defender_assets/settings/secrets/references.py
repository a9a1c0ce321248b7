"""Following a reference: which store it names, and what goes wrong there.

Here: how each scheme is followed. Not here: their names (``schemes.py``), reading from one store (a module for each).
"""

from collections.abc import Callable
from pathlib import Path

from .aws_secrets_manager import from_aws_secrets_manager
from .errors import UnresolvedSecret
from .hashicorp_vault import from_hashicorp_vault
from .key_vault import from_key_vault
from .local import from_environment, from_file
from .quiet_libraries import quiet_libraries
from .schemes import AWS_SECRETS_MANAGER, ENVIRONMENT, HASHICORP_VAULT, KEY_VAULT, LOCAL_FILE

Resolver = Callable[[str, Path | None], str]

RESOLVERS: dict[str, Resolver] = {
    ENVIRONMENT: from_environment,
    LOCAL_FILE: from_file,
    KEY_VAULT: from_key_vault,
    AWS_SECRETS_MANAGER: from_aws_secrets_manager,
    HASHICORP_VAULT: from_hashicorp_vault,
}
"""Scheme of a reference -> how it is followed; the second argument is a file of further certificate authorities."""


def _is_reference(value: str) -> bool:
    """Whether the text is a reference to a value rather than the value."""
    return value.partition(":")[0] in RESOLVERS and ":" in value


def resolve(value: str, ca_bundle: Path | None = None) -> str:
    """The secret that a reference refers to; any other value is returned unchanged.

    ``ca_bundle`` is trusted beside the system's authorities. Raises UnresolvedSecret, whose text has neither the
    reference nor the secret.
    """
    if not _is_reference(value):
        return value
    scheme, _, rest = value.partition(":")
    if not rest.strip():
        raise UnresolvedSecret(f"nothing follows '{scheme}:'")
    try:
        with quiet_libraries():
            return RESOLVERS[scheme](rest.strip(), ca_bundle).strip()
    except UnresolvedSecret:
        raise
    except Exception as error:  # noqa: BLE001  (a vendor's library raises whatever it likes, with addresses in it)
        kind = type(error).__name__
    raise UnresolvedSecret(f"its store's client library failed ({kind}): check the store's own settings")
