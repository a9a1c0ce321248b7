"""The end of a refresh: how many tables, rows, calls and bytes, how long it took, and where the report is.

Here: adding up, and the sentences. Not here: the line of each table (``outcomes.py``).
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..quantity import quantity, size, time_taken
from .console import print_error, print_line, says_log_lines

if TYPE_CHECKING:
    from ..api import Traffic
    from ..refresh import PartitionOutcome


@dataclass
class Totals:
    """What became of all tables of a refresh: ``rows`` and ``bytes`` that were written, ``warnings`` that were printed,
    the names of those that were not made, and the address of the report if there is a new one."""

    rows: int = 0
    bytes: int = 0
    warnings: int = 0
    left_out: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    not_made: list[str] = field(default_factory=list)
    report: str = ""

    def add(self, outcomes: "Iterable[PartitionOutcome]") -> None:
        """Counts what was written."""
        from ..refresh import Status
        from ..report.publishing import COMPLIANCE_REPORT

        for outcome in outcomes:
            if outcome.status is Status.PUBLISHED:
                self.rows += outcome.rows or 0
                self.bytes += outcome.bytes or 0
                if outcome.table == COMPLIANCE_REPORT:
                    self.report = outcome.uri or ""


def print_summary(totals: Totals, tables: int, seconds: float, traffic: "Traffic | None") -> None:
    """Prints what a refresh of so many tables came to. ``traffic``: None where the service was not asked."""
    if says_log_lines():
        _log_summary(totals, tables, seconds, traffic)
        return
    others = [
        f"{len(names)} {words}"
        for names, words in (
            (totals.left_out, "left out"),
            (totals.failed, "failed"),
            (totals.not_made, "not made because of that"),
        )
        if names
    ]
    made = tables - len(totals.left_out) - len(totals.failed) - len(totals.not_made)
    counts = f": {', '.join([f'{made} made', *others])}" if others else ""
    print_line(f"\n{quantity(tables, 'table')} in {time_taken(seconds)}{counts}.", style="bold")
    facts = [f"{quantity(totals.rows, 'row')} and {size(totals.bytes)} written"] if totals.bytes else []
    if traffic is not None:
        facts.append(f"{quantity(traffic.calls, 'call')} to the service, {size(traffic.bytes_received)} received")
    if totals.warnings:
        facts.append(f"{quantity(totals.warnings, 'warning')} above")
    if facts:
        print_line(f"{'; '.join(facts)}.", indent="")
    if totals.report:
        print_line(f"The report: {totals.report}")
    if failed := totals.failed or totals.not_made:
        more = f"; {len(totals.not_made)} more could not be made" if totals.failed and totals.not_made else ""
        rest = " The others are written." if made else ""
        words = f"{len(failed)} of {quantity(tables, 'table')} failed: {', '.join(failed)}{more}.{rest}"
        print_error(words, indent=" " * 8)


def _log_summary(totals: Totals, tables: int, seconds: float, traffic: "Traffic | None") -> None:
    """The same as one log line."""
    from ..monitoring.log_lines import log_fields

    fields = {
        "tables": tables,
        "rows": totals.rows,
        "bytes": totals.bytes,
        "calls": traffic.calls if traffic else 0,
        "bytes_received": traffic.bytes_received if traffic else 0,
        "seconds": round(seconds, 3),
        "left_out": totals.left_out,
        "failed": totals.failed,
        "not_made": totals.not_made,
        "report": totals.report,
    }
    level = logging.ERROR if totals.failed or totals.not_made else logging.INFO
    log_fields(logging.getLogger("defender_assets.cli"), level, "the refresh has ended", fields)
