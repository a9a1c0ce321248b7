"""A Defender tenant to develop, demonstrate and test against: real TLS, the service's wire formats, seeded data in
which joins hold.

Here: the data (``tenant/``) and the server (``wire/``). It knows the catalog and nothing else of the package, above all
not the client that it is there to test. Only the command line, the demo and the tests import it.
"""

from .tenant import SimulatedTenant, TenantShape
from .wire.server import Simulator, SimulatorError

__all__ = ["SimulatedTenant", "Simulator", "SimulatorError", "TenantShape"]
