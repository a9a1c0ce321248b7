"""Datasets about what Microsoft recommends to do, and what was asked of whom.

Here: the declarations. Not here: the devices of each recommendation, which the assessments name
(``recommendation_reference``), the project's own due dates (``derived/patches.py``).
"""

from .column import flag, real, text, time, whole
from .dataset import GENERAL_QUOTA, Dataset, ODataPages
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

RECOMMENDATIONS = Dataset(
    name="recommendations",
    title="Security recommendations",
    description="What Microsoft recommends: updates of software and changes of settings, with the devices exposed. "
    "The devices of each are in software_vulnerabilities and secure_configuration (recommendation_reference).",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/recommendations",
    permission="SecurityRecommendation.Read.All",
    documentation=_DOCS + "get-all-recommendations",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(halves="recommendationCategory {} 'Application'"),
    key=("id",),
    columns=(
        text("id", "va-_-vendor-_-product for software, sca-_-scid-n for a setting.", sampled=True),
        text("productName", "Product.", sampled=True),
        text("recommendationName", "What to do, in words."),
        whole("weaknesses", "Number of known vulnerabilities."),
        text("vendor", "Vendor.", sampled=True),
        text("recommendedVersion", "Version to update to.", sampled=True),
        text("recommendedVendor", "Vendor to change to.", sampled=True),
        text("recommendedProgram", "Program to change to.", sampled=True),
        text("recommendationCategory", "Accounts, Application, Network, OS or SecurityControls.", sampled=True),
        text("subCategory", "Subcategory.", sampled=True),
        real("severityScore", "Severity of the recommendation."),
        flag("publicExploit", "A public exploit exists."),
        flag("activeAlert", "An active alert is related to it."),
        text("associatedThreats", "Ids of threats that make use of it.", many=True),
        text("remediationType", "ConfigurationChange, Update, Upgrade, Uninstall, …; an open set.", sampled=True),
        text(
            "status",
            "Active, Exception or PartialException: an accepted risk, for all device groups or for some.",
            sampled=True,
        ),
        real("configScoreImpact", "Impact on Microsoft Secure Score for Devices."),
        real("exposureImpact", "Impact on the exposure score."),
        whole("totalMachineCount", "Devices it concerns."),
        whole("exposedMachinesCount", "Of these, devices that are exposed."),
        whole("nonProductivityImpactedAssets", "Devices that can be changed without disturbing their users."),
        text("relatedComponent", "Component it is about."),
        flag("hasUnpatchableCve", "One of the vulnerabilities has no patch."),
        text("tags", "Tags, such as internetFacing.", many=True),
        whole("exposedCriticalDevices", "Exposed devices that are critical assets."),
    ),
)

REMEDIATION_ACTIVITIES = Dataset(
    name="remediation_activities",
    title="Remediation activities",
    description="Remediation tasks that were requested from recommendations: who asked for what, until when, and how "
    "far it is.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/remediationTasks",
    permission="RemediationTasks.Read.All",
    documentation=_DOCS + "get-remediation-all-activities",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(halves="status {} 'Active'"),
    key=("id",),
    columns=(
        text("id", "Id of the activity.", sampled=True),
        text("title", "Title."),
        time("createdOn", "When it was requested."),
        text("requesterId", "Who requested it.", personal=True),
        text("requesterEmail", "E-mail of who requested it.", personal=True),
        text("status", "Active or Completed.", sampled=True),
        time("statusLastModifiedOn", "When the status last changed."),
        text("description", "What is to be done."),
        text("relatedComponent", "Component it is about."),
        whole("targetDevices", "Devices it is to be done on."),
        text("rbacGroupNames", "Device groups it is for.", many=True),
        whole("fixedDevices", "Devices on which it is done."),
        text("requesterNotes", "Notes of who requested it.", personal=True),
        time("dueOn", "Until when it is to be done."),
        text("category", "Software or SecurityConfiguration.", sampled=True),
        text("productivityImpactRemediationType", "AllExposedAssets or NonImpactedAssets; settings only."),
        text("priority", "None, Low, Medium or High.", sampled=True),
        text("completionMethod", "Automatic or Manual, once it is completed.", sampled=True),
        text("completerId", "Who completed it.", personal=True),
        text("completerEmail", "E-mail of who completed it.", personal=True),
        text("scid", "The control (secure_configuration.configuration_id).", sampled=True),
        text(
            "type",
            "Update, Uninstall, ConfigurationChange, AttentionRequired, Upgrade or FirmwareUpdate.",
            sampled=True,
        ),
        text("productId", "The product (software.id)."),
        text("vendorId", "Vendor."),
        text("nameId", "Product name."),
        text("recommendedVersion", "Version to update to.", sampled=True),
        text("recommendedVendor", "Vendor to change to.", sampled=True),
        text("recommendedProgram", "Program to change to.", sampled=True),
        text("recommendationReference", "The recommendation (recommendations.id)."),
    ),
)
