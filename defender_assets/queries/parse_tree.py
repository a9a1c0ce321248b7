"""A statement as DuckDB's parser reads it.

Here: its tree, and the tables that it names. Not here: whether it may run (``statements.py``), what it compares
(``empty_answers.py``).
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from ..sql import open_session


def tree(sql: str) -> dict[str, Any] | None:
    """The statement as DuckDB gives it in JSON; None for one that it gives in no such form, such as a PIVOT."""
    try:
        with open_session() as connection:
            ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    except duckdb.Error:
        return None
    parsed: dict[str, Any] = json.loads(text)
    return None if parsed.get("error") else parsed


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Every node of a tree, or of a part of it."""
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from nodes(inner)


def table_names(sql: str) -> set[str] | None:
    """The tables that the statement reads, without the names that it gives to its own subqueries; None where that is
    not known, or where it asks for tables of DuckDB's own (information_schema)."""
    parsed = tree(sql)
    if parsed is None:
        try:
            with open_session() as connection:
                return set(connection.get_table_names(sql))
        except duckdb.Error:
            return None
    read = [node for node in nodes(parsed) if node.get("type") == "BASE_TABLE"]
    if any(node.get("schema_name") or node.get("catalog_name") for node in read):
        return None
    own = {named["key"].lower() for node in nodes(parsed) for named in (node.get("cte_map") or {}).get("map", [])}
    return {name for node in read if (name := node["table_name"]).lower() not in own}
