"""The record of every column that a table ever had, and what of it readers have to be told.

Here: the record, and its rule; ``python -m defender_assets_tests.upgrades.columns`` adds to the record what is new. Not
here: the data dictionary (docs/tables).

Readers ask for columns by their names and know their types. So a column is added freely; one that goes, or gets another
type, has a line in CHANGELOG.md that names it, as in `machines.risk_score`. The record keeps what is gone, so that
writing it anew hides nothing.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from defender_assets.catalog import TABLES

from ..rules.places import ROOT

RECORD = Path(__file__).with_name("columns.json")
CHANGELOG = ROOT / "CHANGELOG.md"

Columns = dict[str, str]
"""``table.column`` -> type; members of objects and lists one by one (``alerts.evidence[].sha1``)."""
Record = dict[str, list[str]]
"""``table.column`` -> the types that it had, the newest last."""


def columns_of(table: str, schema: pa.Schema) -> Columns:
    """The columns of one table, with the members of nested ones."""

    def members(name: str, kind: pa.DataType) -> Iterator[tuple[str, str]]:
        if pa.types.is_list(kind):
            yield from members(f"{name}[]", kind.value_type)
        elif pa.types.is_struct(kind):
            for field in kind:
                yield from members(f"{name}.{field.name}", field.type)
        else:
            yield name, str(kind)

    return dict(pair for field in schema for pair in members(f"{table}.{field.name}", field.type))


def declared() -> Columns:
    """The columns of every table of this version."""
    return {name: kind for table in TABLES.values() for name, kind in columns_of(table.name, table.schema).items()}


def recorded() -> Record:
    record: Record = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def untold(record: Mapping[str, list[str]], columns: Mapping[str, str], changelog: str) -> list[str]:
    """A sentence for each column that is not in the record as it is, and for each that went or changed its type without
    a line in the changelog."""
    problems = []
    for name, kind in columns.items():
        known = record.get(name, [])
        if kind not in known[-1:]:
            problems.append(f"{name} ({kind}) is not in the record: make snapshot")
        if (len(known) > 1 or (known and kind != known[-1])) and f"`{name}`" not in changelog:
            was = next(former for former in reversed(known) if former != kind)
            problems.append(f"{name} was {was} and is {kind}: CHANGELOG.md has to say what that means for readers")
    for name in record:
        if name not in columns and f"`{name}`" not in changelog:
            problems.append(f"{name} is gone: CHANGELOG.md has to say what readers do without it")
    return problems


def added_to(record: Mapping[str, list[str]], columns: Mapping[str, str]) -> Record:
    """The record with what is new. Nothing leaves it."""
    grown = {name: list(types) for name, types in record.items()}
    for name, kind in columns.items():
        if kind not in grown.setdefault(name, [])[-1:]:
            grown[name].append(kind)
    return dict(sorted(grown.items()))


if __name__ == "__main__":
    lines = (
        f"{json.dumps(name)}: {json.dumps(types)}"
        for name, types in added_to(recorded() if RECORD.exists() else {}, declared()).items()
    )
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
