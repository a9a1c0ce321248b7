"""Scores and recommendations of the tenant.

Here: the exposure score, the secure score and the recommendations, computed of what the other rows say. Not here: those
rows.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .configurations import CONTROLS, Configurations
from .draws import guid, share, stream
from .estate import Estate
from .fleet import GROUPS
from .spelling import zulu
from .state import Assessment


class Scores:
    """The scores and recommendations of a tenant."""

    def __init__(self, estate: Estate, configurations: Configurations) -> None:
        self.estate = estate
        self.configurations = configurations
        self.seed = estate.shape.seed

    def exposure(self, assessment: Assessment, now: datetime) -> dict[str, Any]:
        """The tenant's exposure score: how much of what is installed is exposed, 0 to 100."""
        census = self.estate.census(assessment.state)
        share_exposed = sum(census.exposed.values()) / max(1, sum(census.installed.values()))
        chance = stream(self.seed, "exposure score", now)
        return {
            "time": zulu(now, chance),
            "score": round(100 * share_exposed, 5),
            "rbacGroupName": None,
            "rbacGroupId": None,
        }

    def exposure_by_group(self, assessment: Assessment, now: datetime) -> Iterator[dict[str, Any]]:
        whole = self.exposure(assessment, now)
        for group in GROUPS:
            if group.id:
                score = whole["score"] * (0.6 + 0.8 * share(self.seed, "group score", group.id))
                yield {**whole, "score": round(score, 5), "rbacGroupName": group.name, "rbacGroupId": group.id}

    def configuration(self, assessment: Assessment, now: datetime) -> dict[str, Any]:
        """The secure score for devices: impact of the controls kept, in points."""
        applies, failed = self.configurations.failures(assessment)
        points = sum(
            control.impact * 10 * (1 - failed[control.id] / applies[control.id])
            for control in CONTROLS
            if applies[control.id]
        )
        chance = stream(self.seed, "configuration score", now)
        return {"time": zulu(now, chance), "score": int(points), "rbacGroupName": None, "rbacGroupId": None}

    def recommendations(self, assessment: Assessment) -> Iterator[dict[str, Any]]:
        """One per product with weaknesses, one per control that somebody fails."""
        census = self.estate.census(assessment.state)
        for product in self.estate.products:
            exposed = census.exposed[product.number]
            if exposed and product.vendor is not None:
                affecting = {
                    flaw.number: (flaw, fixed)
                    for version in product.versions
                    for flaw, fixed in self.estate.affecting(product, version)
                }
                present = [found for number, found in affecting.items() if census.flaws[number]]
                update, newest = product.category != "Business", product.versions[0].text
                yield {
                    **self._common(f"va-_-{product.id}", exposed, census.installed[product.number]),
                    "productName": product.name,
                    "recommendationName": f"Update {product.vendor} {product.name} to version {newest}",
                    "weaknesses": len(present),
                    "vendor": product.vendor,
                    "recommendedVersion": newest if update else "",
                    "recommendationCategory": "OS" if product.category == "Operating system" else "Application",
                    "severityScore": round(max((flaw.score for flaw, _ in present), default=0), 1),
                    "publicExploit": any(flaw.public_exploit for flaw, _ in present),
                    "remediationType": "Update" if update else "Uninstall",
                    "exposureImpact": round(exposed / max(1, census.assessed) * 3, 6),
                    "relatedComponent": product.name.replace("_", " "),
                    "hasUnpatchableCve": any(not fixed for _, fixed in present),
                }
        applies, failed = self.configurations.failures(assessment)
        for control in CONTROLS:
            if failed[control.id]:
                yield {
                    **self._common(f"sca-_-{control.id}", failed[control.id], applies[control.id]),
                    "productName": "windows" if "windows" in control.families else control.families[0],
                    "recommendationName": control.name,
                    "weaknesses": 1,
                    "vendor": "microsoft",
                    "recommendedVersion": "",
                    "recommendationCategory": control.category.replace("Security controls", "SecurityControls"),
                    "subCategory": control.subcategory,
                    "severityScore": 0,
                    "remediationType": "ConfigurationChange",
                    "configScoreImpact": control.impact,
                    "relatedComponent": "Operating system",
                }

    def _common(self, recommendation: str, exposed: int, total: int) -> dict[str, Any]:
        u = share(self.seed, "recommendation", recommendation)
        return {
            "id": recommendation,
            "productName": None,
            "recommendationName": None,
            "weaknesses": 0,
            "vendor": None,
            "recommendedVersion": "",
            "recommendedVendor": "",
            "recommendedProgram": "",
            "recommendationCategory": None,
            "subCategory": "",
            "severityScore": 0,
            "publicExploit": False,
            "activeAlert": u < 0.02,
            "associatedThreats": [guid(self.seed, "threat", recommendation)] if u < 0.1 else [],
            "remediationType": None,
            "status": "Exception" if u > 0.97 else "Active",
            "configScoreImpact": 0,
            "exposureImpact": 0,
            "totalMachineCount": total,
            "exposedMachinesCount": exposed,
            "nonProductivityImpactedAssets": 0,
            "relatedComponent": None,
            "hasUnpatchableCve": False,
            "tags": ["internetFacing"] if u < 0.05 else [],
            "exposedCriticalDevices": int(exposed * 0.04),
        }
