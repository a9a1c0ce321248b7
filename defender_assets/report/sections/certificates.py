"""Certificates on eligible devices that have expired or expire soon.

Here: one row for each certificate, however many devices it lies on. Not here: what else the devices' stores hold
(the table ``certificates``).
"""

from dataclasses import dataclass
from datetime import datetime

from ...catalog.assessments import CERTIFICATE_ENDS_SOON_DAYS
from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class CertificateEnding:
    """A certificate. ``state`` is expired or expires soon, ``device_name`` one of its ``devices``, ``expired`` how many
    of all have expired."""

    thumbprint: str | None
    issued_to: str | None
    issued_by: str | None
    subject_type: str | None
    expires_at: datetime
    state: str
    devices: int
    device_name: str | None
    expired: int


def certificates_ending(snapshot: DaySnapshot) -> Excerpt[CertificateEnding] | None:
    """Those that expire next come first. None where the table is absent."""
    if not snapshot.has("certificates", "device_identity"):
        return None
    # Of the day whose rows the page is made from: the list may be of an earlier one.
    sql = f"""
        SELECT c.thumbprint, min(c.expiration_date) AS expires_at, count(DISTINCT c.device_id) AS devices
        FROM certificates_history AS c JOIN device_identity_history AS d ON d.device_id = c.device_id
        WHERE c.snapshot_date = '{snapshot.days["certificates"]}' AND d.snapshot_date = '{snapshot.day}'
        AND d.population = 'eligible' AND c.expiration_date <= d.as_of + INTERVAL {CERTIFICATE_ENDS_SOON_DAYS} DAY
        GROUP BY 1 ORDER BY 2 DESC
    """
    return Excerpt(*snapshot.first(CertificateEnding, "certificates_ending"), sql)
