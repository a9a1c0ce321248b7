"""The quotas that the simulated service enforces, as Microsoft documents them per family of endpoints.

Here: the numbers, written down from the documentation and not taken from the catalog, so that a wrong number there
shows. Not here: counting calls (``quotas.py``), which endpoint belongs to which family (``endpoints.py``).

Source: the pages below https://learn.microsoft.com/en-us/defender-endpoint/api/ that each family names. Quotas hold per
application and tenant. The pages of software, vulnerabilities and recommendations print no limit; the limit of the
machine pages is assumed for them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class QuotaLimit:
    """Calls that endpoints of one family may take together, per application and tenant."""

    family: str
    per_minute: int
    per_hour: int


MACHINES_LIMIT = QuotaLimit("machines", 100, 1_500)  # get-machines
LOGON_USERS_LIMIT = QuotaLimit("logon_users", 100, 1_500)  # get-machine-log-on-users
ALERTS_LIMIT = QuotaLimit("alerts", 100, 1_500)  # get-alerts
TVM_PAGES_LIMIT = QuotaLimit("tvm_pages", 30, 1_000)  # get-assessment-software-inventory, export-*
TVM_FILES_LIMIT = QuotaLimit("tvm_files", 5, 20)  # the same pages, "via files"
AV_HEALTH_LIMIT = QuotaLimit("av_health", 30, 1_000)  # device-health-export-antivirus-health-report-api
MACHINE_ACTIONS_LIMIT = QuotaLimit("machine_actions", 100, 1_500)  # get-machineactions-collection
INVESTIGATIONS_LIMIT = QuotaLimit("investigations", 100, 1_500)  # get-investigation-collection
AUTHENTICATED_SCANS_LIMIT = QuotaLimit(
    "authenticated_scans", 100, 1_500
)  # get-all-scan-definitions, get-all-scan-agents
GENERAL_LIMIT = QuotaLimit("general", 100, 1_500)  # none printed

LIMITS = {
    limit.family: limit
    for limit in (
        MACHINES_LIMIT,
        LOGON_USERS_LIMIT,
        ALERTS_LIMIT,
        TVM_PAGES_LIMIT,
        TVM_FILES_LIMIT,
        AV_HEALTH_LIMIT,
        MACHINE_ACTIONS_LIMIT,
        INVESTIGATIONS_LIMIT,
        AUTHENTICATED_SCANS_LIMIT,
        GENERAL_LIMIT,
    )
}
"""Every limit by the name of its family."""
