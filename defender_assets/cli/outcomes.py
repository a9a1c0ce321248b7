"""What a refresh prints of the tables: a line each of those that are made, as soon as they are; then a line for each
reason of the others.

Here: the words, and the grouping. Not here: refreshing (``refresh.py``), the numbers at the end (``summary.py``), why a
table is left out (``refresh/absence.py``), what is in work (``progress.py``).
"""

import re
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from .console import print_error, print_line
from .summary import Totals

if TYPE_CHECKING:
    from ..orchestration.local_runs import AssetOutcome
    from ..refresh import PartitionOutcome
    from ..refresh.progress import Event
    from ..settings import Settings

_REQUEST = re.compile(r"^[A-Z]+ \S+ answered ")
_INDENT = " " * 8


class PrintedOutcomes:
    """The outcomes so far. What a table is done with is told by ``note``, at once, and by ``add``, when its run has
    ended. What is left out or failed is kept for ``print_reasons``, because many tables share a reason."""

    def __init__(self, settings: "Settings") -> None:
        self.totals = Totals()
        self._settings = settings
        self._made: dict[str, set[str]] = {}
        """Table -> the checks whose warnings were printed with it, of each table whose line is printed."""
        self._missing: dict[str, tuple[str, ...]] = {}
        """Table -> what it needs and the day lacks."""
        self._left_out: list[AssetOutcome] = []
        self._failed: dict[str, list[str]] = {}
        """Reason -> the tables that failed for it, the first of which is told already."""
        self._not_reached: list[str] = []
        self._lock = threading.Lock()

    def note(self, event: "Event") -> None:
        """Prints the line of a table that is done, as a listener of progress; a failure may have more to say when its
        run has ended."""
        from ..compliance import InputMissing
        from ..refresh import Ended

        if not isinstance(event, Ended) or not event.outcomes:
            return
        with self._lock:
            self.totals.add(event.outcomes)
            for outcome in event.outcomes:
                if isinstance(outcome.error, InputMissing):
                    self._missing[event.table] = outcome.error.missing
            if all(outcome.is_made for outcome in event.outcomes):
                self._made[event.table] = _print_made(event.table, event.outcomes)
                self.totals.warnings += len(self._made[event.table])

    def add(self, outcome: "AssetOutcome") -> None:
        """Prints what is not printed yet of a table whose run has ended."""
        with self._lock:
            if outcome.left_out:
                self._left_out.append(outcome)
            elif outcome.ok:
                self._print_made_by_run(outcome)
            elif outcome.not_reached:
                self._not_reached.append(outcome.asset)
            else:
                self._print_failure(outcome)

    def _print_made_by_run(self, outcome: "AssetOutcome") -> None:
        told = self._made.get(outcome.asset)
        if told is None:
            rows = outcome.rows if outcome.dates else None
            print_line(_made_line("ok", outcome.asset, rows, outcome.dates, outcome.message))
        for warning in outcome.warnings:
            if told is None or warning.check not in told:
                # Of a check that compares with tables that were fetched at the same time.
                if told is None:
                    _print_warning(str(warning))
                else:
                    # Other tables' lines came since that of this one.
                    print_line(f"warning {outcome.asset}: {warning}", style="yellow", indent=_INDENT)
                self.totals.warnings += 1

    def _print_failure(self, outcome: "AssetOutcome") -> None:
        from ..orchestration.failures import reason_key

        message = outcome.message.removeprefix(f"{outcome.asset}: ")
        alike = self._failed.setdefault(reason_key(outcome.asset, message), [])
        alike.append(outcome.asset)
        if len(alike) == 1 and not self._cause_of(outcome.asset):
            print_error(f"FAILED  {outcome.asset}: {message}", style="red", indent=_INDENT)

    def _cause_of(self, asset: str) -> tuple[str, ...]:
        """Of a table that lacks what it is made from: the tables of this refresh that failed because of themselves."""
        failed = {name for alike in self._failed.values() for name in alike}
        return tuple(name for name in self._missing.get(asset, ()) if name in failed)

    def print_reasons(self) -> None:
        """Prints a line for each reason why tables are not made, with all tables for which it holds."""
        self._print_left_out()
        for tables in self._failed.values():
            others = [name for name in tables[1:] if not self._cause_of(name)]
            if others:
                sentence = f"FAILED  {', '.join(others)}: for the same reason as {tables[0]}"
                print_error(sentence, style="red", indent=_INDENT)
            for name in tables:
                if not self._cause_of(name):
                    self.totals.failed.append(name)
        self._print_not_made()

    def _print_not_made(self) -> None:
        """What was not made because of a failure, by the tables that failed."""
        because_of: dict[tuple[str, ...], list[str]] = {}
        for name in (name for alike in self._failed.values() for name in alike):
            if causes := self._cause_of(name):
                because_of.setdefault(causes, []).append(name)
        for name in self._not_reached:
            because_of.setdefault(self._roots(name), []).append(name)
        for roots, tables in because_of.items():
            self.totals.not_made += tables
            cause = f"{' and '.join(roots)} failed" if roots else "something they are made from failed"
            print_error(f"not made, because {cause}: {', '.join(tables)}", style="red", indent=_INDENT)

    def _roots(self, asset: str) -> tuple[str, ...]:
        """The failures because of which a table was not reached. That of a table that is fetched is one only where a
        computed table lacks it: most can do without."""
        from ..refresh import table_refreshes

        declared = table_refreshes()
        failed = {name for alike in self._failed.values() for name in alike}
        found: set[str] = set()
        ahead, seen = [asset], {asset}
        while ahead:
            table = declared[ahead.pop()]
            for name in {*table.inputs, *table.optional_inputs} - seen:
                seen.add(name)
                if name in failed and declared[name].is_computed:
                    found.update(self._cause_of(name) or (name,))
                ahead.append(name)
        return tuple(name for name in declared if name in found)

    def _print_left_out(self) -> None:
        from ..catalog import DATASETS
        from ..refresh import left_out_by_choice
        from ..settings import DATASETS_VARIABLE, chosen_datasets

        chosen, by_choice = chosen_datasets(self._settings), left_out_by_choice(self._settings)
        not_chosen = f"datasets that {DATASETS_VARIABLE} does not choose"
        made_from_them = f"tables that cannot be made without what {DATASETS_VARIABLE} does not choose"
        alike: dict[str, list[AssetOutcome]] = {}
        for outcome in self._left_out:
            self.totals.left_out.append(outcome.asset)
            # The address differs, and nobody has to do anything about it.
            reason = _REQUEST.sub("the service answered ", outcome.message)
            # What cannot be fetched without the devices says itself that these are not chosen.
            if outcome.asset in by_choice and outcome.asset not in chosen.without_devices:
                reason = not_chosen if outcome.asset in DATASETS else made_from_them
            alike.setdefault(reason, []).append(outcome)
        for reason, outcomes in alike.items():
            names = ", ".join(outcome.asset for outcome in outcomes)
            # What somebody decided is no news; what the tenant lacks is something to know.
            style = "dim" if all(outcome.asset in by_choice for outcome in outcomes) else "yellow"
            if reason in (not_chosen, made_from_them) and len(outcomes) > 1:
                print_line(f"left out {len(outcomes)} {reason}: {names}", style=style, indent=_INDENT)
            else:
                message = outcomes[0].message if len(outcomes) == 1 else reason.removeprefix("it ")
                print_line(f"left out {names}: {message}", style=style, indent=_INDENT)


def _print_made(table: str, outcomes: "Sequence[PartitionOutcome]") -> set[str]:
    """Prints the line of a table, and of each check that failed; returns the names of these checks."""
    from ..checks import combined
    from ..refresh import Status

    statuses = {outcome.status for outcome in outcomes}
    status = statuses.pop() if len(statuses) == 1 else Status.PUBLISHED
    days = sorted(outcome.day for outcome in outcomes)
    rows = [outcome.rows for outcome in outcomes if outcome.rows is not None]
    checks = [check for outcome in outcomes for check in outcome.checks]
    failed = [
        check
        for name in dict.fromkeys(check.name for check in checks)
        if not (check := combined(check for check in checks if check.name == name)).passed
    ]
    if status in (Status.OFF, Status.ABSENT):
        # A public feed without rows. Its check says what is wrong, if anything is.
        words = str(outcomes[0].facts.get("summary", "")) if not failed else ""
        style = "dim" if status is Status.OFF else "yellow"
        print_line(f"{head(status.value, table)}{words}".rstrip(), style=style, indent=_INDENT)
    else:
        word = "kept" if status is Status.KEPT else "ok"
        print_line(_made_line(word, table, sum(rows) if rows else None, days))
    for check in failed:
        _print_warning(f"{check.name}: {check.message}")
    return {check.name for check in failed}


def head(word: str, table: str) -> str:
    """The first two columns of a line about a table."""
    return f"{word:<8}{table:<31}"


def _print_warning(sentence: str) -> None:
    print_line(f"{_INDENT}warning: {sentence}", style="yellow", indent=_INDENT + "  ")


def _made_line(word: str, table: str, rows: int | None, days: Sequence[date], message: str = "") -> str:
    """One line that fits a terminal of 80 columns."""
    count = f"{rows:>10,} row{' ' if rows == 1 else 's'}" if rows is not None else " " * 15
    return f"{head(word, table)}{count}  {_in_words(days)}{message}".rstrip()


def _in_words(days: Iterable[date]) -> str:
    found = sorted(set(days))
    if len(found) < 2:
        return "".join(map(str, found))
    return f"{len(found)} days to {found[-1]}"
