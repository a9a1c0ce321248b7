"""The name of the one tenant where no others are set up, and the word for all of them.

Here: names that every room uses, also those that load nothing else. Not here: the list of tenants
(``settings/tenants.py``), folders of tenants (``lake/layout.py``).
"""

DEFAULT_TENANT = "default"
ALL_TENANTS = "all"
