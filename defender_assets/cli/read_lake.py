"""The lake of a verb that reads it.

Here: refusing a tenant that is not there. Not here: reading (``lake/``), the list of tenants (``settings/tenants.py``).
"""

from typing import TYPE_CHECKING

from ..tenant import ALL_TENANTS

if TYPE_CHECKING:
    from ..lake import Lake
    from ..settings import Settings


def lake_to_read(settings: "Settings", tenant: str) -> "Lake":
    """The lake of a tenant, or of all that are listed. Raises SettingsError where the list of tenants lacks it, unless
    the lake holds something of it: from before it was taken out of the list, or before there was one."""
    from ..lake import Lake
    from ..settings import SettingsError, check_tenant, tenant_entries

    if tenant == ALL_TENANTS:
        return Lake(settings.lake, tenant, tenant_entries(settings))
    lake = Lake(settings.lake, tenant)
    if settings.tenants is None:
        return lake
    try:
        check_tenant(settings, tenant)
    except SettingsError:
        if not any(lake.newest(table) for table in lake.table_names()):
            raise
    return lake
