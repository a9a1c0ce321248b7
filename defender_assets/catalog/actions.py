"""Datasets about what was done on devices: response actions, and automated investigations.

Here: the declarations. Not here: alerts (``alerts.py``).

Both lists are states, not events: an entry changes after its creation (pending, running, done), the service cannot be
asked for what changed, and it forgets after 180 days. So each day's partition is the list as it was on that day.
"""

from .column import nested, text, time, whole
from .dataset import INVESTIGATIONS_QUOTA, MACHINE_ACTIONS_QUOTA, Dataset, ODataPages
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"

MACHINE_ACTIONS = Dataset(
    name="machine_actions",
    title="Machine actions",
    description="Response actions on devices (scan, isolation, live response, …) with their present status: what the "
    "service remembers, some 180 days. What live response was given as parameters is not kept.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/machineactions",
    permission="Machine.Read.All",
    also_permitted=("Machine.ReadWrite.All",),
    documentation=_DOCS + "get-machineactions-collection",
    quota=MACHINE_ACTIONS_QUOTA,
    fetch=ODataPages(halves="type {} 'RunAntiVirusScan'"),
    # Parameters of scripts may be passwords, and scriptMetadata has a signed address of the script.
    credentials=("params", "scriptMetadata"),
    key=("id",),
    columns=(
        text("id", "Id of the action.", sampled=True),
        text(
            "type",
            "RunAntiVirusScan, Isolate, LiveResponse, CollectInvestigationPackage, …; an open set.",
            sampled=True,
        ),
        text("title", "Title."),
        text("requestor", "Who asked for it.", personal=True),
        text("requestorComment", "Why, in words.", personal=True),
        text("status", "Pending, InProgress, Succeeded, Failed, TimeOut or Cancelled.", sampled=True),
        text("machineId", "The device (machines.id).", sampled=True),
        text("computerDnsName", "Device name."),
        time("creationDateTimeUtc", "When it was asked for."),
        time("lastUpdateDateTimeUtc", "When the status last changed.", aliases=("lastUpdateTimeUtc",)),
        text("cancellationRequestor", "Who cancelled it.", personal=True),
        text("cancellationComment", "Why it was cancelled.", personal=True),
        time("cancellationDateTimeUtc", "When it was cancelled."),
        whole("errorHResult", "Error of the device as a signed number; 0 for none."),
        text("scope", "Full or Quick (scan), Full or Selective (isolation)."),
        text("externalId", "Id that the caller gave it."),
        text("requestSource", "Portal, PublicApi, …; an open set."),
        nested(
            "relatedFileInfo",
            "File the action is about.",
            text("fileIdentifier", "Hash of the file."),
            text("fileIdentifierType", "Sha1, Sha256 or Md5."),
        ),
        nested(
            "commands",
            "Commands of a live response, without their parameters.",
            whole("index", "Position of the command."),
            time("startTime", "When it began."),
            time("endTime", "When it ended."),
            text("commandStatus", "Created, Submitted, Executing, Completed, Failed or PendingResource."),
            text("errors", "Errors.", many=True),
            nested("command", "The command.", text("type", "PutFile, GetFile, RunPowerShell or RunScript.")),
            many=True,
        ),
        nested(
            "troubleshootInfo",
            "Troubleshooting mode.",
            time("startTsModeUtc", "When it begins."),
            time("expirationUtc", "When it ends."),
            whole("state", "State as a number."),
            whole("paramsJsonFormatVersion", "Version of its format."),
        ),
    ),
)

INVESTIGATIONS = Dataset(
    name="investigations",
    title="Automated investigations",
    description="Automated investigations with their present state: what the service remembers, some 180 days.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/investigations",
    permission="Alert.Read.All",
    also_permitted=("Alert.ReadWrite.All",),
    documentation=_DOCS + "get-investigation-collection",
    quota=INVESTIGATIONS_QUOTA,
    fetch=ODataPages(halves="state {} 'SuccessfullyRemediated'"),
    key=("id",),
    columns=(
        text("id", "Id of the investigation, digits (alerts.investigation_id as a text).", sampled=True),
        time("startTime", "When it began."),
        time("endTime", "When it ended; null while it runs."),
        text("state", "Running, SuccessfullyRemediated, Benign, PendingApproval, …; an open set.", sampled=True),
        text("cancelledBy", "Who or what cancelled it.", personal=True),
        text("statusDetails", "More about the state."),
        text("machineId", "The device (machines.id).", sampled=True),
        text("computerDnsName", "Device name."),
        text("triggeringAlertId", "The alert that began it (alerts.id)."),
    ),
)
