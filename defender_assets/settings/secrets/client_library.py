"""The vendors' client libraries, which only users of their stores need to install.

Here: importing them, and keeping what they log quiet. Not here: using them (a module for each store).
"""

import importlib
import logging
from types import ModuleType

from .errors import UnresolvedSecret

# botocore logs whole answers at DEBUG, secrets in them; urllib3 the address that is tried again, which is the
# reference; azure-identity a page about every credential that it tried.
_TALKATIVE = ("azure", "boto3", "botocore", "hvac", "msal", "requests", "urllib3")


def client_library(module: str, service: str, extra: str) -> ModuleType:
    """A module of a vendor's library. Raises UnresolvedSecret naming the ``extra`` that installs it."""
    try:
        imported = importlib.import_module(module)
    except ImportError:
        raise UnresolvedSecret(
            f"reading it from {service} needs a client library: pip install 'defender-assets[{extra}]'"
        ) from None
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.ERROR:
            logger.setLevel(logging.ERROR)
    return imported
