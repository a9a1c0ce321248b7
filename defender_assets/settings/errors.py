"""What is wrong with the settings: every problem, and no value.

Here: the error and its sentences. Not here: finding out what is wrong (``connection.py``, ``tenants.py``).
"""

from dataclasses import dataclass

from ..errors import DefenderAssetsError


@dataclass(frozen=True)
class Problem:
    """One setting that is missing or malformed: its variable, what is wrong with it, and what to do."""

    variable: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.variable} {self.what}: {self.remedy}"


class SettingsError(DefenderAssetsError, ValueError):
    """Settings are missing or malformed. Names every variable at once and never a value.

    ``problems`` has one entry for each.
    """

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(str(problems[0]) if len(problems) == 1 else f"{len(problems)} settings need attention:{lines}")
