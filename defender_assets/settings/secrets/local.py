"""Values that are on this machine: environment variables, ``.env``, files.

Here: reading them. Not here: stores that the network leads to (a module for each), files of bounded size
(``settings/small_files.py``).
"""

from pathlib import Path

from ..dotenv import value_of
from ..paths import expanded
from ..small_files import read_small
from .errors import ANOTHER_REFERENCE, UnresolvedSecret
from .schemes import ENVIRONMENT, LOCAL_FILE, is_reference


def from_environment(name: str, _: Path | None = None) -> str:
    """The variable of the environment, else of ``.env``."""
    value = value_of(name)
    if not value:
        raise UnresolvedSecret("the environment variable it refers to is not set, in the environment or in .env")
    return value


def from_file(path: str, _: Path | None = None) -> str:
    """What the file holds, without white space around it."""
    try:
        value = read_small(expanded(path)).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnresolvedSecret(f"the file it refers to cannot be read ({reason})") from None
    if not value:
        raise UnresolvedSecret("the file it refers to is empty")
    return value


def store_variable(name: str) -> str | None:
    """A variable that reaches or opens a store (``VAULT_TOKEN``), of the environment, else of ``.env``; None if unset.

    It may itself be ``env:NAME`` or ``file:PATH``. Raises UnresolvedSecret naming it.
    """
    value = (value_of(name) or "").strip()
    scheme, _, rest = value.partition(":")
    follow = {ENVIRONMENT: from_environment, LOCAL_FILE: from_file}.get(scheme)
    if follow is None:
        return value or None
    try:
        secret = follow(rest.strip()).strip()
    except UnresolvedSecret as error:
        raise UnresolvedSecret(f"{name}: {error}") from None
    if is_reference(secret):
        raise UnresolvedSecret(f"{name}: {ANOTHER_REFERENCE}")
    return secret


def store_variables(first: str, second: str) -> tuple[str, str] | None:
    """Two variables of a store that are of use together only; None where neither is set. Raises UnresolvedSecret where
    one is missing: whoever sets the other means it to be used."""
    values = store_variable(first), store_variable(second)
    if values[0] and values[1]:
        return values[0], values[1]
    if values[0] or values[1]:
        present, missing = (first, second) if values[0] else (second, first)
        raise UnresolvedSecret(f"{missing} is not set, which {present} needs")
    return None
