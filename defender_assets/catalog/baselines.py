"""Datasets of security baselines: the profiles that the organisation made, and the settings in them.

Here: the declarations. Not here: which device complies with which setting (``assessments.py``).
"""

from .column import flag, text, time, whole
from .dataset import GENERAL_QUOTA, VULNERABILITY_MANAGEMENT_ADD_ON, Dataset, ODataPages
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

BASELINE_PROFILES = Dataset(
    name="baseline_profiles",
    title="Baseline profiles",
    description="The security baseline profiles of the organisation, and how many devices comply with each.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/baselineProfiles",
    permission="SecurityBaselinesAssessment.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "get-security-baselines-assessment-profiles",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(),
    key=("id",),
    columns=(
        text("id", "Id of the profile.", sampled=True),
        text("name", "Name."),
        text("description", "Description."),
        text("benchmark", "Benchmark (CIS, STIG, …).", sampled=True),
        text("version", "Version of the benchmark.", sampled=True),
        text("operatingSystem", "Operating system it is for.", sampled=True),
        text("operatingSystemVersion", "Version of the operating system.", sampled=True),
        flag("status", "The profile is active."),
        text("complianceLevel", "Level of the benchmark.", sampled=True),
        whole("settingsNumber", "Number of settings in the profile."),
        text("createdBy", "Who made it.", personal=True),
        text("lastUpdatedBy", "Who last changed it.", personal=True),
        time("createdOnTimeOffset", "When it was made.", aliases=("createdOnTimestampUTC",)),
        time("lastUpdateTimeOffset", "When it was last changed.", aliases=("lastUpdateTimestampUTC",)),
        whole("passedDevices", "Devices that comply with every setting."),
        whole("totalDevices", "Devices the profile applies to."),
        whole("rbacGroupIdsProfileScope", "Device groups it is for.", many=True),
        text("rbacGroupNamesProfileScope", "Names of these device groups.", many=True),
        text("deviceTagsProfileScope", "Device tags it is for.", many=True),
    ),
)

BASELINE_CONFIGURATIONS = Dataset(
    name="baseline_configurations",
    title="Baseline configurations",
    description="The settings of the active baseline profiles: what is recommended, why, and how to get there (HTML).",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/baselineConfigurations",
    permission="SecurityBaselinesAssessment.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation=_DOCS + "get-security-baselines-assessment-configurations",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(),
    key=("unique_id",),
    columns=(
        text("id", "Id of the setting in its benchmark (18.9.4).", sampled=True),
        text("uniqueId", "benchmark_version_id.", sampled=True),
        text("benchmarkName", "Benchmark.", sampled=True),
        text("benchmarkVersion", "Version of the benchmark.", sampled=True),
        text("name", "Name of the setting."),
        text("description", "Description, in HTML."),
        text("category", "Category.", sampled=True),
        text("complianceLevels", "Levels of the benchmark that have it.", many=True),
        text("cce", "Common Configuration Enumeration (CCE-35116-3).", sampled=True),
        text("rationale", "Why, in HTML; not in every benchmark."),
        text("remediation", "How to get there, in HTML."),
        text("recommendedValue", "Recommended values, in the order of source.", many=True),
        text("source", "Where the setting lies (a path in the registry).", many=True),
        flag("isCustom", "The organisation changed the recommended value."),
        text("assessmentMethod", "How it is assessed."),
    ),
)
