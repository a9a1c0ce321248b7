"""What tests of refreshes share."""

from ..api.conftest import client, clock, connection, shared_wire, wire
from ..reference.conftest import server

__all__ = ["client", "clock", "connection", "server", "shared_wire", "wire"]
