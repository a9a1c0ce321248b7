"""The file ``.env`` of the working directory.

Here: its name, the variables in it, and which value holds where the environment has one too. Not here: what they mean
(``variables.py``).
"""

import os
from collections.abc import Iterable

from dotenv import dotenv_values

DOTENV = ".env"
"""Read from the working directory, after the environment."""


def in_dotenv() -> dict[str, str | None]:
    """The variables that ``.env`` sets; none where it cannot be read, which ``Settings.readable`` tells."""
    try:
        return dotenv_values(DOTENV)
    except (OSError, UnicodeDecodeError):
        return {}


def value_of(name: str) -> str | None:
    """A variable of the environment, else of ``.env``; None where it is not set, or empty, in both."""
    return os.environ.get(name) or in_dotenv().get(name) or None


def take_into_environment(names: Iterable[str]) -> None:
    """For a library that reads the environment alone: of these variables those that ``.env`` sets, and the environment
    does not."""
    dotenv = in_dotenv()
    for name in names:
        if value := dotenv.get(name):
            os.environ.setdefault(name, value)
