"""What is noted of days that were pruned: which, and when.

Here: the note's content. Not here: keeping it (``lake.py``), pruning (``pruning.py``).

It tells a day that was removed on purpose from one that is lost: Dagster forgets the partition, and an error about it
says why it is not there. One note has all tables of a tenant, so that to look costs one request.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, TypeAlias

PRUNED_OF, PRUNED = "retention", "pruned"
"""Where the note is, in place of a table, and its name."""

PrunedDays: TypeAlias = Mapping[str, Mapping[date, date]]
"""Table -> each day that was pruned -> when. A day may be there again: it was computed anew, or the prune was killed
before it."""


def pruned_in(note: Mapping[str, Any] | None) -> PrunedDays:
    """What a note says; nothing of one that is not ours."""
    try:
        return {
            table: {date.fromisoformat(day): date.fromisoformat(when) for day, when in days.items()}
            for table, days in (note or {}).items()
        }
    except (AttributeError, TypeError, ValueError):
        return {}


def note_with(pruned: PrunedDays, table: str, days: Collection[date], when: date) -> dict[str, dict[str, str]]:
    """The note with these days of a table added."""
    content = {**pruned, table: {**pruned.get(table, {}), **dict.fromkeys(days, when)}}
    return {
        name: {day.isoformat(): moment.isoformat() for day, moment in sorted(of_table.items())}
        for name, of_table in content.items()
    }
