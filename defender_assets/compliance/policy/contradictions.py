"""What is wrong between settings that are right by themselves.

Here: names that are given twice or that nothing defines, numbers that have to agree. It looks at values as they were
read, whatever else is wrong with them, so that everything is told at once. Not here: single settings (``model.py``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ...sanitize import redacted
from ...spelling import did_you_mean
from .inheritance import EITHER_OR
from .marks import Location

BASE_SCOPE = "all devices"
"""The scope of devices that no scope of the policy names."""

Contradiction = tuple[Location, str]


def contradictions(values: Mapping[str, Any]) -> Iterator[Contradiction]:
    """(where, what is wrong) of everything that contradicts something else."""
    scopes, exemptions = _entries(values, "scopes"), _entries(values, "exemptions")
    yield from _given_twice(scopes, "name", "two scopes are called")
    yield from _given_twice(exemptions, "id", "two exemptions have the id")
    for location, scope in scopes:
        if scope.get("name") == BASE_SCOPE:
            yield (*location, "name"), f"'{BASE_SCOPE}' is what those are called that are in no scope: choose another"
    yield from _one_way_to_decide(values)
    tables = list(_decision_tables(values))
    for rules in tables:
        yield from _given_twice(rules, "name", "two rules are called")
    conditions = [
        ((*location, "when"), rule["when"])
        for rules in tables
        for location, rule in rules
        if isinstance(rule.get("when"), dict)
    ]
    yield from _one_threshold(conditions)
    yield from _known_categories(values, conditions)


def _entries(values: Any, section: str, at: Location = ()) -> list[tuple[Location, dict[str, Any]]]:
    entries = values.get(section) if isinstance(values, dict) else None
    if not isinstance(entries, list):
        return []
    return [((*at, section, index), entry) for index, entry in enumerate(entries) if isinstance(entry, dict)]


def _decision_tables(values: Mapping[str, Any]) -> Iterator[list[tuple[Location, dict[str, Any]]]]:
    yield _entries(values.get("patch"), "rules", ("patch",))
    for location, scope in _entries(values, "scopes"):
        yield _entries(scope.get("patch"), "rules", (*location, "patch"))


def _one_way_to_decide(values: Mapping[str, Any]) -> Iterator[Contradiction]:
    for location, holder in (((), values), *_entries(values, "scopes")):
        patch = holder.get("patch")
        ways = [
            key
            for key, value in (patch.items() if isinstance(patch, dict) else ())
            if key in EITHER_OR and value is not None
        ]
        if len(ways) > 1:
            yield (*location, "patch", ways[1]), "the policy has both severity_days and rules; keep one"


def _given_twice(entries: list[tuple[Location, dict[str, Any]]], key: str, words: str) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for location, entry in entries:
        name = entry.get(key)
        if isinstance(name, str):
            if name in seen:
                yield (*location, key), f"{words} {redacted(name)}"
            seen.add(name)


def _one_threshold(conditions: list[tuple[Location, dict[str, Any]]]) -> Iterator[Contradiction]:
    first = None
    for location, when in conditions:
        threshold = when.get("cvss_at_least")
        if not isinstance(threshold, int | float):
            continue
        if first is not None and threshold != first:
            yield (
                (*location, "cvss_at_least"),
                f"cvss_at_least must be the same number in all rules, those of scopes included: {first} here as well",
            )
        first = threshold if first is None else first


def _known_categories(
    values: Mapping[str, Any], conditions: list[tuple[Location, dict[str, Any]]]
) -> Iterator[Contradiction]:
    known = sorted({str(entry.get("category")) for _, entry in _entries(values, "categories")} | {"other"})
    for location, when in conditions:
        named = when.get("category")
        for name in named if isinstance(named, list) else [named]:
            if isinstance(name, str) and name not in known:
                hint = did_you_mean(name, known, before="; ")
                yield (
                    (*location, "category"),
                    f"no entry of categories defines {redacted(name)}{hint} "
                    f"(defined: {', '.join(map(redacted, known))})",
                )
