"""The address of the UI: whether it can be had, before anything is started.

Here: asking the system. Not here: who listens on it in the end (the webserver, ``processes.py``).
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ..settings import Problem, SettingsError, is_loopback
from .errors import AddressInUse

_ANSWER_TIMEOUT_SECONDS = 0.5
_PORTS_TRIED = 50
_LAST_PORT = 65_535
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
"""A host that means every address of the machine -> one of them, by which this machine reaches it."""


@dataclass(frozen=True)
class ListenAddress:
    """Where the UI listens: a name or number of this machine, and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What a browser on this machine opens."""
        host = self._reached_by
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def graph_url(self) -> str:
        """The graph of all tables, with those of compliance open: Dagster's own first view is of closed groups."""
        return f"{self.url}/asset-groups?expanded=global%40global%3Acompliance"

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        try:
            numbers = {str(address[0]) for _, address in _resolved(self.host, self.port)}
        except OSError:
            return False
        return all(map(is_loopback, numbers))

    def answers(self) -> bool:
        """Whether something listens on it."""
        try:
            socket.create_connection((self._reached_by, self.port), timeout=_ANSWER_TIMEOUT_SECONDS).close()
        except OSError:
            return False
        return True

    @property
    def _reached_by(self) -> str:
        return _EVERYWHERE.get(self.host, self.host)


def check_free(address: ListenAddress) -> None:
    """Raises AddressInUse where another program listens, SettingsError where this user may not, or the host is not this
    machine's."""
    try:
        # On some systems two programs may listen on a port, one on every address and one on this one.
        is_taken = address.answers() or not _can_be_bound(address.host, address.port)
    except PermissionError:
        problem = Problem("--port", f"{address.port} is not open to this user", "take one above 1023")
    except OSError as error:
        what = f"{address.host} is not an address of this machine ({error.strerror})"
        problem = Problem("--host", what, "127.0.0.1 is always one")
    else:
        if is_taken:
            raise AddressInUse(_in_use(address))
        return
    raise SettingsError(problem)


def _in_use(address: ListenAddress) -> str:
    sentence = f"port {address.port} of {address.host} is in use by another program; end that one"
    free = _next_free(address)
    return sentence + (f", or take another port: --port {free}" if free else ", or take another with --port")


def _next_free(address: ListenAddress) -> int | None:
    ports = range(address.port + 1, min(address.port + _PORTS_TRIED, _LAST_PORT) + 1)
    return next((port for port in ports if _can_be_bound(address.host, port)), None)


def _can_be_bound(host: str, port: int) -> bool:
    """False where another program listens. Raises OSError where none of the host's addresses can be had for another
    reason: a name may stand for one of IPv6 on a machine without it."""
    failures: list[OSError] = []
    can_be = False
    for family, address in _resolved(host, port):
        try:
            with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
                # What a program that has just ended leaves behind is no hindrance to the webserver either.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            can_be = True
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            failures.append(error)
    if failures and not can_be:
        raise failures[0]
    return True


def _resolved(host: str, port: int) -> Iterator[tuple[int, tuple[object, ...]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return ((family, address) for family, _, _, _, address in found)
