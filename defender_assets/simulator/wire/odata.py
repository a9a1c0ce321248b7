"""OData query options as the service understands them.

Here: $top, $skip, $filter, $select, $expand, with the refusals of the service. Not here: which rows there are.
Operators: eq, ne, gt, ge, lt, le, and, or, not, startswith, endswith, contains, and ``any`` on lists of texts; dates
unquoted, texts and enumerations in single quotes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..tenant.formats import Row

Predicate = Callable[[Row], bool]
_MOST_SKIPPED = 1 << 40


class ODataError(Exception):
    """The service refuses the query with status 400 and code ODataError."""


@dataclass(frozen=True)
class Options:
    """The query options of a request for a list."""

    top: int | None = None
    skip: int = 0
    filter: str | None = None
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()


def options_of(query: Mapping[str, str], top_max: int) -> Options:
    """The options of a query; raises ODataError for what the service refuses."""
    top = _whole_number(query, "$top")
    if top is not None and top > top_max:
        raise ODataError(
            "The query specified in the URI is not valid. The limit of "
            f"'{top_max}' for Top query has been exceeded. The value from the incoming request is '{top}'."
        )
    skip = _whole_number(query, "$skip") or 0
    expand = tuple(filter(None, query.get("$expand", "").split(",")))
    for name in query:
        if name.startswith("$") and name not in _OPTIONS:
            raise ODataError(f"The query parameter '{name}' is not supported.")
    return Options(
        top, skip, query.get("$filter") or None, tuple(filter(None, query.get("$select", "").split(","))), expand
    )


_OPTIONS = frozenset({"$top", "$skip", "$filter", "$select", "$expand", "$orderby", "$count", "$skiptoken"})


def _whole_number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    # A client once sent 1e+06, and the service refused it.
    if not re.fullmatch(r"\d{1,12}", text) or int(text) > _MOST_SKIPPED:
        raise ODataError(f"Invalid value '{text[:40]}' for {name} query option found.")
    return int(text)


_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<comma>,)|(?P<text>'(?:[^']|'')*')|(?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+)?(?:Z|[+-]\d\d:\d\d)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w/]*)|(?P<colon>:))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a is not None and a > b,
    "ge": lambda a, b: a is not None and a >= b,
    "lt": lambda a, b: a is not None and a < b,
    "le": lambda a, b: a is not None and a <= b,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda a, b: b in a,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


def moment_key(text: str) -> str:
    """A time in a form that sorts as text: ``2026-03-02T11:05:47.2041180``."""
    whole, _, rest = text.rstrip("Z").replace(" ", "T").removesuffix("+00:00").partition(".")
    if len(whole) == 10:
        whole += "T00:00:00"
    return f"{whole}.{rest:0<7.7}"


class Filter:
    """A parsed ``$filter``; raises ODataError for what the service does not understand or allow."""

    def __init__(self, text: str, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self._tokens = self._read(text)
        self._position = 0
        self.matches: Predicate = self._disjunction()
        if self._position != len(self._tokens):
            raise self._refusal()

    @staticmethod
    def _read(text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise ODataError(f"Syntax error at position {position} in the $filter query option.")
            tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        return tokens

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._position] if self._position < len(self._tokens) else ("end", "")

    def _next(self, kind: str | None = None) -> str:
        found, text = self._peek()
        if (kind is not None and found != kind) or found == "end":
            raise self._refusal()
        self._position += 1
        return text

    def _refusal(self) -> ODataError:
        return ODataError(f"Syntax error at token {self._position} in the $filter query option.")

    def _disjunction(self) -> Predicate:
        left = self._conjunction()
        while self._peek() == ("word", "or"):
            self._next()
            left = _any_of(left, self._conjunction())
        return left

    def _conjunction(self) -> Predicate:
        left = self._term()
        while self._peek() == ("word", "and"):
            self._next()
            left = _all_of(left, self._term())
        return left

    def _term(self) -> Predicate:
        kind, text = self._peek()
        if kind == "open":
            self._next()
            inner = self._disjunction()
            self._next("close")
            return inner
        if (kind, text) == ("word", "not"):
            self._next()
            negated = self._term()
            return lambda row: not negated(row)
        word = self._next("word")
        if word.lower() in _FUNCTIONS and self._peek()[0] == "open":
            return self._function(_FUNCTIONS[word.lower()])
        if word.endswith("/any"):
            return self._list_contains(self._member(word.removesuffix("/any")))
        return self._comparison(self._member(word))

    def _function(self, test: Callable[[str, str], bool]) -> Predicate:
        self._next("open")
        member = self._member(self._next("word"))
        self._next("comma")
        wanted = self._next("text")[1:-1].replace("''", "'")
        self._next("close")
        return lambda row: isinstance(row.get(member), str) and test(row[member], wanted)

    def _list_contains(self, member: str) -> Predicate:
        """``machineTags/any(tag: tag eq 'Finance')``."""
        self._next("open")
        name = self._next("word")
        self._next("colon")
        if self._next("word") != name or self._next("word") != "eq":
            raise self._refusal()
        wanted = self._next("text")[1:-1].replace("''", "'")
        self._next("close")
        return lambda row: wanted in (row.get(member) or ())

    def _comparison(self, member: str) -> Predicate:
        operator = self._next("word")
        if operator not in _COMPARE:
            raise self._refusal()
        compare = _COMPARE[operator]
        kind, text = self._peek()
        self._next()
        if kind == "moment":
            wanted = moment_key(text)
            return lambda row: compare(moment_key(row[member]) if row.get(member) else None, wanted)
        value: Any
        match kind:
            case "text":
                value = text[1:-1].replace("''", "'")
            case "number":
                value = float(text) if "." in text else int(text)
            case "word" if text in _CONSTANTS:
                value = _CONSTANTS[text]
            case _:
                raise self._refusal()
        return lambda row: _comparable(row.get(member), value) and compare(row.get(member), value)

    def _member(self, name: str) -> str:
        if name not in self._allowed:
            raise ODataError(f"The property '{name}' cannot be used in the $filter query option.")
        return name


def _any_of(a: Predicate, b: Predicate) -> Predicate:
    return lambda row: a(row) or b(row)


def _all_of(a: Predicate, b: Predicate) -> Predicate:
    return lambda row: a(row) and b(row)


def _comparable(found: Any, wanted: Any) -> bool:
    """Numbers compare with numbers only, texts with texts only, null with anything."""
    if found is None or wanted is None:
        return True
    return isinstance(found, str) == isinstance(wanted, str)


def projected(row: Row, select: tuple[str, ...]) -> Row:
    """The members that ``$select`` asks for."""
    if not select:
        return row
    wanted = {name.strip().lower() for name in select}
    return {member: value for member, value in row.items() if member.lower() in wanted}
