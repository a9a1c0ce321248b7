"""The vendors' client libraries, which only users of their stores need to install.

Here: importing them. Not here: using them (a module for each store), what they log (``quiet_libraries.py``).
"""

import importlib
from types import ModuleType

from .errors import UnresolvedSecret


def client_library(module: str, service: str, extra: str) -> ModuleType:
    """A module of a vendor's library. Raises UnresolvedSecret naming the ``extra`` that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UnresolvedSecret(
            f"reading it from {service} needs a client library: pip install 'defender-assets[{extra}]'"
        ) from None
