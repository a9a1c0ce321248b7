"""Quoting: names and values as DuckDB reads them.

Here: identifiers and literals. Not here: the statements that they are put into (``queries/``, ``compliance/engine/``).
"""

from collections.abc import Iterable


def identifier(name: str) -> str:
    """``"name"``"""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: Iterable[str]) -> str:
    """``"first", "second"``"""
    return ", ".join(identifier(name) for name in names)


def literal(value: str) -> str:
    """``'value'``"""
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """A list of texts: ``['first', 'second']``"""
    return "[" + ", ".join(literal(value) for value in values) + "]"
