"""Rows of the authenticated scans: the agents that log on to other devices, and what each of them is to scan.

Here: their rows, with made-up credentials, as the documented answer has them. Not here: any finding of theirs.
"""

from datetime import timedelta
from itertools import islice

from .device_kinds import RecordKind
from .fleet import Device, Fleet
from .formats import Row, iso_utc
from .randomness import digest, guid, rng_for
from .state import TenantState

SCAN_SECRET = "planted-secret"
"""What every credential in the answer begins with; it must not be found anywhere."""

_PREFIX = "#microsoft.windowsDefenderATP.api."
_VERSIONS = ("7.1.1", "7.2.4", "7.3.0")
_SENSOR = "10.8295.22621.1195"


class Scans:
    """The authenticated scans of a tenant."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.seed = fleet.shape.seed
        self.agent_count = max(2, fleet.shape.machines // 2_000)

    def agents(self, state: TenantState) -> list[Row]:
        """The first Windows devices that report are the scanners."""
        return [self._agent(device) | {"computerDnsName": device.name} for device in self._devices(state)]

    def definitions(self, state: TenantState) -> list[Row]:
        """Four scans for each agent: of network devices, Windows, Linux, and an industrial network."""
        return [
            self._definition(device, number, kind)
            for number, device in enumerate(self._devices(state))
            for kind in ("Network", "Windows", "Linux", "AdvancedActive")
        ]

    def _devices(self, state: TenantState) -> list[Device]:
        reporting = (
            device
            for device in self.fleet.devices(state)
            if device.platform.is_windows and device.record_kind is RecordKind.REGULAR
        )
        return list(islice(reporting, self.agent_count))

    def _agent(self, device: Device) -> Row:
        rng = rng_for(self.seed, "scan agent", device.number)
        # Some members are in PascalCase, in the list too.
        return {
            "id": f"{self.fleet.shape.tenant_id}_{device.id}",
            "machineId": device.id,
            "lastSeen": iso_utc(device.last_seen, rng),
            "AssignedApplicationId": guid(self.seed, "scanner application"),
            "ScannerSoftwareVersion": _VERSIONS[device.number % len(_VERSIONS)],
            "LastCommandExecutionTimestamp": iso_utc(device.last_seen - timedelta(hours=1), rng),
            "mdeClientVersion": _SENSOR,
        }

    def _definition(self, device: Device, number: int, kind: str) -> Row:
        rng = rng_for(self.seed, "scan", device.number, kind)
        failed = rng.random() < 0.4 or kind == "Linux"
        by_name = kind == "Windows"
        return {
            "id": guid(self.seed, "scan", device.number, kind),
            "scanType": kind,
            "scanName": f"{kind} {number} – Gebäude A & B",
            "isActive": number % 3 != 2,
            "target": "srv-1.corp.contoso.example,srv-2.corp.contoso.example" if by_name else "192.0.2.0/28",
            "orgId": self.fleet.shape.tenant_id,
            "intervalInHours": 24,
            "createdBy": "netadmin@contoso.example",
            "targetType": "Hostname" if by_name else "Ip",
            "isTroubleshootMode": False,
            "scanAuthenticationParams": self._logs_on_with(device, kind),
            "scannerAgent": self._agent(device) | {"machineName": device.name},
            "latestScan": {
                "status": "Fail" if failed else "Success",
                "failureReason": "The target did not answer." if failed else None,
                "executionDateTime": iso_utc(device.last_seen - timedelta(hours=2), rng),
            },
            "advancedActiveConfiguration": _INDUSTRIAL if kind == "AdvancedActive" else None,
        }

    def _logs_on_with(self, device: Device, kind: str) -> Row | None:
        def secret(what: str) -> str:
            return f"{SCAN_SECRET}-{what}-{digest(self.seed, 'secret', device.number, what, size=4).hex()}"

        match kind:
            case "Network":
                return {
                    "@odata.type": f"{_PREFIX}SnmpAuthParams",
                    "type": "AuthPriv",
                    "username": secret("user"),
                    "authProtocol": "SHA1",
                    "authPassword": secret("auth"),
                    "privProtocol": "AES",
                    "privPassword": secret("priv"),
                    "communityString": secret("community"),
                }
            case "Windows":
                return {
                    "@odata.type": f"{_PREFIX}WindowsAuthParams",
                    "type": "Kerberos",
                    "username": secret("user"),
                    "password": secret("password"),
                    "domain": "corp.contoso.example",
                    "isGmsaUser": True,
                    "packetPrivacy": True,
                    "packetIntegrity": True,
                    "keyVaultUri": "https://scans.vault.example/",
                    "keyVaultSecretName": "windows-scan",
                }
            case "Linux":
                return {
                    "@odata.type": f"{_PREFIX}LinuxAuthParams",
                    "type": "PrivateKey",
                    "username": secret("user"),
                    "privateKey": secret("key"),
                    "password": secret("password"),
                }
        return None


_INDUSTRIAL = {
    "addresses": ["192.0.2.10", "192.0.2.11"],
    "siteId": "plant-1",
    "zone": "Halle 3",
    "scanIdentifier": "oil-press",
    "maxConcurrentScans": 4,
    "portCheckTimeout": 1.5,
    "singleScanTimeout": 600,
    "disabledScanners": ["modbus"],
    "enabledEndpoints": ["plc"],
    "exportHMI": False,
    "externalAddress": False,
    "enableTCPPortScan": True,
    "exportSuccessfullOnlyAddresses": True,
    "force": False,
    "safe": True,
}
