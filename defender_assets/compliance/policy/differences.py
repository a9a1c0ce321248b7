"""In which settings two policies differ.

Here: comparing them, resolved, setting by setting, entries of lists by their names. Not here: what follows for devices
(``refresh/policy_effects.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...quantity import quantity
from ...sanitize import redacted
from .meanings import as_yaml
from .model import ABOUT_ITSELF, Document

_NAMES = ("name", "id")
"""What entries of lists are called by."""
_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A setting with its value in either policy, as YAML in one line; None where a policy does not have it."""

    setting: str
    before: str | None
    after: str | None


def differences(before: Document, after: Document) -> list[Difference]:
    """Every setting that differs, in the order of the model. How a policy is called is no setting."""
    one, other = (document.model_dump(mode="json", exclude=set(ABOUT_ITSELF)) for document in (before, after))
    return list(_compared("", one, other))


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    before, after = _empty_like(before, after), _empty_like(after, before)
    if _is_section(before) and _is_section(after):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}.{key}" if path else key
            yield from _compared(inner, before.get(key, _ABSENT), after.get(key, _ABSENT))
        return
    one, other = _by_name(before), _by_name(after)
    if one is None or other is None or not (one or other):
        yield Difference(path, _text(before), _text(after))
        return
    for name in dict.fromkeys((*one, *other)):
        yield from _compared(f"{path}[{name}]", one.get(name, _ABSENT), other.get(name, _ABSENT))
    if list(one) != list(other) and set(one) == set(other):
        yield Difference(f"{path} (order)", as_yaml(list(one)), as_yaml(list(other)))


def _empty_like(value: Any, other: Any) -> Any:
    """In place of null, nothing of the kind that the other policy has there: a map or list is told entry by entry."""
    if value is None and (_is_section(other) or _by_name(other)):
        return {} if isinstance(other, dict) else []
    return value


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {"hours", "months"}


def _by_name(value: Any) -> dict[str, Any] | None:
    """A list of named entries by their names; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return None
    key = next((key for key in _NAMES if all(key in entry for entry in value)), None)
    return None if key is None else {redacted(str(entry[key]), 80): entry for entry in value}


def _text(value: Any) -> str | None:
    return None if value is _ABSENT else as_yaml(_short(value))


def _short(value: Any) -> Any:
    """Without what is not said, and terms in words."""
    if isinstance(value, dict):
        if set(value) == {"hours", "months"}:
            return _term_in_words(value["hours"], value["months"])
        short = {key: _short(inner) for key, inner in value.items()}
        return {key: inner for key, inner in short.items() if inner not in (None, [], {})}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def _term_in_words(hours: int | None, months: int | None) -> str:
    if months:
        return quantity(months, "month")
    if hours is None:
        return "none"
    return quantity(hours // 24, "day") if hours % 24 == 0 else quantity(hours, "hour")
