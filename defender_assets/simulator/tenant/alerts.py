"""Rows of the alerts, with their evidence.

Here: the alerts of the last 180 days, newest first, and those created or changed while the tenant is served. Not here:
the changes themselves (``timeline.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from .device_kinds import RecordKind
from .fleet import Device, Fleet
from .formats import UNSET, Row, iso_utc
from .people import DOMAIN, People
from .randomness import digest, guid, rng_for, weighted_choice
from .state import TenantState

ALERTS_KEPT_FOR = timedelta(days=180)

_TITLES = (
    ("Suspicious PowerShell command line", "Execution", "T1059.001", "WindowsDefenderAtp"),
    ("'Wacatac' malware was prevented", "Malware", "", "WindowsDefenderAv"),
    ("Possible credential access\u00a0tool", "CredentialAccess", "T1003.001", "WindowsDefenderAtp"),
    ("Anomalous logon from \u200bnew country", "InitialAccess", "T1078", "MTP"),
    ("Suspicious scheduled task", "Persistence", "T1053.005", "CustomDetection"),
    ("Ransomware behaviour detected in the file system", "Ransomware", "T1486", "WindowsDefenderAtp"),
    ("Unbekannte Ausführung – Prüfung nötig", "null", "", "ThirdPartySensors"),
    ("Automated investigation started manually", "SuspiciousActivity", "", "AutomatedInvestigation"),
)
_SEVERITIES = (("Informational", 0.2), ("Low", 0.35), ("Medium", 0.3), ("High", 0.14), ("UnSpecified", 0.01))
_STATES = ("UnsupportedAlertType", "Benign", "SuccessfullyRemediated", "Running", "Queued", "TerminatedBySystem", None)
_OUTCOMES = (
    ("TruePositive", "Malware"),
    ("FalsePositive", "Other"),
    ("InformationalExpectedActivity", "SecurityTesting"),
    ("TruePositive", "Phishing"),
)
_ANALYSTS = ("analyst@contoso.example", "Automation", "soc-lead@contoso.example")
_WITH_ALERTS = frozenset(
    {RecordKind.REGULAR, RecordKind.SILENT, RecordKind.NOT_ASSESSED, RecordKind.EXCLUDED, RecordKind.INACTIVE}
)
_EVIDENCE_MEMBERS = (
    "sha1 sha256 fileName filePath processId processCommandLine processCreationTime parentProcessId "
    "parentProcessCreationTime parentProcessFileName parentProcessFilePath ipAddress url registryKey registryHive "
    "registryValueType registryValue registryValueName accountName domainName userSid aadUserId userPrincipalName "
    "detectionStatus"
)
_NO_EVIDENCE: dict[str, Any] = dict.fromkeys(_EVIDENCE_MEMBERS.split())


@dataclass(frozen=True)
class AlertRef:
    """One alert: its number and when it was created. Those with numbers from ``Alerts.count`` on were created while the
    tenant was served."""

    number: int
    created: datetime


class Alerts:
    """The alerts of a tenant."""

    def __init__(self, fleet: Fleet, people: People) -> None:
        self.fleet = fleet
        self.people = people
        self.seed = fleet.shape.seed
        self.count = fleet.shape.alert_count
        self._initial = TenantState(now=fleet.epoch, devices=fleet.shape.machines)
        self._spacing = ALERTS_KEPT_FOR / max(1, self.count)

    def refs(self, state: TenantState) -> list[AlertRef]:
        """The alerts that the service still remembers, newest first."""
        oldest = state.now - ALERTS_KEPT_FOR
        new = [AlertRef(self.count + k, at) for k, at in enumerate(state.created_alerts)]
        seeded = [AlertRef(k, self._created(k)) for k in range(self.count)]
        return [ref for ref in (*sorted(new, key=lambda o: o.created, reverse=True), *seeded) if ref.created > oldest]

    def _created(self, number: int) -> datetime:
        jitter = int.from_bytes(digest(self.seed, "alert time", number, size=4), "big") / (1 << 32)
        return (self.fleet.epoch - self._spacing * (number + 0.9 * jitter) - timedelta(minutes=1)).replace(
            microsecond=0
        )

    def id_of(self, number: int) -> str:
        """Two letters, ticks, a signed number, like the service's ids."""
        ticks = 638_000_000_000_000_000 + int.from_bytes(digest(self.seed, "alert", number, size=6), "big")
        prefix = "ar" if number % 11 == 0 else "da"
        return f"{prefix}{ticks}_{(-1) ** number * (number * 7_919 % 2_000_000_011 + 1)}"

    def number_of(self, alert_id: str, state: TenantState) -> int | None:
        for ref in self.refs(state):
            if self.id_of(ref.number) == alert_id:
                return ref.number
        return None

    def device_of(self, number: int) -> Device:
        """The device of an alert, as it was when the tenant was made, even if it has moved or left since: an alert does
        not change without a new update time."""
        rng = rng_for(self.seed, "alert device", number)
        machines = self.fleet.shape.machines
        for _ in range(20):
            index = int(rng.random() * machines)
            if self.fleet.record_kind_of(index) in _WITH_ALERTS:
                return self.fleet.device(index, self._initial)
        return self.fleet.device(0, self._initial)

    def row(self, ref: AlertRef, state: TenantState, *, expanded: bool = True) -> Row:
        """One alert. Not expanded, its evidence is an empty list, as in the service's responses."""
        number, created = ref.number, ref.created
        rng = rng_for(self.seed, "alert row", number)
        device = self.device_of(number)
        title, category, technique, source = _TITLES[int(rng.random() * len(_TITLES))]
        status = self._status(self.fleet.epoch - created, rng)
        user = self.people.account(self.people.primary(device))
        outcome: tuple[str | None, str | None] = (None, None)
        if status == "Resolved" and rng.random() < 0.8:
            outcome = _OUTCOMES[int(rng.random() * len(_OUTCOMES))]
        first = created - timedelta(minutes=1 + int(rng.random() * 300))
        updated = created + min(timedelta(hours=rng.random() * 90), self.fleet.epoch - created)
        if number >= self.count:
            status, outcome, updated = "New", (None, None), created
        malware = category in ("Malware", "Ransomware")
        row: Row = {
            "id": self.id_of(number),
            "incidentId": 90_000 + number // 3,
            "investigationId": 700 + number if source == "AutomatedInvestigation" else None,
            "assignedTo": _ANALYSTS[number % len(_ANALYSTS)] if status != "New" else None,
            "severity": weighted_choice(rng.random(), _SEVERITIES),
            "status": status,
            "classification": outcome[0],
            "determination": outcome[1],
            "investigationState": _STATES[int(rng.random() * len(_STATES))],
            "detectionSource": source,
            "detectorId": guid(self.seed, "detector", title),
            "category": category,
            "threatFamilyName": "Wacatac" if malware else None,
            "title": title,
            "description": f"{title}.\nSeen on the device\u00a0– review the process tree.\r\n&amp; contact the owner.",
            "alertCreationTime": iso_utc(created, rng),
            "firstEventTime": iso_utc(first, rng) if rng.random() > 0.02 else UNSET,
            "lastEventTime": iso_utc(created - timedelta(seconds=20), rng),
            "lastUpdateTime": iso_utc(updated, rng),
            "resolvedTime": iso_utc(updated, rng) if status == "Resolved" else None,
            "machineId": device.id,
            "computerDnsName": device.name,
            "rbacGroupName": device.group.name,
            "aadTenantId": self.fleet.shape.tenant_id,
            "threatName": "Trojan:Win32/Wacatac.B!ml" if malware else None,
            "mitreTechniques": [technique] if technique else [],
            "relatedUser": {"userName": user, "domainName": DOMAIN.upper()} if rng.random() < 0.8 else None,
            "loggedOnUsers": [{"accountName": user, "domainName": DOMAIN.upper()}] if rng.random() < 0.5 else [],
            "comments": self._comments(created, status, rng),
            "evidence": [],
            "domains": [{"host": "c2.bad.example"}] if number % 23 == 5 else [],
        }
        if number % 17 == 3 and not self.fleet.shape.as_documented:
            row["aiSummary"] = {"language": "de", "text": "Kurzfassung – ungeprüft"}
        row |= state.updated_alerts.get(number, {})
        if expanded:
            row["evidence"] = self._evidence(number, device, first, user)
        return row

    @staticmethod
    def _status(age: timedelta, rng: Random) -> str:
        open_for = 2 + 30 * rng.random()
        if age < timedelta(days=open_for / 4):
            return "New"
        return "InProgress" if age < timedelta(days=open_for) else "Resolved"

    def _comments(self, created: datetime, status: str, rng: Random) -> list[Row]:
        if status == "New" or rng.random() < 0.6:
            return []
        return [
            {
                "comment": "Geprüft: erwartete Aktivität.\n<b>ok</b>",
                "createdBy": _ANALYSTS[0],
                "createdTime": iso_utc(created + timedelta(hours=1), rng),
            }
        ]

    def _evidence(self, number: int, device: Device, at: datetime, user: str) -> list[Row]:
        rng = rng_for(self.seed, "evidence", number)
        created = iso_utc(at, rng)
        file = {
            "sha1": digest(self.seed, "sha1", number, size=20).hex(),
            "sha256": digest(self.seed, "sha256", number, size=32).hex(),
            "fileName": "invoice_größe.exe",
            "filePath": "C:\\Users\\Public\\Downloads",
        }
        person = {
            "accountName": user,
            "domainName": DOMAIN.upper(),
            "userSid": self.people.sid(self.people.primary(device)),
            "aadUserId": guid(self.seed, "entra user", user),
            "userPrincipalName": f"{user}@contoso.example",
        }
        process = {
            "processId": 1_000 + int(rng.random() * 60_000),
            "processCommandLine": "powershell.exe -nop -w hidden -c \"iex('…')\"",
            "processCreationTime": created,
            "parentProcessId": 700 + int(rng.random() * 9_000),
            "parentProcessCreationTime": iso_utc(at - timedelta(hours=3), rng) if number % 5 else UNSET,
            "parentProcessFileName": "explorer.exe",
            "parentProcessFilePath": "C:\\Windows",
        }
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("Process", {**file, **process, **person, "detectionStatus": "Detected"}),
            ("File", {**file, "detectionStatus": "Prevented" if number % 2 else "Detected"}),
            ("User", person),
        ]
        if number % 3 == 0:
            kinds.append(("Ip", {"ipAddress": f"198.51.100.{number % 250}"}))
        if number % 4 == 0:
            kinds.append(("Url", {"url": f"https://bad.example/{number}?q=<x>"}))
        if number % 6 == 0:
            registry = {
                "registryKey": "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
                "registryHive": "HKEY_LOCAL_MACHINE",
                "registryValueType": "Unknown",
                "registryValue": "evil.exe",
                "registryValueName": "Updater",
            }
            kinds.append(("Registry", registry))
        kept = kinds[: 1 + int(rng.random() * len(kinds))]
        return [{"entityType": kind, "evidenceCreationTime": created, **_NO_EVIDENCE, **found} for kind, found in kept]
