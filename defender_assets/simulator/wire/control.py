"""The simulator's controls: what a test, a demo or another process may change and read.

Here: one method per control; ``call`` runs them by name for requests under ``/_control`` (loopback only). Not here:
what they do (``tenant/timeline.py``, ``entra_login.py``, ``faults.py``, ``quotas.py``).
"""

import inspect
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography import x509

from ..tenant.tenant import SimulatedTenant
from .api_service import ApiService
from .app_registration import workload_token
from .endpoints import ENDPOINTS
from .entitlements import datasets_of
from .entra_login import EntraLogin
from .faults import Fault, FaultKind, Faults
from .quotas import Quotas
from .request_log import RequestLog
from .signatures import Signatures

ALL_ROLES = tuple(sorted({endpoint.roles[0] for endpoint in ENDPOINTS}))
"""The least role of every endpoint of the service."""


class Control:
    """Reads and changes a running simulator. Arguments and results of every method are JSON values."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        login: EntraLogin,
        service: ApiService,
        faults: Faults,
        quotas: Quotas,
        signatures: Signatures,
        request_log: RequestLog,
    ) -> None:
        self._tenant = tenant
        self._login = login
        self._service = service
        self._faults = faults
        self._quotas = quotas
        self._signatures = signatures
        self._request_log = request_log
        self._former_secrets: list[str] = []

    # Permissions and secrets

    def roles(self) -> list[str]:
        """The application roles that are granted."""
        return sorted(self._login.registration.roles)

    def grant_roles(self, *roles: str) -> list[str]:
        """Grants roles. Tokens that were issued before do not have them."""
        self._login.registration.roles |= set(roles)
        return self.roles()

    def revoke_roles(self, *roles: str) -> list[str]:
        """Revokes roles, at once."""
        self._login.registration.roles -= set(roles)
        return self.roles()

    def withdraw_licence(self, *names: str) -> list[str]:
        """Takes licences from the tenant: ``add_on``, or that for a dataset of any name. Returns what is unlicensed."""
        self._service.entitlements.unlicensed |= datasets_of(names)
        return sorted(self._service.entitlements.unlicensed)

    def grant_licence(self, *names: str) -> list[str]:
        """Gives licences back. Returns what is still unlicensed."""
        self._service.entitlements.unlicensed -= datasets_of(names)
        return sorted(self._service.entitlements.unlicensed)

    def switch_off(self, *names: str) -> list[str]:
        """Switches the feature of datasets off. Returns all that are off."""
        self._service.entitlements.switched_off |= datasets_of(names)
        return sorted(self._service.entitlements.switched_off)

    def switch_on(self, *names: str) -> list[str]:
        """Switches features on again. Returns what is still off."""
        self._service.entitlements.switched_off -= datasets_of(names)
        return sorted(self._service.entitlements.switched_off)

    def rotate_secret(self, secret: str | None = None) -> str:
        """Replaces the client secret and returns the new one."""
        self._former_secrets.append(self._login.registration.secret)
        self._login.registration.secret = secret or f"sim~{secrets.token_urlsafe(24)}"
        self._login.registration.secret_expired = False
        return self._login.registration.secret

    def expire_secret(self) -> None:
        """Makes the client secret expired: right, and refused."""
        self._login.registration.secret_expired = True

    def expire_tokens(self) -> None:
        """Makes every issued token invalid (401)."""
        self._login.expire_tokens()

    def expire_signatures(self) -> None:
        """Makes every signed address invalid (403)."""
        self._signatures.expire()

    def register_certificate(self, pem: str) -> None:
        """Allows the application to log in with the certificate (PEM)."""
        self._login.registration.certificates.append(x509.load_pem_x509_certificate(pem.encode()))

    def trust_token(self, token: str | None = None) -> str:
        """Allows the application to log in with a workload identity token, a new one by default. Returns the token."""
        registration = self._login.registration
        token = token or workload_token(self._tenant.shape.tenant_id, registration.client_id)
        registration.federated_tokens.add(token)
        return token

    def secrets(self) -> list[str]:
        """Every secret so far: client secrets, tokens, assertions, signatures, each in every spelling that an address
        or a log would show. None of them may appear anywhere but on the wire."""
        registration = self._login.registration
        signatures = {spelling for sig in self._signatures.issued for spelling in (sig, quote(sig, safe=""))}
        return sorted(
            {registration.secret, *self._former_secrets}
            | self._login.issued
            | self._login.assertions
            | registration.federated_tokens
            | signatures
        )

    # Faults, quotas, latency

    def fault(self, kind: str, dataset: str | None = None, **how: Any) -> None:
        """Switches a fault on: ``fault("status", "alerts", status=503, times=2)``. See FaultKind and Fault."""
        self._faults.add(Fault(FaultKind(kind), dataset, **how))

    def clear_faults(self, kind: str | None = None, dataset: str | None = None) -> None:
        self._faults.clear(FaultKind(kind) if kind else None, dataset)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are switched on."""
        return self._faults.as_dicts()

    def enforce_quotas(self, enforced: bool = True, minute: float | None = None) -> None:
        """Refuses calls over the documented quotas; ``minute`` is the length of a minute of theirs in seconds."""
        self._quotas.enforced = enforced
        if minute is not None:
            self._quotas.minute = minute

    def latency(self, seconds: float) -> None:
        """Sets the seconds that every response of the API waits."""
        self._service.latency = seconds

    # What happens to the tenant

    def remove_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        return self._tenant.timeline.remove_devices(count, ids)

    def add_devices(self, count: int = 1) -> list[str]:
        return self._tenant.timeline.add_devices(count)

    def move_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        return self._tenant.timeline.move_devices(count, ids)

    def patch_devices(self, count: int = 1, ids: list[str] | None = None) -> list[str]:
        return self._tenant.timeline.patch_devices(count, ids)

    def create_alerts(self, count: int = 1, at: str | None = None) -> list[str]:
        moment = datetime.fromisoformat(at.replace("Z", "+00:00")) if at else None
        return self._tenant.timeline.create_alerts(count, moment)

    def update_alert(self, alert_id: str | None = None, **changes: Any) -> str:
        return self._tenant.timeline.update_alert(alert_id, **changes)

    def regenerate_exports(self) -> str:
        """Makes new assessments of the present state; returns their generatedTime."""
        return self._tenant.timeline.regenerate_exports().isoformat()

    def advance(self, hours: float = 0.0, days: float = 0.0) -> str:
        """Lets time pass; returns the tenant's new time."""
        return self._tenant.timeline.advance(timedelta(hours=hours, days=days)).isoformat()

    # What can be read

    def as_of(self) -> str:
        """The tenant's present time."""
        return self._tenant.as_of.isoformat()

    def journal(self) -> list[dict[str, Any]]:
        """The changes of the tenant, oldest first."""
        return [{**asdict(entry), "moment": entry.moment.isoformat()} for entry in self._tenant.timeline.journal]

    def counters(self) -> dict[str, Any]:
        """Calls, refusals (429) and early calls (while throttled) by quota family; responses by part and status; number
        of logins."""
        return {
            "calls": dict(self._quotas.counted),
            "refused": dict(self._quotas.refused),
            "early": dict(self._quotas.early),
            "answers": dict(self._request_log.responses),
            "logins": self._login.logins,
        }

    def reset_counters(self) -> None:
        for counter in (self._quotas.counted, self._quotas.refused, self._quotas.early, self._request_log.responses):
            counter.clear()
        self._login.logins = 0
        self._request_log.clear()

    def requests(self) -> list[tuple[str, str, int]]:
        """The last requests: method, path without its query, status."""
        return list(self._request_log.requests)

    def violations(self) -> list[dict[str, str]]:
        """What the client must not have done: a bearer sent to the storage or another host, anything but GET."""
        return [asdict(violation) for violation in self._request_log.violations]

    def call(self, verb: str, arguments: Iterable[Any] = (), named: dict[str, Any] | None = None) -> Any:
        """Runs a control by name. Raises KeyError for an unknown one, TypeError or ValueError for wrong arguments."""
        verbs: dict[str, Callable[..., Any]] = {
            name: method for name, method in inspect.getmembers(self, inspect.ismethod) if not name.startswith("_")
        }
        del verbs["call"]
        method = verbs[verb]
        arguments, named = list(arguments), named or {}
        inspect.signature(method).bind(*arguments, **named)
        return method(*arguments, **named)
