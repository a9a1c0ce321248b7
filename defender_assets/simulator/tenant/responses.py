"""Rows of what was done on devices: machine actions and automated investigations of the last 180 days.

Here: their rows, newest first. Not here: the alerts that began the investigations (``alerts.py``).
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from .alerts import ALERTS_KEPT_FOR, Alerts
from .fleet import Device
from .formats import Row, iso_seconds, iso_utc
from .randomness import digest, guid, rng_for
from .state import TenantState

SCRIPT_SECRET = "-Password Geheim-4711"
"""What an analyst gave a script; it must not be found anywhere."""

_TYPES = (
    "RunAntiVirusScan",
    "Isolate",
    "LiveResponse",
    "CollectInvestigationPackage",
    "StopAndQuarantineFile",
    "Troubleshoot",
    "Unisolate",
    "RestrictCodeExecution",
)
_SCOPES = {"RunAntiVirusScan": ("Quick", "Full"), "Isolate": ("Full", "Selective")}
_ENDED = ("Succeeded", "Succeeded", "Failed", "Succeeded", "Cancelled", "TimeOut")
_OPEN = ("Running", "Queued")
_DETAILS = {
    "UnsupportedAlertType": "The alert is not supported.",
    "TerminatedBySystem": "The device did not answer.",
    "Benign": "No threat was found.",
}


class Responses:
    """The machine actions and investigations of a tenant."""

    def __init__(self, alerts: Alerts) -> None:
        self.alerts = alerts
        self.seed = alerts.seed
        machines = alerts.fleet.shape.machines
        self.actions = max(3 * len(_TYPES) * len(_ENDED) // 2, machines // 10)

    def machine_actions(self, state: TenantState) -> list[Row]:
        """The actions that the service still remembers, newest first."""
        spacing = ALERTS_KEPT_FOR / self.actions
        epoch, oldest = self.alerts.fleet.epoch, state.now - ALERTS_KEPT_FOR
        created = ((number, epoch - spacing * (number + 0.5)) for number in range(self.actions))
        return [self._action(number, moment) for number, moment in created if moment > oldest]

    def investigations(self, state: TenantState) -> list[Row]:
        """One for each alert that names one."""
        found = []
        for ref in self.alerts.refs(state):
            alert = self.alerts.row(ref, state, expanded=False)
            if alert["investigationId"] is not None:
                found.append(self._investigation(alert, ref.created, ref.number))
        return found

    def _action(self, number: int, created: datetime) -> Row:
        rng = rng_for(self.seed, "machine action", number)
        device = self.alerts.device_of(number)
        kind = _TYPES[number % len(_TYPES)]
        running = timedelta(minutes=1 + 90 * rng.random())
        is_open = created + running > self.alerts.fleet.epoch
        status = "InProgress" if is_open else _ENDED[number // len(_TYPES) % len(_ENDED)]
        cancelled = status == "Cancelled"
        updated = created if is_open else created + running
        by_program = rng.random() < 0.3
        scopes = _SCOPES.get(kind)
        return {
            "id": guid(self.seed, "machine action", number),
            "type": kind,
            "title": "Nightly scan" if by_program else None,
            "requestor": "soar@contoso.example" if by_program else "analyst@contoso.example",
            "requestorComment": f"Vorfall {number} – bitte prüfen\n<script>alert(1)</script>",
            "status": status,
            "machineId": device.id,
            "computerDnsName": device.name,
            "creationDateTimeUtc": iso_utc(created, rng),
            "lastUpdateDateTimeUtc": iso_utc(updated, rng),
            "cancellationRequestor": "analyst@contoso.example" if cancelled else None,
            "cancellationComment": "No longer needed" if cancelled else None,
            "cancellationDateTimeUtc": iso_utc(updated, rng) if cancelled else None,
            "errorHResult": -2145844840 if status == "Failed" else 0,
            "scope": scopes[int(rng.random() * len(scopes))] if scopes else None,
            "externalId": f"playbook-{number}" if by_program else None,
            "requestSource": "PublicApi" if by_program else "Portal",
            "relatedFileInfo": self._file(number) if kind == "StopAndQuarantineFile" else None,
            "commands": [self._command(created, running, status, rng)] if kind == "LiveResponse" else [],
            "troubleshootInfo": self._troubleshooting(created) if kind == "Troubleshoot" else None,
        }

    def _file(self, number: int) -> Row:
        return {"fileIdentifier": digest(self.seed, "sha1", number, size=20).hex(), "fileIdentifierType": "Sha1"}

    def _command(self, created: datetime, running: timedelta, status: str, rng: Random) -> Row:
        failed = status == "Failed"
        given = [{"key": "ScriptName", "value": "collect.ps1"}, {"key": "Args", "value": SCRIPT_SECRET}]
        return {
            "index": 0,
            "startTime": iso_utc(created + timedelta(seconds=20), rng),
            "endTime": iso_utc(created + running, rng),
            "commandStatus": "Failed" if failed else "Completed",
            "errors": ["The script ended with code 1."] if failed else [],
            "command": {"type": "RunScript", "params": given},
        }

    @staticmethod
    def _troubleshooting(created: datetime) -> Row:
        return {
            "startTsModeUtc": f"{iso_seconds(created)}Z",
            "expirationUtc": f"{iso_seconds(created + timedelta(hours=4))}Z",
            "state": 1,
            "paramsJsonFormatVersion": 1,
        }

    def _investigation(self, alert: dict[str, Any], created: datetime, number: int) -> Row:
        rng = rng_for(self.seed, "investigation", number)
        device: Device = self.alerts.device_of(number)
        state = alert["investigationState"] or "Queued"
        ended = created + (self.alerts.fleet.epoch - created) * min(1.0, 0.02 + rng.random() / 10)
        return {
            "id": str(alert["investigationId"]),
            "startTime": f"{iso_seconds(created)}Z",
            "endTime": None if state in _OPEN else f"{iso_seconds(ended)}Z",
            "state": state,
            "cancelledBy": "analyst@contoso.example" if state in _DETAILS else None,
            "statusDetails": _DETAILS.get(state),
            "machineId": device.id,
            "computerDnsName": device.name,
            "triggeringAlertId": alert["id"],
        }
