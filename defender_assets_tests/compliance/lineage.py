"""The SQL of the derived tables, looked through by sqlglot: which columns each column is made from, and which columns
are copies. What a join, a condition or an EXISTS decides is not followed.

``python -m defender_assets_tests.compliance.lineage`` (``make snapshot``) writes what it finds beside the SQL; tables
whose SQL has not changed are not looked through again.
"""

import json
from pathlib import Path
from typing import Any

import defender_assets.compliance
from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import Policy
from defender_assets.compliance.derivation import DEVICES_OUT_OF_SCOPE, INPUT_STATE, input_state
from defender_assets.compliance.lineage import LINEAGE_FILE, sql_digest
from defender_assets.compliance.sql_files import table_sql

FILE = Path(defender_assets.compliance.__file__).with_name(LINEAGE_FILE)


def looked_through(table: str) -> dict[str, Any]:
    """``columns``: column -> [table, column] of each column of an input that it is made from; none for those made from
    none. ``copied``: those of the columns that hold the value of an input's column as it is."""
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    derived = DERIVED[table]
    names: dict[str, list[str]] = {name: rows.schema.names for name, rows in Policy.load("default").tables.items()}
    names |= {INPUT_STATE: input_state(()).schema.names, DEVICES_OUT_OF_SCOPE: ["device_id"]}
    names |= {name: TABLES[name].schema.names for name in (*derived.inputs, *derived.optional_inputs)}
    schema: dict[str, object] = {name: dict.fromkeys(columns, "text") for name, columns in names.items()}
    select = qualify(
        parse_one(table_sql(table), dialect="duckdb"), schema=schema, dialect="duckdb", validate_qualify_columns=False
    )
    scope = build_scope(select)
    found: dict[str, list[list[str]]] = {}
    copied: list[str] = []
    for column in derived.schema.names:
        node = lineage(column, select, schema=schema, scope=scope, dialect="duckdb", copy=False)
        steps = list(node.walk())
        origins = {
            (origin.expression.name, origin.name.rpartition(".")[2].strip('"'))
            for origin in steps
            if isinstance(origin.expression, exp.Table) and origin.expression.name in TABLES
        }
        if origins:
            found[column] = sorted(map(list, origins))
        if len(origins) == 1 and all(isinstance(step.expression.unalias(), exp.Column | exp.Table) for step in steps):
            copied.append(column)
    return {"columns": found, "copied": copied}


def as_text(found: dict[str, Any]) -> str:
    """One line a column, so that a change can be reviewed."""
    tables = []
    for table, entry in sorted(found.items()):
        columns = ",\n".join(
            f"    {json.dumps(column)}: {json.dumps(origins)}" for column, origins in entry["columns"].items()
        )
        copied = json.dumps(entry["copied"])
        tables.append(
            f' {json.dumps(table)}: {{"digest": {json.dumps(entry["digest"])}, "copied": {copied}, "columns": {{\n'
            f"{columns}}}}}"
        )
    return "{\n" + ",\n".join(tables) + "\n}\n"


def main() -> None:
    """Writes the file."""
    former: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    found = {}
    for table in DERIVED:
        digest = sql_digest(table)
        known = former.get(table, {})
        unchanged = known.get("digest") == digest and "copied" in known
        found[table] = known if unchanged else {"digest": digest, **looked_through(table)}
    FILE.write_text(as_text(found), encoding="utf-8")


if __name__ == "__main__":
    main()
