"""The people who log on: fewer than devices, so that users recur, and a few administrators who are everywhere.

Here: the users of a device, as rows of its logon users. Not here: alerts about them (``alerts.py``).
"""

from collections.abc import Iterator
from random import Random

from .device_kinds import RecordKind
from .fleet import Device, Fleet
from .formats import Row, iso_seconds, iso_utc
from .randomness import digest, rng_for
from .state import TenantState

DOMAIN = "corp"
_FIRST_TEXT = (
    "anna ben carla dmitri eva farid greta hugo ines jan kemal lena marek nadia oskar paula quirin rosa sven tilda "
    "ulrike viktor wanda xaver yara zoe björn søren łukasz rené"
)
_LAST_TEXT = (
    "abel bauer costa dietz ekström fischer garcía huber ibsen jansen keller lindner meyer novak olsen petrov quandt "
    "richter schmidt taylor ulbrich vogel wagner xu young zimmermann"
)
_FIRST, _LAST = _FIRST_TEXT.split(), _LAST_TEXT.split()
_LOGON = (
    "Interactive",
    "Interactive",
    "RemoteInteractive",
    "Network",
    "Network, RemoteInteractive",
    "CachedInteractive",
)


class People:
    """The users of a tenant's devices."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.seed = fleet.shape.seed
        self.pool = max(6, fleet.shape.machines * 4 // 5)
        self.administrators = max(2, fleet.shape.machines // 400)

    def account(self, number: int) -> str:
        """The account name: ``a.meyer``, with a number once the names are used up."""
        first = _FIRST[number % len(_FIRST)]
        last = _LAST[(number * 7 + number // len(_FIRST)) % len(_LAST)]
        return f"{first[0]}.{last}{number if number >= len(_LAST) else ''}"

    def primary(self, device: Device) -> int:
        """The main user of a device. One person in five has two devices."""
        return device.number % self.pool

    def users_of(self, device: Device) -> list[Row]:
        """The rows of one device's logon users; none for a device that is not onboarded."""
        if not device.onboarded or device.platform.kind == "phone" or device.record_kind is RecordKind.MERGED:
            return []
        rng = rng_for(self.seed, "people", device.number)
        people = [] if device.platform.kind == "server" else [self.primary(device)]
        if rng.random() < 0.25:
            people.append(int(rng.random() * self.pool))
        administrators = rng.random() < (0.9 if device.platform.kind == "server" else 0.15)
        rows = [self._row(device, person, rng) for person in dict.fromkeys(people)]
        if administrators:
            rows.append(self._administrator(device, rng))
        if rng.random() < 0.06:
            rows.append(self._local(device, rng))
        return rows

    def _row(self, device: Device, person: int, rng: Random) -> Row:
        account = self.account(person)
        knows = rng.random() < 0.4
        return {
            "id": f"{DOMAIN}\\{account}",
            "accountName": account,
            "accountDomain": DOMAIN,
            "accountSid": self.sid(person) if knows else None,
            "firstSeen": iso_seconds(device.first_seen) + "Z",
            "lastSeen": iso_utc(device.last_seen, rng),
            "mostPrevalentMachineId": self.fleet.id_of(person % self.fleet.shape.machines) if knows else None,
            "leastPrevalentMachineId": device.id if knows else None,
            "logonTypes": _LOGON[int(rng.random() * len(_LOGON))],
            "logOnMachinesCount": 1 + int(rng.random() * 3) if knows else None,
            "isDomainAdmin": False,
            "isOnlyNetworkUser": False if knows else None,
        }

    def _administrator(self, device: Device, rng: Random) -> Row:
        number = int(rng.random() * self.administrators)
        return {
            "id": f"{DOMAIN}\\adm.{number}",
            "accountName": f"adm.{number}",
            "accountDomain": DOMAIN,
            "accountSid": None,
            "firstSeen": iso_seconds(device.first_seen) + "Z",
            "lastSeen": iso_seconds(device.last_seen) + "Z",
            "mostPrevalentMachineId": None,
            "leastPrevalentMachineId": None,
            "logonTypes": "Network, RemoteInteractive" if device.platform.kind == "server" else "Network",
            "logOnMachinesCount": None,
            "isDomainAdmin": True,
            "isOnlyNetworkUser": device.platform.kind != "server",
        }

    def _local(self, device: Device, rng: Random) -> Row:
        # Seen in the live service: a local account that is reported as a domain administrator.
        host = device.name.split(".")[0].strip().lower()
        return {
            "id": f"{host}\\administrator",
            "accountName": "Administrator",
            "accountDomain": host,
            "accountSid": None,
            "firstSeen": iso_seconds(device.first_seen) + "Z",
            "lastSeen": iso_utc(device.last_seen, rng),
            "mostPrevalentMachineId": None,
            "leastPrevalentMachineId": None,
            "logonTypes": "Interactive",
            "logOnMachinesCount": None,
            "isDomainAdmin": rng.random() < 0.5,
            "isOnlyNetworkUser": None,
        }

    def sid(self, person: int) -> str:
        parts = digest(self.seed, "domain sid", size=12)
        a, b, c = (int.from_bytes(parts[k : k + 4], "big") for k in (0, 4, 8))
        return f"S-1-5-21-{a}-{b}-{c}-{1000 + person}"

    def rows(self, state: TenantState) -> Iterator[Row]:
        """Every device's users, with the id of the device (which the service's rows lack)."""
        for device in self.fleet.devices(state):
            for row in self.users_of(device):
                yield {"machineId": device.id, **row}
