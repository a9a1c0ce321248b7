"""The name of the one tenant where no others are set up, and the word for all of them.

Here: names that every room uses, also those that load nothing else. Not here: the list of tenants
(``settings/tenants.py``), folders of tenants (``lake/layout.py``).
"""

DEFAULT_TENANT = "default"
ALL_TENANTS = "all"


def of_tenant(tenant: str | None) -> str:
    """`` of contoso``, to come after what belongs to the tenant; nothing where there are no others."""
    return "" if tenant in (None, DEFAULT_TENANT) else f" of {tenant}"
