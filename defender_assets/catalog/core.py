"""Which datasets everybody is expected to have, and which are extras.

Here: the core, and its roles. Not here: which datasets a person chooses (``settings/chosen_datasets.py``), what becomes
of one that a tenant cannot have (``refresh/absence.py``).
"""

from .dataset import Dataset
from .derived import DERIVED

CORE_ROLES = ("Alert.Read.All", "Machine.Read.All", "Software.Read.All", "Vulnerability.Read.All")
"""The application roles that inventory and compliance need. ``User.Read.All`` is none of them: many works councils
refuse it, and nothing but the table of users needs to know who logged on."""
REQUESTED_ROLES = tuple(sorted((*CORE_ROLES, "User.Read.All")))
"""What the steps of registration ask for: the core, and who logged on."""

_MADE_FROM = frozenset(name for table in DERIVED.values() for name in (*table.inputs, *table.optional_inputs))


def comes_with_core_roles(dataset: Dataset) -> bool:
    """Whether neither a further role nor a further licence is needed for the dataset."""
    return dataset.permission in CORE_ROLES and dataset.licence is None


def is_core(dataset: Dataset) -> bool:
    """Whether inventory and compliance are made from the dataset, and nothing is needed for it that Defender for
    Endpoint's own plans lack. That it is refused is then a failure; any other is an extra, to do without."""
    return dataset.name in _MADE_FROM and comes_with_core_roles(dataset)
