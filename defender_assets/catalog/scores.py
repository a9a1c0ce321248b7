"""Datasets of Microsoft's scores, which are of the moment: the lake keeps what they were on each day.

Here: the declarations. Not here: the project's own numbers (``derived/fleet.py``).
"""

from .column import real, text, time, whole
from .dataset import GENERAL_QUOTA, Dataset, OneAnswer
from .table import Days, Group

_DOCS = "https://learn.microsoft.com/en-us/defender-endpoint/api/"
_TIME = time("time", "When the service answered.")
_GROUP_NAME = text("rbacGroupName", "Name of the device group; null for the organisation as a whole.")
_GROUP_ID = whole("rbacGroupId", "Device group; null for the organisation as a whole.")

EXPOSURE_SCORE = Dataset(
    name="exposure_score",
    title="Exposure score",
    description="The organisation's exposure score of the day: the lower, the better.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/exposureScore",
    permission="Score.Read.All",
    documentation=_DOCS + "get-exposure-score",
    quota=GENERAL_QUOTA,
    fetch=OneAnswer(is_object=True, required="score"),
    key=("time",),
    columns=(_TIME, real("score", "Exposure score, 0 to 100."), _GROUP_NAME, _GROUP_ID),
)

EXPOSURE_SCORE_BY_GROUP = Dataset(
    name="exposure_score_by_group",
    title="Exposure score per device group",
    description="The exposure score of each device group of the day: the lower, the better.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/exposureScore/ByMachineGroups",
    permission="Score.Read.All",
    documentation=_DOCS + "get-machine-group-exposure-score",
    quota=GENERAL_QUOTA,
    fetch=OneAnswer(required="score"),
    # Id and name of a group may be absent, the time is not.
    key=("time", "rbac_group_id", "rbac_group_name"),
    columns=(
        _TIME,
        real("score", "Exposure score, 0 to 100."),
        text("rbacGroupName", "Name of the device group."),
        whole("rbacGroupId", "Device group; 0 means none. Not in every answer."),
    ),
)

CONFIGURATION_SCORE = Dataset(
    name="configuration_score",
    title="Microsoft Secure Score for Devices",
    description="Microsoft Secure Score for Devices of the day: the higher, the better.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/configurationScore",
    permission="Score.Read.All",
    documentation=_DOCS + "get-device-secure-score",
    quota=GENERAL_QUOTA,
    fetch=OneAnswer(is_object=True, required="score"),
    key=("time",),
    columns=(_TIME, real("score", "Score; its maximum depends on the controls that apply."), _GROUP_NAME, _GROUP_ID),
)
