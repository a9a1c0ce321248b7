"""What was probably meant, where DuckDB knows no such column.

Here: columns that are spelled or called alike, of the tables that a statement names and of the others. Not here: tables
(``statements.py``), values (``empty_answers.py``).
"""

import re
from collections.abc import Iterable, Mapping

from ..catalog import TABLES, snake_case
from ..spelling import is_meant, near_names
from .views import HISTORY

_UNKNOWN_COLUMN = re.compile(
    r'Referenced column "(?P<referenced>.+?)" not found|'
    r'does not have a column named "(?P<qualified>.+?)"|'
    r'[Cc]olumn "(?P<joined>.+?)" does not exist on'
)
_MOST = 3
_SHORTEST = 3
"""Letters of a name that is looked for within others."""

_ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    "device_name": ("computer", "computer_name", "device", "host", "host_name", "hostname", "machine_name", "name"),
    "computer_dns_name": ("computer", "computer_name", "device_name", "dns_name", "fqdn", "host", "hostname", "name"),
    "device_id": ("machine", "machine_id", "id"),
    "last_ip_address": ("address", "ip", "ip_address"),
    "os_platform": ("operating_system", "os", "platform"),
    "platform_family": ("os", "platform"),
    "os_version": ("version",),
    "software_version": ("installed_version", "version"),
    "agent_version": ("sensor_version", "version"),
    "cve_id": ("cve", "vulnerability", "vulnerability_id"),
    "rated_severity": ("severity", "level"),
    "vulnerability_severity_level": ("severity", "level"),
    "rbac_group_name": ("device_group", "group", "group_name", "machine_group"),
    "machine_tags": ("device_tags", "tag", "tags"),
    "last_user": ("owner", "user", "user_name", "username"),
    "user_id": ("account", "user", "user_name", "username"),
    "account_name": ("account", "user", "user_name", "username"),
    "software_vendor": ("publisher", "vendor"),
    "software_name": ("application", "product", "product_name", "software"),
    "fix_id": ("fix", "kb", "patch", "update", "update_id"),
    "update_id": ("fix", "fix_id", "kb", "patch", "update"),
    "recommended_security_update_id": ("fix", "fix_id", "kb", "patch", "update", "update_id"),
    "cvss_score": ("cvss", "score"),
    "cvss_v3": ("cvss", "cvss_score", "score"),
    "patch_verdict": ("compliance", "compliant", "patch_compliance", "patch_state", "patch_status", "verdict"),
    "agent_verdict": ("agent_compliance", "agent_state", "agent_status", "compliance", "compliant", "verdict"),
    "verdict": ("compliance", "compliant", "patch_verdict", "agent_verdict", "policy_verdict"),
    "alert_creation_time": ("created", "created_at", "creation_time", "time", "timestamp"),
    "event_timestamp": ("date", "event_time", "time"),
    "snapshot_date": ("date", "day", "snapshot"),
    "health_status": ("health",),
    "risk_score": ("risk",),
    "exposure_level": ("exposure",),
}
"""Column -> what else people call it, in the tools that they come from."""


def unknown_column(error: str) -> str | None:
    """The column that DuckDB's error says there is not; None for an error about something else."""
    found = _UNKNOWN_COLUMN.search(error)
    return next(name for name in found.groups() if name) if found else None


def near_columns(asked: str, columns: Iterable[str]) -> list[str]:
    """Those of the columns that are called, or spelled, like ``asked``, nearest first."""
    name, there = snake_case(asked), {column.lower(): column for column in columns}
    called = [column for column in there if name in _ALSO_CALLED.get(column, ())]
    spelled = near_names(name, there)
    within = [column for column in there if len(name) >= _SHORTEST and name in column]
    return [there[column] for column in dict.fromkeys([*called, *spelled, *within])][:_MOST]


def column_hint(asked: str, columns: Iterable[str], tables: Iterable[str]) -> str:
    """What was probably meant by a column that ``tables`` lack; ``columns`` are all that they have. A snapshot that an
    older version of the program wrote lacks columns that were added since. Empty where nothing is near."""
    name, named = snake_case(asked), {table.removesuffix(HISTORY) for table in tables}
    if name == "snapshot_date" and named:
        return f"the days of a table, each with its snapshot_date, are in {sorted(named)[0]}{HISTORY}."
    if newer := [table for table in sorted(named) if table in TABLES and name in TABLES[table].schema.names]:
        return f"{' and '.join(newer)} has it in newer snapshots: refresh the table."
    if meant := is_meant(near_columns(asked, columns)):
        return meant
    elsewhere = [table.name for table in TABLES.values() if name in table.schema.names and table.name not in named]
    return f"it is a column of {', '.join(elsewhere[:_MOST])}." if elsewhere else ""
