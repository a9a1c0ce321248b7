"""What sqlglot leaves as it is, and Spark understands in another way than DuckDB.

Each is rewritten so that Spark, and an engine that speaks its dialect (Sail), says what DuckDB says of the same rows:

- a span of days or hours is a number of microseconds, and months are made of a number: Sail multiplies no interval, and
  has no ``datediff`` in microseconds;
- a list of no rows is null, and ``max_by`` passes over rows without the value itself;
- a text is split at a text, which Spark reads as a regular expression, and a pattern's ``$`` is the very end of a text,
  its ``.`` anything but a line feed: Java's stop at other line ends too;
- ``hash`` has 64 bits, not 32.

Here: those. Not here: which part of a statement is computed first (``spark_sql.py``), and what the two engines cannot
be brought to agree on, which the SQL files avoid.
"""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

_MICROSECONDS = {"MICROSECOND": 1, "HOUR": 3_600_000_000, "DAY": 86_400_000_000}


def to_spark(tree: exp.Expr) -> None:
    """Rewrites a tree of DuckDB's dialect in place."""
    for node in reversed(list(tree.walk())):  # what is inside first
        if rewrite := _REWRITES.get(type(node)):
            rewritten = rewrite(node)
            if rewritten is not node:
                node.replace(rewritten)


def _moved(node: exp.Expr) -> exp.Expr:
    """A time plus or minus a span."""
    if months := _times(node.expression, "MONTH"):
        months = exp.cast(months, exp.DataType.Type.INT)
        interval = exp.Anonymous(this="make_ym_interval", expressions=[exp.Literal.number(0), months])
        return type(node)(this=node.this.copy(), expression=interval)
    span = _span(node.expression)
    if span is None:
        return node
    moved = type(node)(this=_micros(node.this.copy()), expression=span)
    return exp.Anonymous(this="timestamp_micros", expressions=[moved])


def _span(node: exp.Expr) -> exp.Expr | None:
    """An interval, or so many of it, in microseconds; None for anything else, and for months."""
    for unit, micros in _MICROSECONDS.items():
        if times := _times(node, unit):
            if isinstance(times, exp.Literal):
                return exp.Literal.number(int(times.name) * micros)
            return exp.Mul(this=exp.Literal.number(micros), expression=times)
    return None


def _times(node: exp.Expr, unit: str) -> exp.Expr | None:
    """How many of a unit: the number of an interval of it, or what an interval of one is multiplied by."""
    interval = node.this if isinstance(node, exp.Mul) else node
    if not isinstance(interval, exp.Interval) or str(interval.unit).upper() != unit:
        return None
    number = int(interval.this.name)
    if not isinstance(node, exp.Mul):
        return exp.Literal.number(number)
    times = node.expression.copy()
    return times if number == 1 else exp.Mul(this=exp.Literal.number(number), expression=times)


def _elapsed(node: exp.Expr) -> exp.Expr:
    """The microseconds from one time to another."""
    if str(node.args["unit"]).upper() != "MICROSECOND":
        return node
    return exp.Paren(this=exp.Sub(this=_micros(node.this.copy()), expression=_micros(node.expression.copy())))


def _micros(time: exp.Expr) -> exp.Expr:
    if isinstance(time, exp.Anonymous) and time.name == "timestamp_micros":
        micros: exp.Expr = time.expressions[0]
        return micros
    return exp.Anonymous(this="unix_micros", expressions=[time])


def _list(node: exp.Expr) -> exp.Expr:
    """A list of values, or null where there are none."""
    listed = node.this if isinstance(node, exp.Filter) else node
    if not isinstance(listed, exp.ArrayAgg) or isinstance(node.parent, exp.Filter):
        return node
    return exp.Nullif(this=node.copy(), expression=exp.Array(expressions=[]))


def _value_by(node: exp.Expr) -> exp.Expr:
    """The value where another is greatest or least, of the rows that have both."""
    has_value = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    node.set("expression", exp.Case().when(has_value, node.expression.copy()))
    return node


def _split(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal):
        return node
    pattern = exp.Literal.string(re.escape(node.expression.this))
    return exp.Anonymous(this="split", expressions=[node.this.copy(), pattern])


def _pattern(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        # A character class or an escaped character as it is; a full stop and a dollar sign outside of them.
        parts = re.findall(r"\[\^?\]?[^\]]*\]|\\.|.", pattern.this, re.DOTALL)
        spelled = "".join({".": r"[^\n]", "$": r"\z"}.get(part, part) for part in parts)
        node.set("expression", exp.Literal.string(spelled))
    return node


def _function(node: exp.Expr) -> exp.Expr:
    if node.name.lower() == "hash":
        node.set("this", "xxhash64")
    return node


_REWRITES: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Add: _moved,
    exp.Sub: _moved,
    exp.DateDiff: _elapsed,
    exp.ArrayAgg: _list,
    exp.Filter: _list,
    exp.ArgMax: _value_by,
    exp.ArgMin: _value_by,
    exp.Split: _split,
    exp.RegexpExtract: _pattern,
    exp.RegexpLike: _pattern,
    exp.RegexpReplace: _pattern,
    exp.Anonymous: _function,
}
