"""A Defender tenant to develop, demonstrate and test against: real TLS, real wire habits, seeded data in which joins
hold.

Here: the data (``tenant/``) and the server (``wire/``). It knows the catalog and nothing else of the package, above all
not the client that it is there to test; nobody but the command line and the tests imports it.
"""

from .tenant import SimulatedTenant, TenantShape
from .wire.control import ALL_ROLES, Control
from .wire.faults import EVERY, Fault, FaultKind, spoiled
from .wire.server import Simulator, SimulatorError

__all__ = [
    "ALL_ROLES",
    "EVERY",
    "Control",
    "Fault",
    "FaultKind",
    "SimulatedTenant",
    "Simulator",
    "SimulatorError",
    "TenantShape",
    "spoiled",
]
