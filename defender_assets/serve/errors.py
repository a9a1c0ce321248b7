"""Why Dagster is not served.

Here: the tree of errors. Not here: settings that are wrong (``settings/errors.py``).

::

    ServeError
    ├── AddressInUse         another program listens on the port
    ├── AlreadyServed        another process serves the same home
    └── ProcessKeepsExiting  one of the three processes ends again and again
"""

from ..errors import DefenderAssetsError


class ServeError(DefenderAssetsError):
    """Dagster cannot be served here and now; nothing that was started is left running."""


class AddressInUse(ServeError):
    """Another program listens on the port."""


class AlreadyServed(ServeError):
    """Another process serves the same home."""


class ProcessKeepsExiting(ServeError):
    """One of the three processes ends again and again; it has said why on standard error."""
