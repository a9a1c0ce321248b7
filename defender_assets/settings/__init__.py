"""The settings: what can be set, where each value comes from, and the connections that they describe.

Here: one typed object, secret references, tenants, clouds. Not here: using any of it (``api``, ``lake``, …).
"""

from .certificate import CertificatePair, UnreadableCertificate, read_certificate
from .chosen_datasets import DATASETS_VARIABLE, ChosenDatasets, chosen_datasets, how_to_do_without
from .cloud import CLOUDS, Cloud
from .connection import CONNECTION_FIELDS, Connection, ca_bundle_path, connection, resolved_setting
from .credential import ClientCertificate, ClientSecret, Credential, FederatedToken, ManagedIdentity
from .dagster_home import (
    DAGSTER_CONFIGURATION,
    HOME_VARIABLE,
    DagsterHome,
    dagster_home,
    kept_home,
    usable_home,
)
from .errors import Problem, SettingsError
from .names import listed_names
from .paths import expanded
from .secrets import RESOLVERS, UnresolvedSecret, is_reference, resolve
from .tenants import tenant_entries, tenant_names
from .unknown_names import unknown_settings
from .variables import PREFIX, Settings, variable

__all__ = [
    "CLOUDS",
    "CONNECTION_FIELDS",
    "DAGSTER_CONFIGURATION",
    "DATASETS_VARIABLE",
    "HOME_VARIABLE",
    "PREFIX",
    "RESOLVERS",
    "CertificatePair",
    "ChosenDatasets",
    "ClientCertificate",
    "ClientSecret",
    "Cloud",
    "Connection",
    "Credential",
    "DagsterHome",
    "FederatedToken",
    "ManagedIdentity",
    "Problem",
    "Settings",
    "SettingsError",
    "UnreadableCertificate",
    "UnresolvedSecret",
    "ca_bundle_path",
    "chosen_datasets",
    "connection",
    "dagster_home",
    "expanded",
    "how_to_do_without",
    "is_reference",
    "kept_home",
    "listed_names",
    "read_certificate",
    "resolve",
    "resolved_setting",
    "tenant_entries",
    "tenant_names",
    "unknown_settings",
    "usable_home",
    "variable",
]
