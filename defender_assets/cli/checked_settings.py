"""The settings of a verb that fetches: everything that is wrong with them is told before anything is.

Here: the warnings, and the refusal. Not here: finding what is wrong (``doctor/wrong_settings.py``).
"""

from typing import TYPE_CHECKING

from ..tenant import DEFAULT_TENANT
from .console import print_warnings

if TYPE_CHECKING:
    from ..settings import Settings


def checked_settings(
    *, tenant: str | None = DEFAULT_TENANT, connects: bool = False, writes: bool = False
) -> "Settings":
    """The present settings, after a warning about each misspelled name; with ``connects``, those of the tenant's
    connection are checked too (``tenant`` None: no tenant's), and with ``writes`` that the lake can be written. Raises
    SettingsError with everything that is wrong."""
    from ..doctor import read_settings
    from ..settings import SettingsError, unknown_settings

    settings, problems = read_settings(tenant=tenant, connects=connects, writes=writes)
    print_warnings(unknown_settings(settings))
    if problems:
        raise SettingsError(*problems)
    return settings
