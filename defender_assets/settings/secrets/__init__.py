"""Secret references: where a setting's value is stored, and how it is read from there.

Here: following a reference; a module for each kind of store. Not here: which settings there are (``variables.py``).

A value is read when it is needed, and never stored. To add a scheme, write a function that takes what follows the
colon and a file of further certificate authorities and returns the secret, name the scheme in ``schemes.py``, and list
it in ``RESOLVERS``.
"""

from .errors import UnresolvedSecret
from .expiry import NotedEnd, noted_expiries
from .references import RESOLVERS, resolve
from .schemes import needs_network

__all__ = ["RESOLVERS", "NotedEnd", "UnresolvedSecret", "needs_network", "noted_expiries", "resolve"]
