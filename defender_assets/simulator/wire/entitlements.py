"""What the simulated tenant is entitled to: licences, and features that can be switched off.

Here: which datasets come with which licence, written down from the service's documentation and not derived from the
catalog. Not here: the roles of the application (``app_registration.py``).

An unlicensed tenant was seen to answer 401 "No Tvm license". What the add-on brings:
https://learn.microsoft.com/en-us/defender-vulnerability-management/defender-vulnerability-management-capabilities
"""

from dataclasses import dataclass, field

from .refusals import ApiRefusal

ADD_ON = frozenset(
    {
        "baseline_assessment",
        "baseline_configurations",
        "baseline_profiles",
        "browser_extension_permissions",
        "browser_extensions",
        "certificates",
        "hardware_firmware",
    }
)
"""Datasets of the Defender Vulnerability Management add-on."""

LICENCES = {"add_on": ADD_ON}
"""Name -> the datasets that a tenant without that licence does not have."""


@dataclass
class Entitlements:
    """``unlicensed`` and ``switched_off`` are names of datasets."""

    unlicensed: set[str] = field(default_factory=set)
    switched_off: set[str] = field(default_factory=set)

    def check(self, dataset: str) -> None:
        """Raises ApiRefusal where the tenant has no licence for the dataset, or has switched its feature off."""
        if dataset in self.unlicensed:
            raise ApiRefusal(401, "Unauthorized", "Unauthorized request - reason of failure: No Tvm license")
        if dataset in self.switched_off:
            raise ApiRefusal(403, "DisabledFeature", "Tenant feature is not enabled")


def datasets_of(names: tuple[str, ...]) -> set[str]:
    """The datasets of these licences; any other name is a dataset's own."""
    return {dataset for name in names for dataset in LICENCES.get(name, {name})}
