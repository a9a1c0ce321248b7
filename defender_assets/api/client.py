"""The client: one GET to the API, retried and counted; its result is the body, or an error that explains itself.

Here: sending, the token, the budget, counting traffic. Not here: walks over pages (``cursor.py``), export files
(``exports.py``), what an error response means (``error_mapping.py``).

It has no method but GET, so nothing in the tenant can be changed, by construction. The login's POST is MSAL's.
"""

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote, urlencode

import httpx

from ..catalog import Dataset, QuotaFamily
from ..settings import Connection, Settings
from .budget import Budget, budget_of
from .calls import Call, measured_call
from .clock import Clock, SystemClock
from .compression import Damaged, Overlong, decompressed_body
from .error_mapping import ApiRequest, check_is_json, error_of, is_final_401
from .errors import (
    BrokenAnswer,
    DefenderError,
    ForeignHost,
    LoginError,
    NotFound,
    Throttled,
    TooLarge,
    Unreachable,
    UntrustedCertificate,
    WrongHost,
)
from .hosts import host_of, may_get_bearer, origin_of, path_of
from .http import open_http, steady
from .login import Login, Token
from .page_bounds import LARGEST_BODY, too_much_of
from .page_end import has_rows
from .retry import RetryPolicy
from .same_answer import Fingerprint, FingerprintedChunks
from .tls import is_untrusted
from .traffic import Traffic, TrafficCount

LARGEST_ERROR = 64 << 10
"""Bytes of an error's body. Nobody reads more of it."""
# Seconds for which a service that was not there is not waited for again: a dozen tables would each find out the same.
_STAYS_DOWN = 60.0


@dataclass(frozen=True)
class ApiResponse:
    """A response of the API with status 200. ``body`` is decompressed JSON text, ``fingerprint`` that of what came."""

    status: int
    body: bytes = field(repr=False)
    fingerprint: Fingerprint | None = None


class _Answer(NamedTuple):
    """Any response, its body unpacked. It has a fingerprint only where the status is 200."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    fingerprint: Fingerprint | None = None


class DefenderClient:
    """Reads from one tenant; opened by ``open_client``. Safe to use from several threads.

    Every call counts against ``budget``. ``attempts`` and ``patience`` (seconds of waiting altogether) bound each
    ``get``; ``pacing_patience`` bounds the waiting for the documented quota (None: no limit). ``clock``
    replaces the time in tests. ``token`` is one of an earlier login of the same application, and spares another.
    """

    def __init__(
        self,
        connection: Connection,
        budget: Budget,
        *,
        attempts: int = 6,
        patience: float = 600.0,
        pacing_patience: float | None = None,
        clock: Clock | None = None,
        token: Token | None = None,
    ) -> None:
        self.connection = connection
        self.http = open_http(connection.ca_bundle)
        self.traffic = TrafficCount()
        self._closed = threading.Event()
        self.clock = clock or SystemClock()
        self.retry = RetryPolicy(attempts=attempts, patience=patience, clock=self.clock)
        login_retry = RetryPolicy(4, min(patience, 60.0), clock=self.clock)
        self.login = Login(connection, self.http, retry=login_retry, token=token)
        self.budget = budget
        self._pacing_patience = pacing_patience
        self._down_until = 0.0

    def __repr__(self) -> str:
        return f"DefenderClient({self.connection.tenant_name!r}, {self.api_host!r})"

    def close(self) -> None:
        """Ends every connection; threads that wait, for the service to recover or for the quota, stop waiting."""
        self._closed.set()
        if isinstance(self.clock, SystemClock):
            self.clock.stop()
        self.http.close()

    @property
    def api_host(self) -> str:
        """The host of the API, without scheme and port."""
        return host_of(self.connection.api_url)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed.is_set()

    def counted(self, dataset: str) -> Traffic:
        """Calls made and bytes received (as packed on the wire) for a dataset so far."""
        return self.traffic.of(dataset)

    def get(
        self,
        path_or_link: str,
        *,
        dataset: Dataset,
        quota: QuotaFamily,
        params: Mapping[str, str] | None = None,
        former: ApiResponse | None = None,
    ) -> ApiResponse:
        """Sends one GET. ``path_or_link`` is a path of the API, or a link from the service, used as it is. Where the
        bytes of the ``former`` response to the same request come again, its body is returned, and none is unpacked.

        Raises a DefenderError (see the tree in ``errors.py``), LoginError among them.
        """
        address = self._address(path_or_link, params)
        if not may_get_bearer(address, self.connection):
            raise ForeignHost(
                f"{dataset.name}: the service's link leads to {origin_of(address)}, which is no host of the configured "
                "cloud; it was not followed",
                dataset=dataset.name,
            )
        request = ApiRequest(
            path=path_of(address),
            dataset=dataset.name,
            permissions=(dataset.permission, *dataset.also_permitted),
            cloud=self.connection.cloud,
            licence=dataset.licence,
            quotable=not dataset.credentials,
        )
        down = self.clock.now() < self._down_until
        retry = replace(self.retry, connect_attempts=1) if down else self.retry
        try:
            # The login has its own attempts.
            response = retry.run(lambda: self._attempt(address, request, quota, former), but=(LoginError,))
        except Unreachable as error:
            if not error.connected:
                self._down_until = self.clock.now() + _STAYS_DOWN
            raise
        self._down_until = 0.0
        return response

    def has_more_than(self, rows: int, dataset: Dataset) -> bool:
        """Whether an OData list has more rows than that, by one call for the row after them.

        The machine list answers 404 in place of an empty list when there are no machines, so a 404 means no.
        """
        params = {"$top": "1", "$skip": str(rows)}
        try:
            response = self.get(dataset.path, params=params, dataset=dataset, quota=dataset.quota)
        except NotFound:
            return False
        if (found := has_rows(response.body)) is not None:
            return found
        raise BrokenAnswer(f"{dataset.name}: GET {dataset.path} answered without a list of rows", dataset=dataset.name)

    def _address(self, path_or_link: str, params: Mapping[str, str] | None) -> str:
        address = path_or_link
        if path_or_link.startswith("/"):
            address = self.connection.api_url + quote(path_or_link, safe="/%:@!$&'()*+,;=~?")
        if params:
            # As in the service's own links and examples: a bare "$", and %20 for a space.
            query = urlencode(params, quote_via=quote, safe="$:,'()")
            address += ("&" if "?" in address else "?") + query
        return address

    def _attempt(
        self, address: str, request: ApiRequest, quota: QuotaFamily, former: ApiResponse | None
    ) -> ApiResponse:
        """One attempt; a rejected token is renewed once."""
        if self.closed:
            raise DefenderError(f"{request.dataset}: the client was closed", dataset=request.dataset)
        token = self.login.token()
        answer = self._send(address, request, quota, token, former)
        if answer.status == 401 and not is_final_401(answer.body):
            self.login.invalidate(token)
            token = self.login.token()
            answer = self._send(address, request, quota, token, former)
        status, headers, body, fingerprint = answer
        if status == 200:
            check_is_json(request, status, headers.get("content-type", ""), body)
            return ApiResponse(status, body, fingerprint)
        error = error_of(request, status, headers, body, token.claims)
        if isinstance(error, Throttled):
            if error.retry_after is None:
                error.retry_after = self.retry.backoff(4)
            self.budget.throttled(quota, error.retry_after)
        raise error

    def _send(
        self, address: str, request: ApiRequest, quota: QuotaFamily, token: Token, former: ApiResponse | None
    ) -> _Answer:
        self._acquire(request, quota)
        with measured_call(self.connection.tenant_name, request.dataset, host_of(address), "api") as call:
            return self._answer(address, request, token, former, call)

    def _answer(
        self, address: str, request: ApiRequest, token: Token, former: ApiResponse | None, call: Call
    ) -> _Answer:
        sent = {
            "Authorization": f"Bearer {token.bearer}",
            "Accept": "application/json",
            # The service labels raw deflate data "deflate"; gzip identifies itself and carries a checksum.
            "Accept-Encoding": "gzip",
        }
        self.traffic.add(request.dataset, calls=1)
        status, headers = 0, httpx.Headers()
        try:
            with self.http.stream("GET", address, headers=sent) as response:
                chunks = self.traffic.counting(call, steady(response.iter_raw()))
                status, headers = response.status_code, response.headers
                call.status = status
                at_most = LARGEST_BODY if status == 200 else LARGEST_ERROR
                encoding = headers.get("Content-Encoding", "")
                fingerprinted = FingerprintedChunks(chunks, encoding)
                held: list[bytes] = []
                if status == 200 and former is not None and former.fingerprint is not None:
                    held = fingerprinted.up_to(former.fingerprint.size)
                    if fingerprinted.fingerprint == former.fingerprint:
                        return _Answer(status, headers, former.body, former.fingerprint)
                body = decompressed_body(chain(held, fingerprinted), encoding, at_most=at_most)
            if status != 200:
                return _Answer(status, headers, body[:at_most])
            if not (too_much := too_much_of(body, LARGEST_BODY)):
                return _Answer(status, headers, body, fingerprinted.fingerprint)
            del body  # the error, whose traceback leads here, would keep it in memory
            failure: DefenderError = _too_large(request, too_much)
        except httpx.TransportError as error:
            failure = broken_connection(error, request.dataset, f"GET {request.path}", host_of(address))
        except (httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            failure = BrokenAnswer(
                f"{request.dataset}: {request} cannot be sent ({type(error).__name__})",
                dataset=request.dataset,
                retryable=False,
            )
        except Damaged as damage:
            failure = BrokenAnswer(
                f"{request.dataset}: the body of {request} cannot be used: {damage}", dataset=request.dataset
            )
        except Overlong:
            if status not in (0, 200):
                return _Answer(status, headers, b"")  # an error is one, whatever its words
            failure = _too_large(request, f"{LARGEST_BODY >> 20} MiB")
        # Outside the handlers: httpx's errors have the whole address in them.
        raise failure

    def _acquire(self, request: ApiRequest, quota: QuotaFamily) -> None:
        try:
            self.budget.acquire(quota, patience=self._pacing_patience, given_up=self._closed.is_set)
        except Throttled as error:
            error.dataset = request.dataset
            # The budget has waited for as long as it may.
            error.retryable = False
            raise


_open_clients: weakref.WeakSet[DefenderClient] = weakref.WeakSet()


def close_open_clients() -> None:
    """Closes every client of this process, whichever thread uses it, because the process is to end."""
    for client in list(_open_clients):
        client.close()


@contextmanager
def open_client(
    connection: Connection,
    settings: Settings,
    *,
    attempts: int = 6,
    patience: float = 600.0,
    pacing_patience: float | None = None,
    clock: Clock | None = None,
    token: Token | None = None,
) -> Iterator[DefenderClient]:
    """A client for as long as the block lasts, on the call budget that all processes share, of this machine or of all
    that count in the same Redis.

    The numbers and the token are those of ``DefenderClient``. Raises SettingsError for certificates and addresses that
    cannot be used, and BudgetUnusable.
    """
    clock = clock or SystemClock()
    with budget_of(connection, settings, clock=clock) as budget:
        client = DefenderClient(
            connection,
            budget,
            attempts=attempts,
            patience=patience,
            pacing_patience=pacing_patience,
            clock=clock,
            token=token,
        )
        _open_clients.add(client)
        try:
            yield client
        finally:
            client.close()


def _too_large(request: ApiRequest, too_much: str) -> TooLarge:
    return TooLarge(f"{request.dataset}: {request} answered with more than {too_much}", dataset=request.dataset)


def broken_connection(error: httpx.TransportError, dataset: str, what: str, host: str) -> DefenderError:
    """The error that a failure of the network means."""
    if is_untrusted(error):
        return UntrustedCertificate(f"{dataset}: the certificate of {host} is not trusted", dataset=dataset)
    if isinstance(error, httpx.UnsupportedProtocol):
        return WrongHost(f"{dataset}: {what} has no https address", dataset=dataset)
    connected = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    outcome = "broke off" if connected else "got no connection"
    if isinstance(error, httpx.ReadTimeout):
        outcome = "got no answer in time"
    failure = Unreachable(f"{dataset}: {what} at {host} {outcome} ({type(error).__name__})", dataset=dataset)
    failure.connected = connected
    failure.silent = isinstance(error, httpx.ReadTimeout)
    return failure
