"""Datasets about authenticated scans: devices that log on to others to assess them.

Here: the declarations. Not here: what the scans found, which is in the assessments of the devices.

The service's answer has what the scanners log on with: SNMP community strings, passwords, private keys. None of it is
kept: a member that is not declared here is dropped by the decoder.
"""

from .column import flag, nested, real, text, time, whole
from .dataset import AUTHENTICATED_SCANS_QUOTA, Dataset, OneAnswer
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

AUTHENTICATED_SCANS = Dataset(
    name="authenticated_scans",
    title="Authenticated scan definitions",
    description="Which scanner logs on to which targets, how often, and how the last scan went. User names, passwords, "
    "community strings and keys of the scans are not kept.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/DeviceAuthenticatedScanDefinitions",
    permission="Machine.Read.All",
    documentation=_DOCS + "get-all-scan-definitions",
    quota=AUTHENTICATED_SCANS_QUOTA,
    fetch=OneAnswer(),
    credentials=("username", "password", "communityString", "authPassword", "privPassword", "privateKey"),
    key=("id",),
    columns=(
        text("id", "Id of the definition.", sampled=True),
        text("scanName", "Name."),
        text("scanType", "Network, Windows, Linux or AdvancedActive.", sampled=True),
        flag("isActive", "The scan is switched on."),
        text("target", "Addresses or host names to scan, separated by commas."),
        text("targetType", "Ip, Hostname or Combined."),
        text("orgId", "Organisation."),
        whole("intervalInHours", "Hours between two scans."),
        text("createdBy", "Who made it.", personal=True),
        flag("isTroubleshootMode", "It is run for troubleshooting."),
        nested(
            "scanAuthenticationParams",
            "How the scanner logs on, without what it logs on with.",
            text("type", "AuthPriv, CommunityString, …; Kerberos, Negotiate; Password, PrivateKey."),
            text("domain", "Domain of the account."),
            flag("isGmsaUser", "The account is a group managed service account."),
            flag("packetPrivacy", "Packets are encrypted."),
            flag("packetIntegrity", "Packets are signed."),
            text("authProtocol", "Hash of SNMP (MD5, SHA1)."),
            text("privProtocol", "Cipher of SNMP (DES, 3DES, AES)."),
            text("keyVaultUri", "Key vault that has the credentials.", aliases=("keyVaultUrl",)),
            text("keyVaultSecretName", "Name of the entry in the key vault, not what it holds."),
        ),
        nested(
            "scannerAgent",
            "The scanner (scan_agents).",
            text("id", "Id of the agent (scan_agents.id)."),
            text("machineId", "Device it runs on (machines.id)."),
            text("machineName", "Device name."),
            time("lastSeen", "When it was last seen."),
            text("assignedApplicationId", "Application it logs on to the service as."),
            text("scannerSoftwareVersion", "Version of the scanner."),
            time("lastCommandExecutionTimestamp", "When it last ran a command."),
            text("mdeClientVersion", "Version of the Defender sensor there."),
        ),
        nested(
            "latestScan",
            "The last scan.",
            text("status", "Success or Fail."),
            text("failureReason", "Why it failed."),
            time("executionDateTime", "When it ran."),
        ),
        nested(
            "advancedActiveConfiguration",
            "Settings of an active scan of devices of an industrial network.",
            text("addresses", "Addresses.", many=True),
            text("siteId", "Site."),
            text("zone", "Zone."),
            text("scanIdentifier", "Id of the scan."),
            whole("maxConcurrentScans", "Scans at the same time."),
            real("portCheckTimeout", "Seconds until a port counts as closed."),
            whole("singleScanTimeout", "Seconds until a scan is given up."),
            text("disabledScanners", "Scanners that are off.", many=True),
            text("enabledEndpoints", "Kinds of endpoint that are asked.", many=True),
            flag("exportHMI", "Operator panels are exported."),
            flag("externalAddress", "Addresses outside are scanned."),
            flag("enableTCPPortScan", "TCP ports are scanned."),
            flag("exportSuccessfullOnlyAddresses", "Only addresses that answered are exported."),
            flag("force", "It is run whatever the state of the target."),
            flag("safe", "Only what cannot disturb the target is asked."),
        ),
    ),
)

SCAN_AGENTS = Dataset(
    name="scan_agents",
    title="Scan agents",
    description="The devices that run authenticated scans.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/DeviceAuthenticatedScanAgents",
    permission="Machine.Read.All",
    documentation=_DOCS + "get-all-scan-agents",
    quota=AUTHENTICATED_SCANS_QUOTA,
    fetch=OneAnswer(),
    key=("id",),
    columns=(
        text("id", "Id of the agent.", sampled=True),
        text("machineId", "The device (machines.id).", sampled=True),
        text("computerDnsName", "Device name."),
        time("lastSeen", "When it was last seen."),
        text("assignedApplicationId", "Application it logs on to the service as."),
        text("scannerSoftwareVersion", "Version of the scanner.", sampled=True),
        time("lastCommandExecutionTimestamp", "When it last ran a command."),
        text("mdeClientVersion", "Version of the Defender sensor there.", sampled=True),
    ),
)
