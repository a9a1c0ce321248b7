"""The storage behind export files: one part from one signed address.

Here: a GET without the bearer, what its response means, and whether all of the part came. Not here: which parts there
are and in which order (``exports.py``), when one is read again (``export_download.py``).

A signed address is a secret: it never goes into a message, and redirects are not followed. https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob
"""

import base64
import hashlib
import re
import threading
from enum import Enum, auto
from typing import BinaryIO

import httpx

from .calls import Call, measured_call
from .client import LARGEST_ERROR, DefenderClient, broken_connection
from .compression import Damaged, Overlong, decompressed_body
from .errors import BrokenAnswer, ForeignHost, ServiceFault, Throttled, TooLarge, WrongHost
from .hosts import host_of, may_hold_parts, origin_of, path_of
from .http import steady
from .retry import retry_after_seconds, server_time

LARGEST_PART = 8 << 30
"""Bytes of a part, as packed."""


class Delivery(Enum):
    """What became of one download."""

    WHOLE = auto()
    EMPTY = auto()
    """No bytes came: a part without rows, or one that the storage does not have yet."""
    NOT_YET = auto()
    """The storage is still copying it, or does not have it yet."""
    REFUSED = auto()
    """The address has expired, or never was valid: a new list is needed."""


_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")
_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d{1,18})")


def check_is_storage(client: DefenderClient, address: str, dataset: str) -> None:
    """Raises ForeignHost for an address that is not in the storage of the configured cloud."""
    if not may_hold_parts(address, client.connection):
        raise ForeignHost(
            f"{dataset}: the address of an export file leads to {origin_of(address)}, which is no storage of the "
            "configured cloud; the file was not fetched",
            dataset=dataset,
        )


def fetch_part(
    client: DefenderClient, address: str, into: BinaryIO, dataset: str, *, stopped: threading.Event
) -> Delivery:
    """Writes a part, as packed, to ``into``; ends early when ``stopped``.

    Raises ForeignHost, TooLarge, and retryable errors for what may be tried again.
    """
    check_is_storage(client, address, dataset)
    host = host_of(address)
    what = f"GET {path_of(address).rpartition('/')[2]}"
    tenant = client.connection.tenant_name
    try:
        # The part is stored packed and must not be packed again.
        with (
            measured_call(tenant, dataset, host, "storage") as call,
            client.http.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response,
        ):
            call.status = response.status_code
            if response.status_code == 200:
                return _write(client, response, into, dataset, stopped, call)
            status, headers = response.status_code, response.headers
            body = _short_body(response)
    except httpx.TransportError as error:
        failure = broken_connection(error, dataset, what, host)
    except (httpx.InvalidURL, httpx.StreamError, httpx.DecodingError, UnicodeError):
        failure = BrokenAnswer(f"{dataset}: {what} at {host} cannot be read", dataset=dataset)
    else:
        return _other_than_200(status, headers, body, dataset, f"{what} at {host}")
    # Outside the handlers: httpx's errors have the whole address in them.
    raise failure


def stored_size(client: DefenderClient, address: str, dataset: str) -> int | None:
    """Bytes of a part as the storage knows them, by a request of its own for the first of them; None where the storage
    does not say.

    A download that was cut between two members of gzip, or one of zero bytes, looks whole by itself.
    """
    headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
    try:
        with (
            measured_call(client.connection.tenant_name, dataset, host_of(address), "storage") as call,
            client.http.stream("GET", address, headers=headers) as response,
        ):
            call.status = response.status_code
            if response.status_code in (206, 416):
                _short_body(response)
                total = _TOTAL.fullmatch(response.headers.get("Content-Range", "").strip())
                return int(total[1]) if total else None
            # Where the range is not honoured, the body is the whole part again, and is left unread.
            length = response.headers.get("Content-Length", "")
            is_whole = response.status_code == 200 and "Content-Encoding" not in response.headers
            return int(length) if is_whole and length.isdecimal() else None
    except (httpx.TransportError, httpx.InvalidURL, httpx.StreamError, UnicodeError):
        return None


def _write(
    client: DefenderClient,
    response: httpx.Response,
    into: BinaryIO,
    dataset: str,
    stopped: threading.Event,
    call: Call,
) -> Delivery:
    size = 0
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in client.traffic.counting(call, steady(response.iter_raw())):
        if stopped.is_set() or client.closed:
            raise BrokenAnswer(f"{dataset}: the reading was stopped", dataset=dataset, retryable=False)
        size += len(chunk)
        if size > LARGEST_PART:
            raise TooLarge(f"{dataset}: an export file has more than {LARGEST_PART >> 30} GiB", dataset=dataset)
        into.write(chunk)
        digest.update(chunk)
    if response.headers.get("x-ms-copy-status", "").strip().lower() == "pending":
        # Seen in the field: 200 and no bytes until the storage has finished its own copy.
        return Delivery.NOT_YET
    told = _digest_of(response.headers.get("Content-MD5", ""))
    if told is not None and told != digest.digest():
        raise BrokenAnswer(
            f"{dataset}: an export file came with another checksum than the storage told", dataset=dataset
        )
    return Delivery.WHOLE if size else Delivery.EMPTY


def _digest_of(text: str) -> bytes | None:
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return digest if len(digest) == hashlib.md5(usedforsecurity=False).digest_size else None


def _short_body(response: httpx.Response) -> bytes:
    try:
        return decompressed_body(
            steady(response.iter_raw()), response.headers.get("Content-Encoding", ""), at_most=LARGEST_ERROR
        )
    except (Damaged, Overlong):
        return b""


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
