"""Rows of the security recommendations, and of the remediation activities that were requested from them.

Here: one recommendation for each product that exposes devices and for each control that some do not comply with. Not
here: the exposed devices (``findings.py``, ``configurations.py``).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from .configurations import CONTROLS, Configurations, SecurityControl
from .device_groups import GROUPS
from .formats import Row, iso_seconds, iso_utc
from .installed_software import Census, InstalledSoftware
from .products import SoftwareProduct
from .randomness import guid, rng_for
from .state import Assessment, TenantState

_REPLACED_BY = {"jre": ("eclipse", "temurin"), "paint_3d": ("microsoft", "paint")}
_ASKED = ("vm@contoso.example", "it-lead@contoso.example")
_MOST_ACTIVITIES = 400
_SPELLED = {
    ".net": ".NET",
    "asp.net": "ASP.NET",
    "dc": "DC",
    "jre": "JRE",
    "macos": "macOS",
    "node.js": "Node.js",
    "openssl": "OpenSSL",
}
"""Words of product names that are not spelled with one capital letter."""


@dataclass
class ControlCensus:
    """Devices by control id: to which it applies, and which do not comply."""

    applicable: Counter[str] = field(default_factory=Counter)
    exposed: Counter[str] = field(default_factory=Counter)


class Recommendations:
    """The recommendations of a tenant, and its remediation activities."""

    def __init__(self, software: InstalledSoftware, configurations: Configurations) -> None:
        self.software = software
        self.configurations = configurations
        self.seed = software.shape.seed
        self._census: tuple[TenantState, ControlCensus] | None = None

    def rows(self, assessment: Assessment) -> list[Row]:
        """The recommendations, those of software first."""
        census = self.software.census(assessment.state)
        controls = self.controls(assessment.state)
        return [
            *(self._update(product, census) for product in self._exposing(census)),
            *(self._setting(control, controls) for control in CONTROLS if controls.exposed[control.id]),
        ]

    def activities(self, assessment: Assessment) -> list[Row]:
        """One remediation activity for every third recommendation."""
        census, controls = self.software.census(assessment.state), self.controls(assessment.state)
        found = [self._update_activity(product, census) for product in self._exposing(census)]
        found += [self._setting_activity(control, controls) for control in CONTROLS if controls.exposed[control.id]]
        return found[::3][:_MOST_ACTIVITIES]

    def controls(self, state: TenantState) -> ControlCensus:
        """The counts of a state. The last result is kept."""
        if self._census is not None and self._census[0] is state:
            return self._census[1]
        census = ControlCensus()
        for device in self.software.fleet.devices(state):
            if self.configurations.is_covered(device):
                for control, applicable, compliant in self.configurations.assess(device):
                    census.applicable[control.id] += applicable
                    census.exposed[control.id] += not compliant
        self._census = (state, census)
        return census

    def _exposing(self, census: Census) -> Iterator[SoftwareProduct]:
        return (
            product
            for product in self.software.products
            if product.vendor is not None and census.exposed[product.number]
        )

    def _update(self, product: SoftwareProduct, census: Census) -> Row:
        rng = rng_for(self.seed, "recommendation", product.id)
        found = {
            cve.number: (cve, fixed) for v in product.versions for cve, fixed in self.software.affecting(product, v)
        }
        cves = [(cve, fixed) for number, (cve, fixed) in found.items() if census.cves[number]]
        vendor, program = _REPLACED_BY.get(product.name, ("", ""))
        kind, verb = "Update", f"Update {_title(product.name)} to version {product.versions[0].text}"
        if program:
            kind, verb = "Uninstall", f"Uninstall {_title(product.name)}, or replace it by {_title(program)}"
        elif product.versions[0].support == "EOS Software":
            kind, verb = "Upgrade", f"Upgrade {_title(product.name)} to a version that is supported"
        exposed = census.exposed[product.number]
        return {
            "id": f"va-_-{product.id}",
            "productName": product.name,
            "recommendationName": verb,
            "weaknesses": len(cves),
            "vendor": product.vendor,
            "recommendedVersion": product.versions[0].text if kind == "Update" else "",
            "recommendedVendor": vendor,
            "recommendedProgram": program,
            "recommendationCategory": "OS" if product.category == "Operating system" else "Application",
            "subCategory": "",
            "severityScore": 0,
            "publicExploit": any(cve.public_exploit for cve, _ in cves),
            "activeAlert": rng.random() < 0.03,
            "associatedThreats": [guid(self.seed, "threat", product.id)] if product.number % 6 == 0 else [],
            "remediationType": kind,
            "status": ("Active", "Active", "Active", "Exception", "PartialException")[int(rng.random() * 5)],
            "configScoreImpact": 0,
            "exposureImpact": round(exposed / max(1, census.assessment_sources) * len(cves) / 10, 3) or 0,
            "totalMachineCount": census.installed[product.number],
            "exposedMachinesCount": exposed,
            "nonProductivityImpactedAssets": 0,
            "relatedComponent": _title(product.name),
            "hasUnpatchableCve": any(not fixed for _, fixed in cves),
            "tags": ["internetFacing"] if product.number % 4 == 0 else [],
            "exposedCriticalDevices": exposed // 40,
        }

    def _setting(self, control: SecurityControl, controls: ControlCensus) -> Row:
        exposed = controls.exposed[control.id]
        impact = int(control.impact) if float(control.impact).is_integer() else control.impact
        return {
            "id": f"sca-_-{control.id}",
            "productName": _product_of(control),
            "recommendationName": control.name,
            "weaknesses": 1,
            "vendor": "microsoft",
            "recommendedVersion": "",
            "recommendedVendor": "",
            "recommendedProgram": "",
            # Without the blank that the assessment of devices has.
            "recommendationCategory": control.category.replace(" controls", "Controls"),
            "subCategory": control.subcategory,
            "severityScore": impact,
            "publicExploit": False,
            "activeAlert": False,
            "associatedThreats": [],
            "remediationType": "ConfigurationChange",
            "status": "Active",
            "configScoreImpact": impact,
            "exposureImpact": 0,
            "totalMachineCount": controls.applicable[control.id],
            "exposedMachinesCount": exposed,
            "nonProductivityImpactedAssets": 0 if control.has_user_impact else exposed,
            "relatedComponent": _title(_product_of(control)),
            "hasUnpatchableCve": False,
            "tags": [],
            "exposedCriticalDevices": exposed // 40,
        }

    def _update_activity(self, product: SoftwareProduct, census: Census) -> Row:
        recommended = self._update(product, census)
        return self._activity(
            recommended,
            category="Software",
            productivityImpactRemediationType=None,
            scid=None,
            productId=product.id,
            vendorId=product.vendor,
            nameId=product.name,
        )

    def _setting_activity(self, control: SecurityControl, controls: ControlCensus) -> Row:
        return self._activity(
            self._setting(control, controls),
            category="SecurityConfiguration",
            productivityImpactRemediationType="AllExposedAssets" if control.has_user_impact else "NonImpactedAssets",
            scid=control.id,
            productId=None,
            vendorId=None,
            nameId=None,
        )

    def _activity(self, recommended: Row, **own: str | None) -> Row:
        rng = rng_for(self.seed, "remediation", recommended["id"])
        epoch = self.software.shape.as_of
        created = epoch - timedelta(days=1 + 100 * rng.random())
        completed = rng.random() < 0.3
        changed = created + (epoch - created) * rng.random() if completed else created
        target, by_hand = recommended["exposedMachinesCount"], rng.random() < 0.5
        asked = _ASKED[int(rng.random() * len(_ASKED))]
        groups = [group.name for group in GROUPS[1 : 2 + int(rng.random() * 3)]]
        return {
            "id": guid(self.seed, "remediation", recommended["id"]),
            "title": recommended["recommendationName"],
            "createdOn": iso_utc(created, rng),
            "requesterId": guid(self.seed, "entra user", asked),
            "requesterEmail": asked,
            "status": "Completed" if completed else "Active",
            "statusLastModifiedOn": iso_utc(changed, rng),
            "description": f"{recommended['recommendationName']}.<br/>See the recommendation.",
            "relatedComponent": recommended["relatedComponent"],
            "targetDevices": target,
            "rbacGroupNames": groups,
            "fixedDevices": target if completed else int(target * rng.random()),
            "requesterNotes": "Bitte bis Monatsende – <b>danke</b>" if rng.random() < 0.4 else None,
            "dueOn": f"{iso_seconds((created + timedelta(days=30)).replace(hour=0, minute=0, second=0))}Z",
            "priority": ("High", "Medium", "Low", "None")[int(rng.random() * 4)],
            "completionMethod": ("Manual" if by_hand else "Automatic") if completed else None,
            "completerId": guid(self.seed, "entra user", asked) if completed and by_hand else None,
            "completerEmail": asked if completed and by_hand else None,
            "type": recommended["remediationType"],
            "recommendedVersion": recommended["recommendedVersion"] or None,
            "recommendedVendor": recommended["recommendedVendor"] or None,
            "recommendedProgram": recommended["recommendedProgram"] or None,
            "recommendationReference": recommended["id"],
            **own,
        }


def _title(name: str) -> str:
    return " ".join(_SPELLED.get(word, word.title()) for word in name.split("_"))


def _product_of(control: SecurityControl) -> str:
    if control.subcategory == "Antivirus":
        return "defender_antivirus"
    return {"macos": "mac_os", "linux": "linux_kernel"}.get(control.families[0], "windows")
