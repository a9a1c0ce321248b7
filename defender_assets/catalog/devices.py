"""Datasets about devices: the machine list, and who logs on to them.

Here: the declarations, and the columns that every assessment of a device begins with. Not here: what makes two records
one device (``derived/identity.py``).
"""

from .column import Column, flag, nested, text, time, whole
from .dataset import LOGON_USERS_QUOTA, MACHINES_QUOTA, Dataset, ODataPages, PerDevice
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

MACHINES = Dataset(
    name="machines",
    title="Machines",
    description="Every device the service knows within its retention, onboarded or only discovered: name, platform, "
    "health, risk, exposure, group, tags and who manages it. A host that was re-onboarded or renamed has several "
    "records.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines",
    permission="Machine.Read.All",
    also_permitted=("Machine.ReadWrite.All",),
    documentation=_DOCS + "get-machines",
    quota=MACHINES_QUOTA,
    # https://learn.microsoft.com/en-us/defender-endpoint/api/get-machines: 404 where there are no recent machines.
    fetch=ODataPages(empty_is_not_found=True, halves="healthStatus {} 'Active'"),
    key=("id",),
    device="id",
    columns=(
        text(
            "id",
            "Device id, 40 hexadecimal characters; the same value as device_id and machine_id elsewhere.",
            sampled=True,
        ),
        text("mergedIntoMachineId", "Id of the surviving record when this one was merged into another.", sampled=True),
        flag("isPotentialDuplication", "The service suspects that another record is the same device."),
        flag("isExcluded", "Excluded from vulnerability management: absent from its exports (up to 10 hours later)."),
        text("exclusionReason", "Why the device was excluded (InactiveDevice, DuplicateDevice, …)."),
        text("computerDnsName", "Fully qualified name, or the short host name in workgroups; case as reported."),
        time("firstSeen", "First report of the device."),
        time("lastSeen", "Last full report (about every 24 hours); not the portal's last seen."),
        text(
            "osPlatform",
            "Operating system (Windows11, WindowsServer2022, macOS, Ubuntu, RedHatEnterpriseLinux, …).",
            sampled=True,
        ),
        text("osVersion", "Operating system version; null in what was observed, use version.", sampled=True),
        text("osProcessor", "Processor (x64, …); the documentation prefers os_architecture.", sampled=True),
        text("version", "Release label of the operating system (24H2, 22.04, …).", sampled=True),
        text("lastIpAddress", "Last local IP address.", personal=True),
        text("lastExternalIpAddress", "Last address seen from the internet.", personal=True),
        text("agentVersion", "Version of the Defender for Endpoint sensor.", sampled=True),
        whole("osBuild", "Operating system build."),
        text(
            "healthStatus",
            "Active, Inactive, ImpairedCommunication, NoSensorData, NoSensorDataImpairedCommunication or Unknown.",
            sampled=True,
        ),
        text("deviceValue", "Value set by the administrator: Low, Normal, High.", sampled=True),
        whole("rbacGroupId", "Device group; 0 means none."),
        text("rbacGroupName", "Name of the device group; null without one."),
        text("riskScore", "Risk from alerts: None, Informational, Low, Medium, High.", sampled=True),
        text(
            "exposureLevel",
            "Exposure from vulnerabilities (not to the internet): None, Low, Medium, High.",
            sampled=True,
        ),
        flag("isAadJoined", "Joined to Entra ID."),
        text("aadDeviceId", "Entra device id."),
        text("machineTags", "Tags.", many=True),
        text("defenderAvStatus", "Antivirus status; sent until 2024 and again now and then.", sampled=True),
        text("onboardingStatus", "Onboarded, CanBeOnboarded, Unsupported or InsufficientInfo.", sampled=True),
        text("osArchitecture", "32-bit, 64-bit, …", sampled=True),
        text(
            "managedBy",
            "What manages the device's security settings: Intune, MicrosoftDefenderForEndpoint, Unknown.",
            sampled=True,
        ),
        text("managedByStatus", "Whether that management works: Success, Unknown, …", sampled=True),
        nested(
            "ipAddresses",
            "Network interfaces.",
            text("ipAddress", "IPv4 or IPv6 address.", personal=True),
            text("macAddress", "12 hexadecimal digits; other lengths occur for tunnels."),
            text("type", "Interface type (.NET NetworkInterfaceType name or number)."),
            text("operationalStatus", "Up, Down, Unknown, …"),
            many=True,
        ),
        nested(
            "vmMetadata",
            "Cloud virtual machine, where known.",
            text("vmId", "Virtual machine id."),
            text("cloudProvider", "Cloud provider."),
            text("resourceId", "Cloud resource id."),
            text("subscriptionId", "Cloud subscription."),
        ),
    ),
)

MACHINE_USERS = Dataset(
    name="machine_users",
    title="Logon users per machine",
    description="Who logged on to each device. The service answers one device a call, so a refresh spends a bounded "
    "number of calls and the table keeps what is known of the rest, each row with its own observed_at.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machines/{device}/logonusers",
    permission="User.Read.All",
    documentation=_DOCS + "get-machine-log-on-users",
    quota=LOGON_USERS_QUOTA,
    fetch=PerDevice(),
    key=("machine_id", "id"),
    columns=(
        text("machineId", "The device that was asked (machines.id).", sampled=True),
        text("id", "domain\\user, lower case.", personal=True),
        text("accountName", "Account name.", personal=True),
        text("accountDomain", "Domain or host of the account."),
        text("accountSid", "Security identifier.", personal=True),
        time("firstSeen", "First logon seen."),
        time("lastSeen", "Last logon seen."),
        text("mostPrevalentMachineId", "The device the user is seen on most.", sampled=True),
        text("leastPrevalentMachineId", "The device the user is seen on least.", sampled=True),
        text("logonTypes", "Logon types in one text (Interactive, Network, RemoteInteractive, …).", sampled=True),
        whole("logOnMachinesCount", "Number of devices the user logged on to."),
        flag("isDomainAdmin", "Domain administrator; seen true for local users too."),
        flag("isOnlyNetworkUser", "Only network logons were seen."),
    ),
)


def device_columns() -> tuple[Column, ...]:
    """The columns that every per-device assessment row of vulnerability management begins with."""
    return (
        text("deviceId", "The device (machines.id).", sampled=True),
        text("deviceName", "Device name; null occurs."),
        whole("rbacGroupId", "Device group; 0 means none."),
        text("rbacGroupName", "Name of the device group; Unassigned or None without one."),
        text(
            "osPlatform",
            "Operating system in vulnerability management's names (Linux for every distribution).",
            sampled=True,
        ),
    )
