"""A scope from words on the command line.

Here: reading them. Not here: the settings of a scope (``fleet_scope.py``).
"""

from collections.abc import Iterable

from ..settings import Problem, SettingsError
from .fleet_scope import SEVERITY_LEVELS, FleetScope

_FORMS = "onboarded, tag=NAME, group=NAME, seen=DAYS or severity=LEVEL"


def scope_of_conditions(conditions: Iterable[str]) -> FleetScope:
    """``["onboarded", "tag=PCI", "seen=30"]`` -> the scope where all hold; of several tags or groups, one. Raises
    SettingsError for what is no condition."""
    onboarded, tags, groups = False, [], []
    days: int | None = None
    severity: str | None = None
    for condition in conditions:
        name, _, value = (part.strip() for part in condition.partition("="))
        match name.lower(), value:
            case "onboarded", "":
                onboarded = True
            case "tag", _ if value:
                tags.append(value)
            case "group", _ if value:
                groups.append(value)
            case "seen", _ if value.isascii() and value.isdigit() and 0 < int(value) < 100_000:
                days = int(value)
            case "severity", _ if value.lower() in SEVERITY_LEVELS:
                severity = value.lower()
            case _:
                levels = ", ".join(SEVERITY_LEVELS)
                raise SettingsError(
                    Problem("--scope", "cannot be understood", f"say {_FORMS} (levels: {levels}; days: 1 or more)")
                )
    return FleetScope(onboarded, tuple(tags), tuple(groups), days, severity)
