"""The settings: what can be set, where each value comes from, and the connections that they describe.

Here: one typed object, secret references, tenants, clouds, credentials, the choice of datasets, schedules and sensors,
the webhook's address, and Dagster's home folder. Not here: using any of it (``api``, ``lake``, …).
"""

from .addresses import is_loopback
from .budget_redis import budget_redis
from .certificate import CertificatePair, usable_certificate
from .chosen_datasets import DATASETS_VARIABLE, NOT_CHOSEN, ChosenDatasets, chosen_datasets, how_to_do_without
from .cloud import CLOUDS, Cloud
from .connection import (
    CONNECTION_FIELDS,
    Connection,
    ca_bundle_path,
    connection,
    names_application,
    resolved_setting,
    tenant_problems,
)
from .credential import ClientCertificate, ClientSecret, Credential, FederatedToken, ManagedIdentity
from .dagster_home import (
    DAGSTER_CONFIGURATION,
    HOME_VARIABLE,
    DagsterHome,
    dagster_home,
    kept_home,
    usable_home,
)
from .dotenv import DOTENV, in_dotenv, set_variables, take_into_environment
from .errors import Problem, SettingsError
from .names import listed_names
from .paths import expanded
from .retention import RETENTION_VARIABLE, Keep, Retention, retention
from .secrets import RESOLVERS, NotedEnd, UnresolvedSecret, needs_network, noted_expiries, resolve
from .spark_remote import SPARK_REMOTE_FORM, spark_remote, spark_server
from .switched_on import (
    ALERT_CHANGES,
    COMPLIANCE_AUTOMATION,
    DAGSTER_HISTORY,
    DAILY_PRUNING,
    DAILY_REFRESH,
    EXPORT_CHANGES,
    HOURLY_INVENTORY,
    LAKE_PARTITIONS,
    REFRESH_FAILURES,
    SCHEDULES_AND_SENSORS,
    TICK_FAILURES,
    switched_on,
)
from .tenants import check_tenant, organisation_of, own_setting, tenant_entries, tenant_names
from .unknown_names import unknown_settings
from .variables import PREFIX, Settings, variable
from .webhook import webhook_address

__all__ = [
    "ALERT_CHANGES",
    "CLOUDS",
    "COMPLIANCE_AUTOMATION",
    "CONNECTION_FIELDS",
    "DAGSTER_CONFIGURATION",
    "DAGSTER_HISTORY",
    "DAILY_PRUNING",
    "DAILY_REFRESH",
    "DATASETS_VARIABLE",
    "DOTENV",
    "EXPORT_CHANGES",
    "HOME_VARIABLE",
    "HOURLY_INVENTORY",
    "LAKE_PARTITIONS",
    "NOT_CHOSEN",
    "PREFIX",
    "REFRESH_FAILURES",
    "RESOLVERS",
    "RETENTION_VARIABLE",
    "SCHEDULES_AND_SENSORS",
    "SPARK_REMOTE_FORM",
    "TICK_FAILURES",
    "CertificatePair",
    "ChosenDatasets",
    "ClientCertificate",
    "ClientSecret",
    "Cloud",
    "Connection",
    "Credential",
    "DagsterHome",
    "FederatedToken",
    "Keep",
    "ManagedIdentity",
    "NotedEnd",
    "Problem",
    "Retention",
    "Settings",
    "SettingsError",
    "UnresolvedSecret",
    "budget_redis",
    "ca_bundle_path",
    "check_tenant",
    "chosen_datasets",
    "connection",
    "dagster_home",
    "expanded",
    "how_to_do_without",
    "in_dotenv",
    "is_loopback",
    "kept_home",
    "listed_names",
    "names_application",
    "needs_network",
    "noted_expiries",
    "organisation_of",
    "own_setting",
    "resolve",
    "resolved_setting",
    "retention",
    "set_variables",
    "spark_remote",
    "spark_server",
    "switched_on",
    "take_into_environment",
    "tenant_entries",
    "tenant_names",
    "tenant_problems",
    "unknown_settings",
    "usable_certificate",
    "usable_home",
    "variable",
    "webhook_address",
]
