"""Each request to the API and to the storage of export files, told to those who measure.

Here: what is told of a request. Not here: how many there were by dataset (``traffic.py``), quotas (``budget.py``), what
is done with it (``monitoring/``).

Nothing of an address is told but its host: paths have the ids of devices in them, queries are signatures.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ..listeners import Listeners


@dataclass
class Call:
    """One request for a dataset of a tenant. ``began_at`` is in seconds since 1970, ``status`` 0 where no response
    came, ``bytes_received`` as packed on the wire. It is complete when the listeners are told."""

    tenant: str
    dataset: str
    host: str
    service: Literal["api", "storage"]
    began_at: float
    status: int = 0
    bytes_received: int = 0
    seconds: float = 0.0


CALLS: Listeners[Call] = Listeners()
"""Who is told of every request of this process, when it has ended."""


@contextmanager
def measured_call(tenant: str, dataset: str, host: str, service: Literal["api", "storage"]) -> Iterator[Call]:
    """A request that is sent and answered within this block, which says what came."""
    call = Call(tenant, dataset, host, service, time.time())
    started = time.monotonic()
    try:
        yield call
    finally:
        call.seconds = time.monotonic() - started
        CALLS.tell(call)
