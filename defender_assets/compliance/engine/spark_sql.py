"""The SQL of compliance in Spark's dialect, in steps that Spark can plan.

    steps, query = spark_statements(sql)

Spark has no place for a common table expression that is read twice: it puts the expression where it is read, each
time. Of expressions that read each other twice the plan doubles with every one of them, and the longest SELECTs here
take more than four gigabytes to plan. So what would be repeated too often is a step: it is computed once, stored, and
read by name; the rest stays in the statement. Names are looked up as SQL does: the nearest WITH first, and in an
expression itself the one around it.

Here: which expressions are steps, and how they are called. Not here: how a part of a statement is put in Spark's words
(``spark_dialect.py``), and running it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import sqlglot
from sqlglot import exp

from .spark_dialect import to_spark

MOST_REPEATED = 12
"""Operators (tables read, joins, groupings, windows) that may be planned again rather than stored. A stored step takes
some tenths of a second, planning an operator some milliseconds."""


@dataclass(frozen=True)
class Step:
    """A SELECT in Spark's dialect, whose stored result is offered to what follows as the view ``name``. The name is
    that of the expression and some letters of its own: it never is that of a table, or of a step of another SELECT."""

    name: str
    sql: str


@dataclass(frozen=True)
class _Expression:
    """A common table expression, with names that are its alone and without a WITH of its own."""

    name: str
    query: exp.Query

    @property
    def reads(self) -> Counter[str]:
        """How often it reads which table."""
        return Counter(table.name for table in self.query.find_all(exp.Table))

    @property
    def is_worth_storing(self) -> bool:
        """Whether it gathers: what only picks columns and rows of tables is as large as they are, or one row."""
        return any(
            select.args.get("group") or select.args.get("distinct") or select.find(exp.Window)
            for select in self.query.find_all(exp.Select)
        )

    @property
    def operators(self) -> int:
        """What it adds to a plan, apart from the expressions that it reads."""
        selects = list(self.query.find_all(exp.Select))
        gathered = [s for s in selects if any(s.args.get(part) for part in ("group", "distinct"))]
        windows = {(w.args.get("partition_by") or [None])[0] for w in self.query.find_all(exp.Window)}
        joins = list(self.query.find_all(exp.Join, exp.SetOperation))
        return len(list(self.query.find_all(exp.Table))) + len(joins) + len(gathered) + len(windows)


def spark_statements(sql: str) -> tuple[tuple[Step, ...], str]:
    """A SELECT in DuckDB's dialect as steps, in their order, and the SELECT that reads them."""
    query = sqlglot.parse_one(sql, read="duckdb")
    if not isinstance(query, exp.Query):
        raise ValueError(f"only a SELECT can run on Spark, not {type(query).__name__.upper()}")
    to_spark(query)
    names = _Names(sql, {table.name for table in query.find_all(exp.Table)})
    expressions = {each.name: each for each in _taken_out(query, {}, names)}
    stored = _stored(expressions, query)
    steps = tuple(Step(name, _statement(expressions[name].query, expressions, stored)) for name in stored)
    return steps, _statement(query, expressions, stored)


class _Names:
    """New names for expressions, each of its own."""

    def __init__(self, sql: str, taken: Iterable[str]) -> None:
        self._mark = sha256(sql.encode()).hexdigest()[:8]
        self._taken = set(taken)

    def new(self, name: str) -> str:
        new, number = f"{name}_{self._mark}", 1
        while new in self._taken:
            number += 1
            new = f"{name}_{number}_{self._mark}"
        self._taken.add(new)
        return new


def _taken_out(node: exp.Expr, known: Mapping[str, str], names: _Names) -> Iterator[_Expression]:
    """Takes every WITH out of a tree, and gives what it names, in an order in which each reads earlier ones alone.
    ``known``: the new names of the expressions that can be read here."""
    if isinstance(node, exp.Table):
        if (new := known.get(node.name)) and not node.db:
            if not node.alias:
                node.set("alias", exp.TableAlias(this=node.this.copy()))
            node.set("this", exp.to_identifier(new))
    elif clause := node.args.get("with_"):
        if clause.recursive:
            raise ValueError("a WITH RECURSIVE cannot run on Spark")
        node.set("with_", None)
        for expression in clause.expressions:
            yield from _taken_out(expression.this, known, names)
            known = {**known, expression.alias: names.new(expression.alias)}
            yield _Expression(known[expression.alias], expression.this)
    for child in list(node.iter_expressions()):
        yield from _taken_out(child, known, names)


def _stored(expressions: Mapping[str, _Expression], query: exp.Query) -> list[str]:
    """The names of the expressions that are steps, in their order."""
    readers = [*expressions.values(), _Expression("", query)]
    read: Counter[str] = Counter()
    for reader in reversed(readers):  # what nothing reads reads nothing
        if reader.name == "" or read[reader.name]:
            read.update(reader.reads)
    size: dict[str, int] = {}
    stored: list[str] = []
    for name, expression in expressions.items():
        size[name] = expression.operators + sum((size.get(of, 1) - 1) * times for of, times in expression.reads.items())
        repeated = size[name] * (read[name] - 1)
        if repeated > MOST_REPEATED or (repeated > 0 and expression.is_worth_storing):
            stored.append(name)
            size[name] = 1
    return stored


def _statement(query: exp.Query, expressions: Mapping[str, _Expression], stored: Iterable[str]) -> str:
    """A query with the expressions that it reads, directly or not, except those that are stored."""
    inline: set[str] = set()
    pending = [query]
    while pending:
        names = {table.name for table in pending.pop().find_all(exp.Table)} & expressions.keys()
        new = names - inline - set(stored)
        inline |= new
        pending += [expressions[name].query for name in new]
    whole = query.copy()
    for name in expressions:
        if name in inline:
            whole = whole.with_(name, as_=expressions[name].query, copy=False)
    return whole.sql(dialect="spark")
