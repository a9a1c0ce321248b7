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
FINDINGS_ROLE = "Vulnerability.Read.All"
"""The role of the core without which devices and agents are judged all the same: findings and configuration are then
unknown. Some organisations give it to nobody outside of their security team."""


def comes_with_core_roles(dataset: Dataset) -> bool:
    """Whether neither a further role nor a further licence is needed for the dataset."""
    return dataset.permission in CORE_ROLES and dataset.licence is None


def is_core(dataset: Dataset) -> bool:
    """Whether inventory and compliance are made from the dataset, and nothing is needed for it that Defender for
    Endpoint's own plans lack."""
    return dataset.name in _MADE_FROM and comes_with_core_roles(dataset)


def is_indispensable(dataset: Dataset) -> bool:
    """Whether it is a failure for everybody that the dataset is refused; any other is left out, with what is made from
    it."""
    return is_core(dataset) and dataset.permission != FINDINGS_ROLE
