"""The tenant that is simulated: seeded data in which joins hold, lazily computed, so that a fleet of any size fits.

Here: devices, software, CVEs, alerts, configurations, feeds, each in its module, and how they change. Not here:
HTTP (``wire/``).
"""

from .shape import TenantShape
from .tenant import Form, SimulatedTenant

__all__ = ["Form", "SimulatedTenant", "TenantShape"]
