"""What is allowed in a policy and probably not meant.

Here: what the policy alone tells. Not here: what is refused (``model.py``, ``contradictions.py``), what only the fleet
tells, and exemptions that end (``compliance/policy_checks.py``).
"""

from collections.abc import Iterator, Mapping

from ...sanitize import redacted
from ..errors import PolicyRemark
from .decision_table import ANY, LEVELS, truth_table
from .marks import Location, Mark, nearest_mark
from .model import ABOUT_ITSELF, Document, Patch
from .read import presets

_GRAVE = ("critical", "high")
"""Levels whose findings are hardly meant to have no due date, even where the policy says none."""


def advice(document: Document, marks: Mapping[Location, Mark], source: str) -> Iterator[PolicyRemark]:
    """Remarks, in no particular order; ``source`` is the policy's own file."""
    own = Mark(source, 1)

    def at(location: Location, message: str) -> PolicyRemark:
        mark = nearest_mark(marks, location, source)
        return PolicyRemark(mark.file, mark.line, ".".join(map(str, location)), message)

    if document.status == "legacy":
        yield at(("status",), "legacy: the owner of the rules that it follows has withdrawn them")
    if not own.is_shipped:
        name = marks.get(("name",), own)
        if name.is_shipped:
            yield PolicyRemark(source, 1, "name", f"has no name of its own: tables and report say {document.name}")
        elif document.name in presets():
            yield at(("name",), f"{document.name} is the name of a policy that ships: choose another")
        if not any(mark.file == source for place, mark in marks.items() if place and place[0] not in ABOUT_ITSELF):
            yield PolicyRemark(source, 1, "", "says nothing but what the policy says that it extends")
    for place, message in _of_patch(document.patch, ("patch",)):
        yield at(place, message)
    # A policy that ships, and is taken over, may be about some levels alone.
    for place, message in _let_off(document.patch, ("patch",)):
        if not nearest_mark(marks, place, source).is_shipped:
            yield at(place, message)
    for index, scope in enumerate(document.scopes):
        section: Location = ("scopes", index, "patch")
        for place, message in (*_of_patch(scope.patch, section), *_let_off(scope.patch, section)):
            # What it takes over from the rules for all devices is told there.
            if marks.get(place) != marks.get(place[2:]):
                yield at(place, f"scope {redacted(scope.name, 60)}: {message}")


def _of_patch(patch: Patch, section: Location) -> Iterator[tuple[Location, str]]:
    yield from _undated(patch, section)
    yield from _unreached(patch, section)


def _let_off(patch: Patch, section: Location) -> Iterator[tuple[Location, str]]:
    """Levels that no rule gives a due date, whatever else is true of a finding; the lower two may say so."""
    rows = [row for row in truth_table("", patch, LEVELS) if row["rule"] is not None]
    of_level = {level: [row for row in rows if row["severity"] in (level, ANY)] for level in LEVELS}
    undated = [level for level, decided in of_level.items() if all(row["due_hours"] is None for row in decided)]
    if patch.severity_days is not None:
        if said := [level for level in undated if level in patch.severity_days and level in _GRAVE]:
            yield (*section, "severity_days", said[0]), f"findings of severity {', '.join(said)} have no due date"
    elif told := [level for level in undated if level in _GRAVE or not of_level[level]]:
        yield (
            (*section, "rules"),
            f"no rule gives findings of severity {', '.join(told)} a due date; is a last rule for all others missing?",
        )


def _undated(patch: Patch, section: Location) -> Iterator[tuple[Location, str]]:
    if patch.severity_days is not None and (missing := [level for level in LEVELS if level not in patch.severity_days]):
        yield (
            (*section, "severity_days"),
            f"findings of severity {', '.join(missing)} have no due date; write none if that is meant",
        )


def _unreached(patch: Patch, section: Location) -> Iterator[tuple[Location, str]]:
    if patch.rules is None:
        return
    deciding = {row["rule"] for row in truth_table("", patch, LEVELS)}
    for index, rule in enumerate(patch.rules):
        if rule.name not in deciding:
            yield (
                (*section, "rules", index),
                f"rule {redacted(rule.name, 60)} never decides: the rules before it cover all that it does",
            )
