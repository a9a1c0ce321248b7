"""Variables that begin like a setting and are not one: most likely a setting that is misspelled, and so has no effect.

Here: finding them, in the environment and in ``.env``. Not here: which settings there are (``variables.py``), printing
a warning (``cli/console.py``). No sentence has a value in it.
"""

import os
import re
from typing import Any

from ..spelling import is_meant, near_names
from .dotenv import in_dotenv
from .errors import SettingsError
from .tenants import tenant_entries
from .variables import PREFIX, Settings, variable

_NAME = re.compile(rf"{PREFIX}[A-Z0-9_]+")
_REFERENCE = re.compile(r"\s*env:\s*(\S+)\s*")
# Kubernetes and Docker set these for a service whose name begins with "defender".
_OF_A_SERVICE = re.compile(r"_SERVICE_(HOST|PORT)|_PORT$|_PORT_\d+_(TCP|UDP)")


def unknown_settings(settings: Settings) -> list[str]:
    """A sentence for each variable ``DEFENDER_…`` that has a value and that nothing reads."""
    values = {name: value for name, value in {**in_dotenv(), **os.environ}.items() if value}
    known = {variable(field) for field in Settings.model_fields}
    try:
        of_tenants = [value for entry in tenant_entries(settings).values() for value in entry.values()]
    except SettingsError:
        of_tenants = []  # whoever needs the tenants is told
    referenced = {name.upper() for value in (*values.values(), *of_tenants) if (name := _referenced(value))}
    # The names of settings are understood in lower case too.
    names = sorted({name.upper() for name in values} - known - referenced)
    return [_sentence(name, known) for name in names if _NAME.fullmatch(name) and not _OF_A_SERVICE.search(name)]


def _referenced(value: Any) -> str | None:
    """The variable that a secret reference names."""
    reference = _REFERENCE.fullmatch(str(value))
    return reference[1] if reference else None


def _sentence(name: str, known: set[str]) -> str:
    # They all begin alike: what comes after it is compared.
    near = near_names(name.removeprefix(PREFIX), [setting.removeprefix(PREFIX) for setting in known])
    meant = is_meant([PREFIX + ending for ending in near], before="; ")
    return f"{name} is not a setting{meant or ' and has no effect.'}"
