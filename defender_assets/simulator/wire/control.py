"""The simulator's controls: what a test, a demo or a neighbouring process may do to it and read of it.

Here: one method per control, in process; ``call`` offers the same by name for HTTPS under ``/_control`` (loopback
only). Not here: what they do (``tenant/timeline.py``, ``login.py``, ``faults.py``, ``quotas.py``).
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
from .exports import Signatures
from .faults import Fault, FaultKind, Faults
from .login import Login, workload_token
from .quotas import Quotas
from .records import Records, Violation
from .service import Service

ALL_ROLES = (
    "Machine.Read.All",
    "User.Read.All",
    "Software.Read.All",
    "Vulnerability.Read.All",
    "Alert.Read.All",
)


class Control:
    """Reads and changes a running simulator. Every method takes and returns what JSON can say."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        login: Login,
        service: Service,
        faults: Faults,
        quotas: Quotas,
        signatures: Signatures,
        records: Records,
    ) -> None:
        self._tenant = tenant
        self._login = login
        self._service = service
        self._faults = faults
        self._quotas = quotas
        self._signatures = signatures
        self._records = records
        self._former_secrets: list[str] = []

    # Permissions and secrets

    def roles(self) -> list[str]:
        """The application roles that are granted."""
        return sorted(self._login.application.roles)

    def grant_roles(self, *roles: str) -> list[str]:
        """Grants roles; tokens that are out already do not have them."""
        self._login.application.roles |= set(roles)
        return self.roles()

    def revoke_roles(self, *roles: str) -> list[str]:
        """Takes roles away, at once."""
        self._login.application.roles -= set(roles)
        return self.roles()

    def rotate_secret(self, secret: str | None = None) -> str:
        """Replaces the client secret and returns the new one."""
        self._former_secrets.append(self._login.application.secret)
        self._login.application.secret = secret or f"sim~{secrets.token_urlsafe(24)}"
        self._login.application.secret_expired = False
        return self._login.application.secret

    def expire_secret(self) -> None:
        """The client secret is right but expired."""
        self._login.application.secret_expired = True

    def expire_tokens(self) -> None:
        """Tokens that are out are refused with 401."""
        self._login.expire_tokens()

    def expire_signatures(self) -> None:
        """Signed addresses that are out are refused with 403."""
        self._signatures.expire()

    def register_certificate(self, pem: str) -> None:
        """Lets the application log in with the certificate (PEM)."""
        self._login.application.certificates.append(x509.load_pem_x509_certificate(pem.encode()))

    def trust_token(self, token: str | None = None) -> str:
        """Lets the application log in with a workload identity token; without one given, returns a new one."""
        application = self._login.application
        token = token or workload_token(self._tenant.shape.tenant_id, application.client_id)
        application.federated_tokens.add(token)
        return token

    def secrets(self) -> list[str]:
        """Every secret there was: client secrets, tokens, assertions, signatures, each in every spelling that an
        address or a log would show. None of them may appear anywhere but on the wire."""
        application = self._login.application
        signatures = {spelling for sig in self._signatures.issued for spelling in (sig, quote(sig, safe=""))}
        return sorted(
            {application.secret, *self._former_secrets}
            | self._login.issued
            | self._login.assertions
            | application.federated_tokens
            | signatures
        )

    # Faults, quotas, latency

    def fault(self, kind: str, dataset: str | None = None, **how: Any) -> None:
        """Switches a fault on, see FaultKind: ``fault("status", "alerts", status=503, times=2)``."""
        self._faults.add(Fault(FaultKind(kind), dataset, **how))

    def clear_faults(self, kind: str | None = None, dataset: str | None = None) -> None:
        self._faults.clear(FaultKind(kind) if kind else None, dataset)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are still on."""
        return self._faults.listed()

    def enforce_quotas(self, enforced: bool = True, minute: float | None = None) -> None:
        """Refuses calls over the documented quotas; ``minute`` is how many seconds a minute of theirs takes."""
        self._quotas.enforced = enforced
        if minute is not None:
            self._quotas.minute = minute

    def latency(self, seconds: float) -> None:
        """How long every answer of the API waits."""
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
        """Rebuilds the assessments; returns the new generatedTime."""
        return self._tenant.timeline.regenerate_exports().isoformat()

    def advance(self, hours: float = 0.0, days: float = 0.0) -> str:
        """Lets time pass; returns the tenant's new moment."""
        return self._tenant.timeline.advance(timedelta(hours=hours, days=days)).isoformat()

    # What was seen

    def as_of(self) -> str:
        """The tenant's moment."""
        return self._tenant.as_of.isoformat()

    def journal(self) -> list[dict[str, Any]]:
        """What happened to the tenant, oldest first."""
        return [
            {**asdict(happening), "moment": happening.moment.isoformat()} for happening in self._tenant.timeline.journal
        ]

    def counters(self) -> dict[str, Any]:
        """Calls, refusals (429) and early calls (while throttled) by quota family; answers by kind and status;
        logins."""
        return {
            "calls": dict(self._quotas.counted),
            "refused": dict(self._quotas.refused),
            "early": dict(self._quotas.early),
            "answers": dict(self._records.answers),
            "logins": self._login.logins,
        }

    def reset_counters(self) -> None:
        for counter in (self._quotas.counted, self._quotas.refused, self._quotas.early, self._records.answers):
            counter.clear()
        self._login.logins = 0
        self._records.requests.clear()
        self._records.violations.clear()

    def requests(self) -> list[tuple[str, str, int]]:
        """The last requests: method, path without its query, status."""
        return list(self._records.requests)

    def violations(self) -> list[dict[str, str]]:
        """What the client must not have done: a bearer sent to the storage or a foreign address, anything but GET."""
        return [asdict(violation) for violation in self._records.violations]

    def call(self, verb: str, arguments: Iterable[Any] = (), named: dict[str, Any] | None = None) -> Any:
        """A control by its name; raises KeyError for none of them, TypeError or ValueError for wrong arguments."""
        verbs: dict[str, Callable[..., Any]] = {
            name: method for name, method in inspect.getmembers(self, inspect.ismethod) if not name.startswith("_")
        }
        del verbs["call"]
        method = verbs[verb]
        arguments, named = list(arguments), named or {}
        inspect.signature(method).bind(*arguments, **named)
        return method(*arguments, **named)


__all__ = ["ALL_ROLES", "Control", "Violation"]
