"""A policy's rules as a truth table: the first rule that holds, for every combination of the facts they look at.

Here: the facts, the values they can have, what they are read as where they are not known, and whether that matters. Not
here: the other tables of a policy (``tables.py``), how a fact is found (``compliance/tables/patch_findings.sql``).
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import pyarrow as pa

from .model import Patch, Rule, When

ANY = "any"
"""The severity and the category if a scope's rules do not use them (boolean facts are then false)."""

FACTS: Mapping[str, pa.DataType] = {
    "severity": pa.string(),
    "in_kev": pa.bool_(),
    "exposed": pa.bool_(),
    "automatable": pa.bool_(),
    "total_impact": pa.bool_(),
    "exploited": pa.bool_(),
    "high_cvss": pa.bool_(),
    "category": pa.string(),
}
"""What a decision can depend on."""

UNRATED = "unrated"
"""The severity of a finding that nothing rates."""

LEVELS = ("critical", "high", "medium", "low")
"""The levels that every policy knows, whichever of them its rules name."""

READ_AS: Mapping[str, str | bool] = {"severity": UNRATED, "high_cvss": False, "exploited": False, "in_kev": False}
"""Facts that may not be known, and the value they are read as: the one that asks for the least."""


def conditions(when: When) -> dict[str, tuple[str | bool, ...]]:
    """Fact -> the values for which the condition holds; facts it does not look at are left out."""
    single = {
        "in_kev": when.in_kev,
        "exposed": when.exposed,
        "automatable": when.automatable,
        "total_impact": None if when.technical_impact is None else when.technical_impact == "total",
        "exploited": when.exploited,
        "high_cvss": None if when.cvss_at_least is None else True,
    }
    asked: dict[str, tuple[str | bool, ...]] = {fact: (value,) for fact, value in single.items() if value is not None}
    if when.severity is not None:
        asked["severity"] = tuple(level.lower() for level in when.severity)
    if when.category is not None:
        asked["category"] = when.category
    return asked


def _domain(fact: str, rules: tuple[Rule, ...], levels: tuple[str, ...]) -> tuple[str | bool, ...]:
    """Every value that a fact can have, those that no rule names included."""
    if FACTS[fact] == pa.bool_():
        return (False, True)
    if fact == "severity":
        return (*levels, UNRATED)
    named = {value for rule in rules for value in conditions(rule.when).get(fact, ())}
    return tuple(sorted(named | {"other"}, key=str))


def combinations(patch: Patch, levels: tuple[str, ...]) -> int:
    """How many rows a truth table has at most."""
    return math.prod(len(values) for values in _domains(patch, levels).values())


def _domains(patch: Patch, levels: tuple[str, ...]) -> dict[str, tuple[str | bool, ...]]:
    """Every value of each fact that the rules look at, and one of the others."""
    rules = patch.decision_table
    used = {fact for rule in rules for fact in conditions(rule.when)}
    unused = {fact: (False,) if kind == pa.bool_() else (ANY,) for fact, kind in FACTS.items()}
    return {fact: _domain(fact, rules, levels) if fact in used else unused[fact] for fact in FACTS}


def truth_table(scope: str, patch: Patch, levels: tuple[str, ...]) -> Iterable[dict[str, Any]]:
    """One row for every combination of the facts that the rules use, with the first rule whose conditions hold.

    A combination without a rule has a row only if one of its facts matters: were it known to be otherwise, a rule
    would ask for an earlier date.
    """
    rules = patch.decision_table
    domains = _domains(patch, levels)
    for values in itertools.product(*domains.values()):
        facts = dict(zip(FACTS, values, strict=True))
        rule = _first(rules, facts)
        matters = {
            f"{fact}_matters": facts[fact] == read_as
            and not (fact == "severity" and names_unrated(rule))
            and any(_sooner(_first(rules, {**facts, fact: value}), rule) for value in domains[fact] if value != read_as)
            for fact, read_as in READ_AS.items()
        }
        if rule is not None or any(matters.values()):
            yield {
                "scope": scope,
                **facts,
                "rule": rule and rule.name,
                "due_hours": rule and rule.due.hours,
                "due_months": rule and rule.due.months,
                **matters,
            }


def _first(rules: tuple[Rule, ...], facts: Mapping[str, str | bool]) -> Rule | None:
    return next((rule for rule in rules if _holds(rule.when, facts)), None)


def _sooner(one: Rule | None, other: Rule | None) -> bool:
    """Whether ``one`` gives a date before that of ``other``; a month counts as thirty days."""
    first, second = (
        (rule.due.hours or 0) + (rule.due.months or 0) * 720 if _sets_a_date(rule) else None for rule in (one, other)
    )
    return first is not None and (second is None or first < second)


def _sets_a_date(rule: Rule | None) -> TypeGuard[Rule]:
    return rule is not None and rule.due.hours is not None


def names_unrated(rule: Rule | None) -> bool:
    """Whether the rule is about findings that nothing rates."""
    return rule is not None and UNRATED in conditions(rule.when).get("severity", ())


def _holds(when: When, facts: Mapping[str, str | bool]) -> bool:
    return all(facts[fact] in values for fact, values in conditions(when).items())
