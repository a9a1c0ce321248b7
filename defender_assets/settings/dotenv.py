"""The file ``.env`` of the working directory.

Here: its name, the variables in it, which value holds where the environment has one too, and whether either changed.
Not here: what they mean (``variables.py``).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

DOTENV = ".env"
"""Read from the working directory, after the environment."""


def in_dotenv() -> dict[str, str | None]:
    """The variables that ``.env`` sets; none where it cannot be read, which ``Settings.readable`` tells."""
    try:
        return dotenv_values(DOTENV)
    except (OSError, UnicodeDecodeError):
        return {}


def as_written(prefix: str, *names: str) -> tuple[object, ...] | None:
    """What ``.env`` and the environment say of the variables with this prefix and of those with these names, to be
    compared: equal answers mean that nothing was changed. None where ``.env`` cannot be read."""
    environment = [
        item for item in os.environ.items() if item[0].upper().startswith(prefix) or item[0].upper() in names
    ]
    try:
        dotenv = Path(DOTENV).read_bytes()
    except FileNotFoundError:
        dotenv = None
    except OSError:
        return None
    return dotenv, *sorted(environment)


@dataclass(frozen=True)
class SetVariable:
    """A variable that is set; ``place`` says in words where."""

    value: str = field(repr=False)
    place: str


def set_variables(names: Iterable[str]) -> dict[str, SetVariable]:
    """Of these variables those that the environment sets, or else ``.env``, in the same order; one that is empty is not
    set."""
    dotenv = in_dotenv()
    found: dict[str, SetVariable] = {}
    for name in names:
        if value := os.environ.get(name):
            found[name] = SetVariable(value, name)
        elif value := dotenv.get(name):
            found[name] = SetVariable(value, f"{name} of {DOTENV}")
    return found


def value_of(name: str) -> str | None:
    """A variable of the environment, else of ``.env``; None where it is not set, or empty, in both."""
    found = set_variables([name]).get(name)
    return found.value if found else None


def take_into_environment(names: Iterable[str]) -> None:
    """For a library that reads the environment alone: of these variables those that ``.env`` sets, and the environment
    does not."""
    dotenv = in_dotenv()
    for name in names:
        if value := dotenv.get(name):
            os.environ.setdefault(name, value)
