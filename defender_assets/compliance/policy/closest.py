"""The name that somebody meant: near spellings.

Here: comparing names the way people confuse them. Not here: which names there are.
"""

import difflib
from collections.abc import Iterable

_IGNORED = str.maketrans("", "", "-_ ")


def spelling(name: str) -> str:
    """The name without what people write in one way or another: case, hyphens, underscores, spaces."""
    return name.lower().translate(_IGNORED)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    by_spelling = {spelling(other): other for other in known}
    found = difflib.get_close_matches(spelling(name), by_spelling, n=1)
    return by_spelling[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean critical?``, or nothing."""
    meant = closest(name[:100], known)
    return f"; did you mean {meant}?" if meant else ""
