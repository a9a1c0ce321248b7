"""Which datasets everybody is expected to have, and which are extras.

Here: the roles of the core. Not here: which datasets a person chooses (``settings/chosen_datasets.py``), what becomes
of one that a tenant cannot have (``refresh/absence.py``).
"""

from .dataset import Dataset

CORE_ROLES = ("Alert.Read.All", "Machine.Read.All", "Software.Read.All", "User.Read.All", "Vulnerability.Read.All")
"""The application roles that inventory and compliance need, and that Defender for Endpoint's own plans include."""


def is_core(dataset: Dataset) -> bool:
    """Whether a tenant with the core's roles, and no licence beside them, has the dataset. That it is refused is then a
    failure; of any other it is an extra that this tenant does without."""
    return dataset.permission in CORE_ROLES and dataset.licence is None
