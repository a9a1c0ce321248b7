"""A Defender tenant to develop, demonstrate and test against: real TLS, the service's wire formats, seeded data in
which joins hold.

Here: the data (``tenant/``) and the server (``wire/``). Not here: the client that it is there to test.
Of the package it knows the catalog alone, and only the command line, the demo and the tests import it.
"""

from .tenant import SimulatedTenant, TenantShape
from .wire.server import Simulator, SimulatorError

__all__ = ["SimulatedTenant", "Simulator", "SimulatorError", "TenantShape"]
