"""The schemes of secret references: what stands before the colon.

Here: their names, what a reference looks like, which need the network. Not here: how each is followed
(``references.py``).
"""

ENVIRONMENT = "env"
LOCAL_FILE = "file"
KEY_VAULT = "keyvault"
AWS_SECRETS_MANAGER = "aws-sm"
HASHICORP_VAULT = "vault"

_OF_THE_NETWORK = frozenset({KEY_VAULT, AWS_SECRETS_MANAGER, HASHICORP_VAULT})
_ALL = _OF_THE_NETWORK | {ENVIRONMENT, LOCAL_FILE}


def is_reference(value: str) -> bool:
    """Whether the text is a reference to a value rather than the value."""
    scheme, colon, _ = value.partition(":")
    return bool(colon) and scheme in _ALL


def needs_network(value: str) -> bool:
    """Whether the text is a reference that only the network can follow."""
    scheme, colon, _ = value.partition(":")
    return bool(colon) and scheme in _OF_THE_NETWORK
