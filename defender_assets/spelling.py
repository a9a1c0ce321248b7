"""What somebody meant by a name that there is not.

Here: names that are spelled alike, and the question after them. Not here: which names there are, what a column is
called in other tools (``queries/suggestions.py``), which devices are compared (``explanation/records.py``).
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

_IGNORED = str.maketrans("", "", "-_ ")
_ALIKE = 0.6
_AS_NEAR = 0.1
"""How much less alike than the nearest name another may be, to be named beside it."""
_MOST = 3
_LONGEST = 100
"""Characters of a name that are compared: comparing takes time by the square of them."""


def near_names(asked: str, names: Iterable[str], *, alike: float = _ALIKE) -> list[str]:
    """The names that are spelled most like ``asked``, nearest first, three at most; ``alike`` (0 to 1) is how much they
    have to be. Case, hyphens, underscores and spaces make no difference: people write them in one way or another. Of
    names that differ in nothing else it is one."""
    compared = SequenceMatcher(a="", b=_letters(asked), autojunk=False)
    found: list[tuple[float, str]] = []
    for letters, name in {_letters(name): name for name in names}.items():
        compared.set_seq1(letters)
        # Two bounds from above come first: they cost a fraction.
        if min(compared.real_quick_ratio(), compared.quick_ratio()) >= alike:
            found.append((compared.ratio(), name))
    nearest = max((ratio for ratio, _ in found), default=1.0)
    near = [(-ratio, name) for ratio, name in found if ratio >= max(alike, nearest - _AS_NEAR)]
    return [name for _, name in sorted(near)][:_MOST]


def did_you_mean(asked: str, names: Iterable[str], *, before: str = "", alike: float = _ALIKE) -> str:
    """``did you mean a or b?`` of the names that are spelled like ``asked``, with what is ``before`` it in a sentence;
    empty where none is."""
    return is_meant(near_names(asked, names, alike=alike), before=before)


def is_meant(names: Sequence[str], *, before: str = "") -> str:
    """The question about names that were found in another way; empty without any."""
    return f"{before}did you mean {' or '.join(names)}?" if names else ""


def _letters(name: str) -> str:
    return name[:_LONGEST].lower().translate(_IGNORED)
