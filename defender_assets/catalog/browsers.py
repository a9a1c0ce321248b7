"""Datasets about browsers.

Here: what the permissions of browser extensions mean. Not here: which extension is on which device
(``assessments.py``).
"""

from .column import text
from .dataset import GENERAL_QUOTA, VULNERABILITY_MANAGEMENT_ADD_ON, Dataset, ODataPages
from .table import Days, Group

BROWSER_EXTENSION_PERMISSIONS = Dataset(
    name="browser_extension_permissions",
    title="Permissions of browser extensions",
    description="What each permission that a browser extension may ask for means: the same for every organisation.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/browserextensions/permissionsinfo",
    permission="Software.Read.All",
    licence=VULNERABILITY_MANAGEMENT_ADD_ON,
    documentation="https://learn.microsoft.com/en-us/defender-endpoint/api/get-browser-extensions-permission-info",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(),
    key=("key",),
    columns=(
        text("key", "Id of the permission (browser_extensions.permissions[].id)."),
        text("permissionName", "Name.", sampled=True),
        text("description", "What it allows."),
    ),
)
