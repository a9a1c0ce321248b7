"""What a policy takes over from the one that it extends, and a scope from the rules for all devices.

Here: merging values, each with the place where it is written. Not here: finding the files (``read.py``).

Maps are merged setting by setting, at any depth: ``severity_days: {critical: 7}`` changes critical alone. Lists and
single values are replaced; categories of the child come before the parent's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .marks import Location, Mark
from .yaml_file import PolicyFile

EITHER_OR = ("severity_days", "rules")
"""The two ways to decide: the child's displaces the parent's."""


def extended(parent: PolicyFile, child: PolicyFile) -> PolicyFile:
    """The parent's settings with the child's in their place."""
    values = _merged(parent.values, child.values)
    if isinstance(old := parent.values.get("patch"), dict) and isinstance(new := child.values.get("patch"), dict):
        values["patch"] = _merged_patch(old, new)
    parents = dict(parent.marks)
    mine, theirs = child.values.get("categories"), parent.values.get("categories")
    if isinstance(mine, list) and isinstance(theirs, list):
        values["categories"] = [*mine, *theirs]
        parents |= dict(_moved(parent.marks, "categories", len(mine)))
    own = dict(child.marks)
    if "title" not in child.values and "name" in child.values:
        # The parent's title would say the parent's numbers.
        values["title"] = f"{child.values['name']}, on the base of {parent.values.get('name')}"
        own["title",] = own["name",]
    return PolicyFile(child.name, values, _marks_of(values, own, parents), (*child.problems, *parent.problems))


def scopes_filled(source: PolicyFile) -> PolicyFile:
    """Each scope's patch rules, completed by those of all devices."""
    base, scopes = source.values.get("patch"), source.values.get("scopes")
    if not isinstance(base, dict) or not isinstance(scopes, list):
        return source
    filled: list[Any] = []
    inherited: dict[Location, Mark] = {}
    for index, scope in enumerate(scopes):
        if isinstance(scope, dict) and isinstance(scope.get("patch"), dict):
            scope = {**scope, "patch": _merged_patch(base, scope["patch"])}
            inherited |= {
                ("scopes", index, *location): mark
                for location, mark in source.marks.items()
                if location[:1] == ("patch",)
            }
        filled.append(scope)
    values = {**source.values, "scopes": filled}
    return PolicyFile(source.name, values, _marks_of(values, source.marks, inherited), source.problems)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **old,
        **{
            key: _merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
            for key, value in new.items()
        },
    }


def _merged_patch(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    if ways := {way for way in EITHER_OR if way in child}:
        parent = {key: value for key, value in parent.items() if key not in EITHER_OR or ways == {key}}
    return _merged(parent, child)


def _moved(marks: Mapping[Location, Mark], section: str, by: int) -> Iterator[tuple[Location, Mark]]:
    """The marks of a list's entries, so many places further back."""
    for location, mark in marks.items():
        if location[:1] == (section,) and len(location) > 1 and isinstance(location[1], int):
            yield (section, location[1] + by, *location[2:]), mark


def _marks_of(values: Any, first: Mapping[Location, Mark], second: Mapping[Location, Mark]) -> dict[Location, Mark]:
    """The place of every value that there is: as the first says, else the second."""
    marks: dict[Location, Mark] = {}
    for location in _locations(values, ()):
        if mark := first.get(location) or second.get(location):
            marks[location] = mark
    return marks


def _locations(values: Any, location: Location) -> Iterator[Location]:
    yield location
    children: Any = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, value in children:
        yield from _locations(value, (*location, key))
