"""Datasets about Microsoft Defender Antivirus on the devices.

Here: the declaration, with Microsoft's own verdicts as they are sent. Not here: the project's verdicts
(``derived/agents.py``).
"""

from .column import text, time, whole
from .dataset import AV_HEALTH_QUOTA, Dataset, ODataPages
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"
_UP_TO_DATE = "'True', 'False' or 'Unknown' (Microsoft's own verdict; Unknown on anything but Windows)."
_RESULT = "Completed, Canceled or Failed; '-' on macOS and Linux; null for none."

AV_HEALTH = Dataset(
    name="av_health",
    title="Antivirus health",
    description="Microsoft Defender Antivirus per device: mode, versions of engine, platform and security "
    "intelligence, scans, and Microsoft's own up-to-date verdicts. A snapshot: the service keeps no history.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/deviceavinfo",
    permission="Machine.Read.All",
    also_permitted=("Machine.ReadWrite.All",),
    documentation=_DOCS + "device-health-export-antivirus-health-report-api",
    quota=AV_HEALTH_QUOTA,
    fetch=ODataPages(halves="osKind {} 'windows'"),
    key=("machine_id",),
    columns=(
        text("id", "Same value as machine_id.", sampled=True),
        text("machineId", "The device (machines.id).", sampled=True),
        text("computerDnsName", "Device name."),
        text("osKind", "windows, mac or linux.", sampled=True),
        text("osPlatform", "Operating system.", sampled=True),
        text("osVersion", "Operating system version, e.g. 10.0.26100.3915.", sampled=True),
        text(
            "avMode",
            "Mode as a digit in a text: 0 active, 1 passive, 2 disabled, 3 other, 4 EDR blocked, 5 passive audit.",
            sampled=True,
        ),
        text("avSignatureVersion", "Security intelligence version.", sampled=True),
        text("avEngineVersion", "Engine version, 1.1.YYMM0.r on Windows.", sampled=True),
        text(
            "avPlatformVersion", "Platform version, 4.18.YYMM0.r on Windows, the app's build elsewhere.", sampled=True
        ),
        time("lastSeenTime", "Device last seen."),
        text("quickScanResult", f"Last quick scan: {_RESULT}", sampled=True),
        text("quickScanError", "Error code of the last quick scan."),
        time("quickScanTime", "Time of the last quick scan."),
        text("fullScanResult", f"Last full scan: {_RESULT}", sampled=True),
        text("fullScanError", "Error code of the last full scan."),
        time("fullScanTime", "Time of the last full scan."),
        time("dataRefreshTimestamp", "When mode, versions and scans were last received."),
        time("avEngineUpdateTime", "When the engine was last updated on the device."),
        time("avSignatureUpdateTime", "When the security intelligence was last updated on the device."),
        time("avPlatformUpdateTime", "When the platform was last updated on the device."),
        text("avIsSignatureUpToDate", f"Security intelligence up to date: {_UP_TO_DATE}", sampled=True),
        text("avIsEngineUpToDate", f"Engine up to date: {_UP_TO_DATE}", sampled=True),
        text("avIsPlatformUpToDate", f"Platform up to date: {_UP_TO_DATE}", sampled=True),
        time("avSignaturePublishTime", "When Microsoft published the security intelligence in use."),
        time(
            "avSignatureDataRefreshTime",
            "When the up-to-date status was last received (drives the 7-day Unknown rule).",
        ),
        text("cloudProtectionState", "State of cloud protection.", sampled=True),
        time("avModeDataRefreshTime", "When the mode was last received."),
        text("rbacGroupName", "Name of the device group."),
        whole("rbacGroupId", "Device group; 0 means none."),
    ),
)
