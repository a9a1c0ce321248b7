"""What ``--select`` names: assets in Dagster's selection syntax, or plain names.

Here: the keys of a selection, and the sentence about one that names what there is not. Not here: the runs over them
(``local_runs.py``).
"""

import re
import warnings
from collections.abc import Collection, Iterable, Iterator

import dagster as dg

from ..catalog import Group
from ..errors import DefenderAssetsError
from ..sanitize import redacted
from ..spelling import did_you_mean

_LONGEST = 200
_EXAMPLES = (
    "Examples: machines; machines,alerts; key:software*; group:inventory; +patch_compliance; tag:days=derived "
    "(everything that the policy decides)."
)
_TERM = re.compile(r"""\b(key|group):(?:"([^"]*)"|([^\s()"+,]+))""")
_PLAIN_NAMES = re.compile(r"\w+(?:[\s,]+\w+)*,?")
_NAME_WITH_NEIGHBOURS = re.compile(r"[\d*+]*(\w+?)[*+]*")


class WrongSelection(DefenderAssetsError):
    """The asset selection names what there is not, names nothing, or cannot be read."""


def selected(defs: dg.Definitions, selection: str | None) -> set[dg.AssetKey]:
    """The asset keys of a selection: all for None, those of plain names with commas between them, or what Dagster's
    syntax says. Raises WrongSelection; of several names, one that there is not is no reason to do the others."""
    graph = defs.resolve_asset_graph()
    materializable = set(graph.materializable_asset_keys)
    if selection is None:
        return materializable
    names = {key.to_user_string(): key for key in materializable}
    text = selection.strip()
    if _PLAIN_NAMES.fullmatch(text):
        words = [word for word in re.split(r"[\s,]+", text) if word]
        if not {"and", "or", "not"}.intersection(word.lower() for word in words):
            _refuse_unknown("table", words, names)
            return {names[word] for word in words}
    _refuse_unknown("table", _named(text, "key"), names)
    _refuse_unknown("group", _named(text, "group"), [group.value for group in Group])
    if alone := _NAME_WITH_NEIGHBOURS.fullmatch(text):
        _refuse_unknown("table", [alone[1]], names)
    try:
        with warnings.catch_warnings():
            # The parser itself uses a parameter that Dagster calls beta.
            warnings.simplefilter("ignore", category=dg.BetaWarning)
            keys = dg.AssetSelection.from_string(text).resolve(graph)
    except Exception:  # noqa: BLE001 - the parser raises its own, undocumented kinds
        raise WrongSelection(f"--select: {_shown(text)} is not an asset selection. {_EXAMPLES}") from None
    if not (found := materializable & keys):
        raise WrongSelection(f"--select: {_shown(text)} selects no table. {_EXAMPLES}")
    return found


def _named(text: str, attribute: str) -> Iterator[str]:
    """The names that the selection gives for an attribute, without patterns."""
    for found, quoted, plain in _TERM.findall(text):
        if found == attribute and "*" not in (name := quoted or plain):
            yield name


def _refuse_unknown(kind: str, words: Iterable[str], known: Collection[str]) -> None:
    """Raises WrongSelection that names each word that is not known, and what it may have been meant to be."""
    sentences = []
    for word in dict.fromkeys(words):
        if word not in known:
            advice = did_you_mean(word, known) or f"there are {', '.join(sorted(known))}."
            sentences.append(f"there is no {kind} {_shown(word)}; {advice}")
    if sentences:
        raise WrongSelection(f"--select: {' '.join(sentences)}")


def _shown(text: str) -> str:
    return f"'{redacted(text, _LONGEST)}'"
