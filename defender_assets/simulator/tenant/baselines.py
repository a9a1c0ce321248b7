"""Security baselines: profiles, the configurations in them, and which device complies.

Here: the profiles of the tenant with the configurations of their benchmarks, and the rows of the assessment. Not here:
the controls of the secure configuration (``configurations.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from .device_assessment import DeviceAssessment, in_each_group
from .device_kinds import Discipline
from .fleet import Device
from .formats import Row, iso_seconds
from .installed_software import InstalledSoftware
from .randomness import rng_for
from .state import Assessment


@dataclass(frozen=True)
class BaselineConfiguration:
    """A configuration of a benchmark. ``values`` are those that devices have, the compliant one first; ``rate`` is the
    share of devices that comply."""

    id: str
    name: str
    category: str
    recommended: str
    source: str
    values: tuple[str, ...]
    rate: float


@dataclass(frozen=True)
class BaselineProfile:
    """A profile: a benchmark for the devices of one operating system."""

    id: str
    name: str
    description: str
    benchmark: str
    version: str
    operating_system: str
    operating_system_version: str
    compliance_level: str
    configurations: tuple[BaselineConfiguration, ...]

    def covers(self, device: Device) -> bool:
        platform = device.platform
        return (platform.os_platform, platform.version) == (self.operating_system, self.operating_system_version)


_LANMAN = "hkey_local_machine\\system\\currentcontrolset\\services\\lanmanworkstation\\parameters\\"
_SYSTEM = "hkey_local_machine\\software\\microsoft\\windows\\currentversion\\policies\\system\\"
_COMMON = (
    BaselineConfiguration(
        "1.1.1", "(L1) Ensure 'Enforce password history' is set to '24 or more password(s)'",
        "Account Policies", "Greater than or equal to 24", "secedit\\passwordhistorysize", ("24", "12", "0"), 0.8,
    ),
    BaselineConfiguration(
        "1.1.5", "(L1) Ensure 'Minimum password length' is set to '14 or more character(s)'",
        "Account Policies", "Greater than or equal to 14", "secedit\\minimumpasswordlength", ("14", "8"), 0.7,
    ),
    BaselineConfiguration(
        "2.3.7.1", "(L1) Ensure 'Interactive logon: Do not require CTRL+ALT+DEL' is set to 'Disabled'",
        "Local Policies", "Equals '0'", _SYSTEM + "disablecad", ("0", "1"), 0.6,
    ),
    BaselineConfiguration(
        "2.3.8.1", "(L1) Ensure 'Microsoft network client: Digitally sign communications (always)' is set to 'Enabled'",
        "Local Policies", "Equals '1'", _LANMAN + "requiresecuritysignature", ("1", "0"), 0.75,
    ),
    BaselineConfiguration(
        "18.9.5.2", "(L2) Ensure 'Turn On Virtualization Based Security' is set to <Enabled> & locked",
        "Administrative Templates", "Equals '1'", "hkey_local_machine\\software\\policies\\deviceguard", ("1", ""), 0.5,
    ),
)  # fmt: skip
_SERVER_ONLY = BaselineConfiguration(
    "2.2.21", "(L1) Ensure 'Deny access to this computer from the network' includes 'Guests'",
    "Local Policies", "Contains 'Guests'", "secedit\\sedenynetworklogonright", ("Guests", "Local account", ""), 0.9,
)  # fmt: skip

PROFILES = (
    BaselineProfile(
        "3f1d2c7e-0b7e-4f57-9a3f-7a2c1e88d4b1", "Workstations", "What every workstation has to comply with.",
        "CIS", "3.0.0", "Windows11", "24H2", "Level 1 (L1) - Corporate/Enterprise Environment", _COMMON,
    ),
    BaselineProfile(
        "9c0a4d55-61f2-4a0c-8f3e-2d9be7710c42", "Workstations, strict", "",
        "STIG", "2.2", "Windows10", "22H2", "Category I (CAT I)", _COMMON[:3],
    ),
    BaselineProfile(
        "b7716e80-52a9-4d8b-b1c5-06f4f7f0a9d3", "Server 2022", "Servers & <b>domain controllers</b>",
        "CIS", "3.0.0", "WindowsServer2022", "21H2", "Level 2 (L2)", (*_COMMON, _SERVER_ONLY),
    ),
)  # fmt: skip
_RATE_FACTOR = {Discipline.FRESH: 1.0, Discipline.LAGGING: 0.9, Discipline.NEGLECTED: 0.6}


class Baselines(DeviceAssessment):
    """The baseline assessment of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        if not self.software.is_assessed(device):
            return
        rng = rng_for(self.software.shape.seed, "baselines", device.number)
        collected = min(device.last_seen, assessment.generated) - timedelta(minutes=int(rng.random() * 400))
        collected_at = f"{iso_seconds(collected)}.{int(rng.random() * 1000):03d}Z"
        computed_at = f"{iso_seconds(assessment.generated)}.000Z"
        head = {"osVersion": self.software.os_version(device), "complianceCalculationTimeOffset": computed_at}
        found = []
        for profile in PROFILES:
            if not profile.covers(device):
                continue
            for configuration in profile.configurations:
                row = head | {
                    "id": f"{device.id}_{profile.id}_{configuration.id}",
                    "configurationId": configuration.id,
                    "profileId": profile.id,
                    "recommendedValue": [configuration.recommended],
                    "source": [configuration.source],
                }
                found.append(row | self._result(device, profile, configuration, collected_at, rng))
        yield from in_each_group(device, found)

    @staticmethod
    def _result(
        device: Device, profile: BaselineProfile, configuration: BaselineConfiguration, collected_at: str, rng: Random
    ) -> Row:
        u, v, w = rng.random(), rng.random(), rng.random()
        # One in twenty has no data yet: the device does not comply then.
        has_data, is_applicable = w > 0.05, w < 0.97
        complies = has_data and u < configuration.rate * _RATE_FACTOR[device.discipline]
        others = configuration.values[1:]
        value = configuration.values[0] if complies else others[int(v * len(others))]
        result = {
            "isApplicable": is_applicable,
            "isCompliant": complies or not is_applicable,
            "currentValue": [value] if has_data else [],
        }
        if has_data:
            result["dataCollectionTimeOffset"] = collected_at
        if has_data and device.number % 2 == 0:
            # In the service's schema, but not in every answer.
            details = f"{profile.benchmark} {profile.version}, {profile.compliance_level}"
            result |= {"rawValue": [value], "isExempt": v < 0.02, "complianceEvaluationDetails": details}
        return result
