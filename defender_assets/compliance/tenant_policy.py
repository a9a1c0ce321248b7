"""Which policy judges a tenant.

Here: its own, which its entry in the list of tenants names, or else that of the settings. Not here: reading a policy
(``policy/``), the list (``settings/tenants.py``).
"""

from ..settings import Settings, expanded, own_setting
from .errors import PolicyError
from .policy import Policy

_DEFAULT = "default"


def policy_of(settings: Settings, tenant: str | None) -> Policy:
    """The policy of a tenant; ``None``: the one of those that have none of their own. A file that the list names is
    sought beside the list.

    Raises PolicyError, which names the setting, and SettingsError for a list that cannot be read."""
    own = own_setting(settings, tenant, "policy") if tenant is not None else None
    if own is None:
        return Policy.load(settings.policy or _DEFAULT)
    try:
        return Policy.load(expanded(own.text), beside=own.folder)
    except PolicyError as error:
        error.setting = own.named
        raise
