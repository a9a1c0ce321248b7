"""Responses of a service at its worst: hypothesis strategies for rows of a dataset.

Here: what may be sent, from the irregularities recorded of the real service. Not here: what it decodes to
(``oracle.py``). Strategies are built once per column: building them costs more than drawing from them.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st

from defender_assets.catalog.column import FLAG, REAL, TEXT, TIME, WHOLE, Column
from defender_assets.catalog.dataset import Dataset

BLANKS = st.sampled_from(["", " ", "\t", "\u00a0", "\u3000 \n"])
TEXTS = st.one_of(
    st.sampled_from(
        ["None", "-", "null", "Unassigned", "x\u0000", "chat_Desk ", "a\u00a0b", "\u200b", "Ünïcode", "7", "true"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
MOMENTS = st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31))
WHOLES = st.one_of(st.integers(-5, 70_000), st.integers(-(2**63), 2**63 - 1))
REALS = st.floats(allow_nan=False, allow_infinity=False)
UNKNOWN_NAMES = ["newMember", "NewMember", "detectorId", "q", "é", "a.b", ""]


@st.composite
def times(draw: st.DrawFn) -> str:
    """A time in any of the recorded forms."""
    moment = draw(MOMENTS)
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.sampled_from([f"{moment:%Y-%m-%d}".rjust(10, "0"), "0001-01-01T00:00:00Z", "0001-01-01 00:00:00"])
        )
    date = f"{moment.year:04}-{moment:%m-%d}"
    digits = draw(st.integers(0, 9))
    fraction = "." + f"{draw(st.integers(0, 10**9 - 1)):09}"[:digits] if digits else ""
    zone = draw(st.sampled_from(["Z", "Z", "", "", " Z", "z", "+00:00", "+02:00", "-05:30"]))
    return f"{date}{draw(st.sampled_from('T '))}{moment:%H:%M:%S}{fraction}{zone}"


FITTING: dict[Any, st.SearchStrategy[Any]] = {
    TEXT: TEXTS | BLANKS,
    WHOLE: WHOLES,
    REAL: REALS | st.integers(0, 10),
    FLAG: st.booleans(),
    TIME: times() | BLANKS,
}


@dataclass(frozen=True)
class Digits:
    """A number with more digits than a double holds, as it is written."""

    literal: str


@dataclass(frozen=True)
class Repeated:
    """The values of a member that is written more than once."""

    values: list[Any]


def written(value: Any, *, ascii_only: bool) -> str:
    """The value as JSON."""
    if isinstance(value, Digits):
        return value.literal
    if isinstance(value, list):
        return f"[{', '.join(written(item, ascii_only=ascii_only) for item in value)}]"
    if isinstance(value, dict):
        members = [
            f"{json.dumps(name, ensure_ascii=ascii_only)}: {written(one, ascii_only=ascii_only)}"
            for name, item in value.items()
            for one in (item.values if isinstance(item, Repeated) else [item])
        ]
        return f"{{{', '.join(members)}}}"
    return json.dumps(value, ensure_ascii=ascii_only)


DIGITS = st.sampled_from(
    [
        "1.00000000000000001",
        "0.1000000000000000055",
        "7.2500000000000000000",
        "123456789.123456789123",
        "-0.000000000000000000",
        "1e-400",
        "1.0000000000000000e2",
    ]
).map(Digits)

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | REALS | DIGITS | TEXTS | times(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "@odata.type", "osPlatform", "vmId"]),
            inner | st.lists(inner, min_size=2, max_size=3).map(Repeated),
            max_size=3,
        )
    ),
    max_leaves=6,
)

OPEN_MEMBERS = st.dictionaries(st.sampled_from(["newKey", "q", "é"]), TEXTS | st.booleans() | WHOLES, max_size=2)
"""Of an object in a text: members that nobody lists to the end."""

DRIFTED = st.one_of(
    JSON_VALUES,
    WHOLES.map(str),
    REALS.map(repr),
    st.sampled_from(
        [
            "True",
            "false",
            "Unknown",
            "N/A",
            "7.0",
            "1e3",
            "007",
            "+1",
            " 7",
            "9223372036854775808",
            "2025-13-01",
            "2025-10-06T10:43:58.1234567+02:00",
            "20251006",
            "2025-10-06T24:00:00Z",
            "2025-10-06T10:43:60Z",
        ]
    ),
    st.integers(2**63 - 1, 2**64 + 1),
    st.sampled_from([7.0, 10.10, 1e300, -0.0, 9007199254740993.0, 1e-320]),
)


def one_in(number: int) -> st.SearchStrategy[bool]:
    return _ONE_IN[number]


_ONE_IN = {number: st.sampled_from([True, *[False] * (number - 1)]) for number in (4, 5, 8, 10)}
_PRESENCE = st.sampled_from(["absent", "null", "value", "value", "value", "value"])
_UNKNOWN_NAME = st.sampled_from(UNKNOWN_NAMES)


@cache
def spelled(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [spelling for name in names for spelling in (name, name[0].upper() + name[1:], name.upper(), name.lower())]
    )


@cache
def value(column: Column, drift: bool) -> st.SearchStrategy[Any]:
    """What a column's member may hold; with drift, one in eight has another type than the declared one."""
    one = members(column.members, drift) if column.members else FITTING[column.type]
    if column.in_text:
        in_texts = st.builds(lambda known, more: written(more | known, ascii_only=False), one, OPEN_MEMBERS)
        one = st.one_of(in_texts, BLANKS, one) if drift else in_texts | BLANKS
    if column.many:
        one = st.lists(one | st.none() if drift or column.type == TEXT else one, max_size=3)
    return one_in(8).flatmap(lambda drifted: DRIFTED if drifted else one) if drift else one


@st.composite
def _members(draw: st.DrawFn, columns: tuple[Column, ...], drift: bool) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    for column in columns:
        presence = draw(_PRESENCE)
        if presence == "absent":
            continue
        sent[column.member] = draw(value(column, drift)) if presence == "value" else None
        if drift and draw(one_in(10)):
            sent[column.member] = Repeated([sent[column.member], draw(value(column, drift) | st.none())])
        if drift and draw(one_in(10)):
            moved = sent.pop(column.member)
            sent[draw(spelled(column.member, *column.aliases))] = moved
            if draw(one_in(4)):
                sent[draw(spelled(column.member))] = draw(value(column, drift))
    if draw(one_in(5)):
        sent["@odata.type"] = draw(JSON_VALUES) if drift else "#microsoft.example"
    if drift and draw(one_in(5)):
        unknown = draw(JSON_VALUES)
        sent[draw(_UNKNOWN_NAME)] = Repeated([draw(JSON_VALUES), unknown]) if draw(one_in(10)) else unknown
    return sent


members = cache(_members)


@st.composite
def rows(draw: st.DrawFn, dataset: Dataset, *, drift: bool, max_size: int = 5) -> list[dict[str, Any]]:
    """Rows of a dataset, each with its key."""
    key = next(column for column in dataset.columns if column.name == dataset.key[0])
    others = members(tuple(column for column in dataset.columns if column is not key), drift)
    form = "2026-01-01T00:00:00.{:03}Z" if key.type == TIME else "key-{}"
    return [{key.member: form.format(number), **draw(others)} for number in range(draw(st.integers(0, max_size)))]


def respelled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as an export file has them: PascalCase, members without a value left out, objects likewise."""
    return [{_pascal(name): _respelled(item) for name, item in row.items() if item is not None} for row in rows]


def _respelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {_pascal(name): _respelled(item) for name, item in value.items() if item is not None}
    return [_respelled(item) for item in value] if isinstance(value, list) else value


def _pascal(name: str) -> str:
    name = name.replace("os", "OS", 1) if name.startswith("os") else name
    return name[:1].upper() + name[1:]


def as_page(rows: list[dict[str, Any]], link: str | None = None) -> bytes:
    page = {"@odata.context": "https://api.example.com/#Things", "value": rows, "@odata.nextLink": link}
    return written(page, ascii_only=True).encode()


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(written(row, ascii_only=False) for row in rows).encode("utf-8", "surrogatepass")
