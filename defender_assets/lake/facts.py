"""The facts that a file's metadata has of its rows: reading times, feeds and failures out of them.

Here: pure functions from text to values. Not here: which facts a file is given (``refresh/publication.py``,
``reference/provenance.py``).
"""

from collections.abc import Mapping
from datetime import UTC, datetime


def time_in(facts: Mapping[str, str], name: str) -> datetime | None:
    """A time of the facts, in UTC; None where it is not given, or not as a time: another program wrote the file."""
    try:
        return datetime.fromisoformat(facts[name]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def feeds_in(facts: Mapping[str, str]) -> list[str]:
    """The names of the feeds that the rows are from, where there are several."""
    return [feed for feed in facts.get("feeds", "").split(", ") if feed]


def facts_of(facts: Mapping[str, str], feed: str) -> dict[str, str]:
    """Those of one of several feeds: they have its name before them (``macos.fetched_at``)."""
    start = f"{feed}."
    return {name.removeprefix(start): fact for name, fact in facts.items() if name.startswith(start)}


def kept_because(facts: Mapping[str, str]) -> str | None:
    """Why the rows are those of an earlier fetch; None where they are not."""
    return facts.get("reason") or "a later fetch failed" if facts.get("stale") == "true" else None
