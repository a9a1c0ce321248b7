"""The storage behind export files: one part from one signed address.

Here: a GET without the bearer, and what its response means. Not here: which parts there are and in which order
(``exports.py``).

A signed address is a secret: it never goes into a message, and redirects are not followed. https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob
"""

import re
import threading
from enum import Enum, auto
from typing import BinaryIO

import httpx

from .client import DefenderClient, broken_connection
from .errors import BrokenAnswer, ForeignHost, ServiceFault, Throttled, WrongHost
from .hosts import host_of, may_hold_parts, origin_of, path_of
from .retry import retry_after_seconds, server_time


class Delivery(Enum):
    """What became of one download."""

    WHOLE = auto()
    EMPTY = auto()
    """A part without rows."""
    NOT_YET = auto()
    """The storage is still copying it, or does not have it yet."""
    REFUSED = auto()
    """The address has expired, or never was valid: a new list is needed."""


_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")


def fetch_part(
    client: DefenderClient, address: str, into: BinaryIO, dataset: str, *, stopped: threading.Event
) -> Delivery:
    """Writes a part, as packed, to ``into``; ends early when ``stopped``.

    Raises ForeignHost, and retryable errors for what may be tried again.
    """
    host = host_of(address)
    if not may_hold_parts(address, client.connection):
        raise ForeignHost(
            f"{dataset}: an export file is said to lie at {origin_of(address)}, which is no storage of the configured "
            "cloud; it was not fetched",
            dataset=dataset,
        )
    what = f"GET {path_of(address).rpartition('/')[2]}"
    try:
        # The part is stored packed and must not be packed again.
        with client.http.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code == 200:
                return _write(client, response, into, dataset, stopped)
            body = response.read()[:4_096]
            status, headers = response.status_code, response.headers
    except httpx.TransportError as error:
        failure = broken_connection(error, dataset, what, host)
    except (httpx.InvalidURL, httpx.StreamError, httpx.DecodingError, UnicodeError):
        failure = BrokenAnswer(f"{dataset}: {what} at {host} cannot be read", dataset=dataset)
    else:
        return _other_than_200(status, headers, body, dataset, f"{what} at {host}")
    # Outside the handlers: httpx's errors have the whole address in them.
    raise failure


def _write(
    client: DefenderClient, response: httpx.Response, into: BinaryIO, dataset: str, stopped: threading.Event
) -> Delivery:
    size = 0
    for chunk in client.traffic.counting(dataset, response.iter_raw()):
        if stopped.is_set() or client.closed:
            raise BrokenAnswer(f"{dataset}: the reading was stopped", dataset=dataset, retryable=False)
        into.write(chunk)
        size += len(chunk)
    if response.headers.get("x-ms-copy-status", "").strip().lower() == "pending":
        # Seen in the field: 200 and no bytes until the storage has finished its own copy.
        return Delivery.NOT_YET
    return Delivery.WHOLE if size else Delivery.EMPTY


def _other_than_200(status: int, headers: httpx.Headers, body: bytes, dataset: str, what: str) -> Delivery:
    if status in (401, 403):
        return Delivery.REFUSED
    if status in (404, 409):
        # Seen in the field: 404 at first. 409 is the documented status of a pending copy.
        return Delivery.NOT_YET
    code = _CODE.search(body)
    answered = f"{dataset}: {what} answered {status}" + (f" {code[1].decode()}" if code else "")
    wait = retry_after_seconds(headers.get("Retry-After"), now=server_time(headers.get("Date")))
    if status == 429:
        raise Throttled(answered, dataset=dataset, status=status, retry_after=wait)
    if status >= 500:
        raise ServiceFault(answered, dataset=dataset, status=status, retry_after=wait)
    raise WrongHost(
        answered, dataset=dataset, status=status, remedy="The storage does not do what export files need; report it."
    )
