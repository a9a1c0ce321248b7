"""Rows of the baseline profiles, of the configurations in them, and of the permissions of browser extensions.

Here: their lists, from the same profiles and permissions as the assessments. Not here: these (``baselines.py``,
``browser_extensions.py``).
"""

from collections import Counter

from .baselines import PROFILES, BaselineConfiguration, BaselineProfile, Baselines
from .browser_extensions import PERMISSIONS
from .device_groups import GROUPS
from .fleet import Fleet
from .formats import UNSET, Row
from .state import Assessment

_ADMINISTRATOR = "admin@contoso.example"


def profile_rows(baselines: Baselines, fleet: Fleet, assessment: Assessment) -> list[Row]:
    """The profiles, with how many devices comply with all of each."""
    total, passed = Counter[str](), Counter[str]()
    for device in fleet.devices(assessment.state):
        complies: dict[str, bool] = {}
        for row in baselines.rows(device, assessment):
            profile = row["profileId"]
            complies[profile] = complies.get(profile, True) and row["isCompliant"]
        total.update(complies.keys())
        passed.update(profile for profile, all_of_it in complies.items() if all_of_it)
    return [
        {
            "id": profile.id,
            "name": profile.name,
            "description": profile.description,
            "benchmark": profile.benchmark,
            "version": profile.version,
            "operatingSystem": profile.operating_system,
            "operatingSystemVersion": profile.operating_system_version,
            "status": number != 1,
            "complianceLevel": profile.compliance_level,
            "settingsNumber": len(profile.configurations),
            "createdBy": _ADMINISTRATOR,
            "lastUpdatedBy": _ADMINISTRATOR if number == 2 else None,
            **_times(number),
            "passedDevices": passed[profile.id],
            "totalDevices": total[profile.id],
            "rbacGroupIdsProfileScope": [group.id for group in GROUPS[1:3]] if number == 0 else [],
            "rbacGroupNamesProfileScope": [group.name for group in GROUPS[1:3]] if number == 0 else [],
            "deviceTagsProfileScope": ["pilot"] if number == 2 else [],
        }
        for number, profile in enumerate(PROFILES)
    ]


def _times(number: int) -> Row:
    """By one of the two pairs of names: those of the example, or those of the table."""
    if number == 0:
        return {"createdOnTimestampUTC": "2025-06-01T09:00:00Z", "lastUpdateTimestampUTC": UNSET}
    return {"createdOnTimeOffset": "2025-07-14T08:30:00.25Z", "lastUpdateTimeOffset": "2026-01-20T10:00:00Z"}


def configuration_rows() -> list[Row]:
    """The configurations of each benchmark, version and operating system once."""
    return [_configuration(profile, configuration) for profile in PROFILES for configuration in profile.configurations]


def _configuration(profile: BaselineProfile, configuration: BaselineConfiguration) -> Row:
    version = f"{profile.version}-{profile.operating_system.lower()}"
    by_stig = profile.benchmark == "STIG"
    row: Row = {
        "id": configuration.id,
        "uniqueId": f"{profile.benchmark}_{version}_{configuration.id}",
        "benchmarkName": profile.benchmark,
        "benchmarkVersion": version,
        "name": configuration.name,
        "description": f"<p>{configuration.name}</p>",
        "category": configuration.category,
        "complianceLevels": [profile.compliance_level],
        "cce": f"CCE-{35_000 + len(configuration.name)}-{len(configuration.id)}",
        "remediation": "<p>Set it by a group policy.</p><pre>gpedit &amp; restart</pre>",
        "recommendedValue": [configuration.recommended],
        "source": [configuration.source],
        "isCustom": by_stig and configuration.id == "1.1.1",
        "assessmentMethod": "Automated",
    }
    return row if by_stig else row | {"rationale": "<p>It makes an attack harder.</p>"}


def permission_rows() -> list[Row]:
    """What the permissions of browser extensions mean: the same in every tenant."""
    return [
        {
            "key": permission.id,
            "permissionName": f"Permission for {permission.name}",
            "description": permission.description,
        }
        for permission in PERMISSIONS.values()
    ]
