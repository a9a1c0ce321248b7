"""The SQL files, as text.

Here: one SELECT a file: ``tables/`` (each computes a derived table), ``headlines/`` (its headline numbers), ``checks/``
(the numbers that a check judges by). Not here: running them (``engine/``).
"""

from functools import cache
from importlib.resources import files


def table_sql(table: str) -> str:
    """The SELECT that computes a derived table."""
    return _read("tables", table)


def table_file(table: str) -> str:
    """The path of that file."""
    return str(files(__package__).joinpath("tables", f"{table}.sql"))


def headline_sql(table: str) -> str:
    """The SELECT of a derived table's headline numbers, one column each."""
    return _read("headlines", table)


def check_sql(check: str) -> str:
    """The SELECT of a check's numbers, one column each; ``checked_table`` in it is the table that is checked."""
    return _read("checks", check)


@cache
def _read(folder: str, name: str) -> str:
    return files(__package__).joinpath(folder, f"{name}.sql").read_text(encoding="utf-8")
