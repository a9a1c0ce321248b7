"""The server on loopback and the clock of the tests of ``api``."""

from ..api.conftest import clock, no_settings_from_outside, shared_wire, wire

__all__ = ["clock", "no_settings_from_outside", "shared_wire", "wire"]
