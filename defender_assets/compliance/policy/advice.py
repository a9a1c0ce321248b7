"""What is allowed in a policy and probably not meant.

Here: what the policy alone tells. Not here: what is refused (``model.py``, ``contradictions.py``), what only the fleet
tells, and exemptions that end (``compliance/policy_checks.py``).
"""

from collections.abc import Iterator, Mapping

from ...sanitize import redacted
from ..errors import PolicyRemark
from .decision_table import LEVELS, truth_table
from .marks import Location, Mark, nearest_mark
from .model import ABOUT_ITSELF, Document, Patch
from .read import presets


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
    yield from (at(place, message) for place, message in _undated(document.patch, ("patch",)))
    yield from (at(place, message) for place, message in _unreached(document.patch, ("patch",)))
    for index, scope in enumerate(document.scopes):
        section: Location = ("scopes", index, "patch")
        for place, message in (*_undated(scope.patch, section), *_unreached(scope.patch, section)):
            # What it takes over from the rules for all devices is told there.
            if marks.get(place) != marks.get(place[2:]):
                yield at(place, f"scope {redacted(scope.name, 60)}: {message}")


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
