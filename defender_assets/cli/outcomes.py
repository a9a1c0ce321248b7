"""What a refresh prints of the tables: a line each of those that were made or failed, a line per reason of the others.

Here: the words, and the grouping. Not here: refreshing (``refresh.py``), why a table is left out
(``refresh/absence.py``).
"""

import re
from typing import TYPE_CHECKING

from .console import print_error, print_line

if TYPE_CHECKING:
    from ..orchestration.local_runs import AssetOutcome
    from ..settings import Settings

_REQUEST = re.compile(r"^[A-Z]+ \S+ answered ")


class PrintedOutcomes:
    """The outcomes so far. What is left out is kept for ``print_left_out``, because many tables share a reason."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._left_out: list[AssetOutcome] = []
        self._failed_first: dict[str, str] = {}

    def add(self, outcome: "AssetOutcome") -> None:
        """Prints the outcome, unless the table is left out."""
        if not outcome.ok:
            self._print_failure(outcome)
        elif outcome.left_out:
            self._left_out.append(outcome)
        else:
            _print_made(outcome)

    def _print_failure(self, outcome: "AssetOutcome") -> None:
        from ..orchestration.local_runs import NOT_REACHED

        # Most errors begin with the table they are about.
        message = outcome.message.removeprefix(f"{outcome.asset}: ")
        first = self._failed_first.setdefault(message, outcome.asset)
        if first != outcome.asset and message != NOT_REACHED:
            message = f"for the same reason as {first}"
        print_error(f"FAILED  {outcome.asset}: {message}", style="red")

    def print_left_out(self) -> None:
        """Prints a line for each reason, with all tables that are left out for it."""
        from ..catalog import DATASETS
        from ..refresh import left_out_by_choice
        from ..settings import DATASETS_VARIABLE, chosen_datasets

        chosen, by_choice = chosen_datasets(self._settings), left_out_by_choice(self._settings)
        not_chosen = f"datasets that {DATASETS_VARIABLE} does not choose"
        made_from_them = f"tables that cannot be made without what {DATASETS_VARIABLE} does not choose"
        alike: dict[str, list[AssetOutcome]] = {}
        for outcome in self._left_out:
            # The address differs, and nobody has to do anything about it.
            reason = _REQUEST.sub("the service answered ", outcome.message)
            # What cannot be fetched without the devices says itself that these are not chosen.
            if outcome.asset in by_choice and outcome.asset not in chosen.without_devices:
                reason = not_chosen if outcome.asset in DATASETS else made_from_them
            alike.setdefault(reason, []).append(outcome)
        for reason, outcomes in alike.items():
            names = ", ".join(outcome.asset for outcome in outcomes)
            if reason in (not_chosen, made_from_them) and len(outcomes) > 1:
                print_line(f"left out {len(outcomes)} {reason}: {names}", style="dim")
            else:
                message = outcomes[0].message if len(outcomes) == 1 else reason.removeprefix("it ")
                print_line(f"left out {names}: {message}", style="dim")


def _print_made(outcome: "AssetOutcome") -> None:
    days = f"{outcome.dates[0]} to {outcome.dates[-1]}" if len(outcome.dates) > 1 else "".join(map(str, outcome.dates))
    if outcome.dates and len(outcome.dates) <= (outcome.dates[-1] - outcome.dates[0]).days:
        days += f" ({len(outcome.dates)} days of these)"
    rows = f"{outcome.rows:>12,} rows" if outcome.rows is not None else " " * 17
    print_line(f"ok      {outcome.asset:<32}{rows}  {days}{outcome.message}")
    for warning in outcome.warnings:
        print_line(f"        warning: {warning}", style="yellow")
