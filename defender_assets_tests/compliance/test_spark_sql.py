"""A SELECT as steps that Spark can plan: what is stored, what stays inline, and that names keep their meaning."""

from importlib.resources import files

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from defender_assets.compliance.engine.spark_sql import spark_statements

FOLDERS = [files("defender_assets.compliance") / folder for folder in ("tables", "headlines", "checks")]
FILES = sorted(file for folder in FOLDERS for file in folder.iterdir())


def _as_steps(sql: str) -> list[tuple]:
    """The rows of a SELECT that is run step by step."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE numbers AS SELECT range AS number FROM range(10)")
        steps, query = spark_statements(sql)
        for step in steps:
            (select,) = sqlglot.transpile(step.sql, read="spark", write="duckdb")
            connection.execute(f"CREATE TABLE {step.name} AS {select}")
        (select,) = sqlglot.transpile(query, read="spark", write="duckdb")
        return sorted(connection.execute(select).fetchall())


TWICE = "(SELECT a.number FROM {0} AS a INNER JOIN {0} AS b ON b.number = a.number)"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT number FROM numbers WHERE number < 2", [0, 1]),
        # an expression with the name of the table that it reads
        ("WITH numbers AS (SELECT DISTINCT number + 1 AS number FROM numbers) SELECT min(number) FROM numbers", [1]),
        # one that names the same again, inside another
        (
            "WITH few AS (SELECT number FROM numbers WHERE number < 2) SELECT number FROM few UNION ALL "
            "SELECT number FROM (WITH few AS (SELECT number + 10 AS number FROM few) SELECT number FROM few) AS f",
            [0, 1, 10, 11],
        ),
        # the same expression in two places, each with its own meaning
        (
            "SELECT few.number FROM (WITH few AS (SELECT DISTINCT number FROM numbers WHERE number < 2) "
            f"SELECT * FROM {TWICE.format('few')} AS t) AS few UNION ALL "
            "SELECT few.number FROM (WITH few AS (SELECT DISTINCT number FROM numbers WHERE number > 8) "
            f"SELECT * FROM {TWICE.format('few')} AS t) AS few",
            [0, 1, 9],
        ),
        # a subquery in a condition sees the expressions around it
        (
            "WITH few AS (SELECT max(number) AS number FROM numbers) "
            "SELECT number FROM numbers "
            "WHERE number = (SELECT number FROM few) OR number IN (SELECT number - 9 FROM few)",
            [0, 9],
        ),
        # a column of the expression by its name
        ("WITH few AS (SELECT 7 AS number) SELECT few.number FROM few", [7]),
    ],
)
def test_a_select_in_steps_says_the_same(sql, rows) -> None:
    assert _as_steps(sql) == [(row,) for row in rows]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE numbers AS SELECT range AS number FROM range(10)")
        assert sorted(connection.execute(sql).fetchall()) == [(row,) for row in rows]


def test_an_expression_that_gathers_is_stored_when_two_read_it() -> None:
    once = "WITH a AS (SELECT number FROM numbers GROUP BY number), unread AS (SELECT * FROM a) SELECT * FROM a"
    assert spark_statements(once)[0] == ()
    twice = f"WITH a AS (SELECT number FROM numbers GROUP BY number) SELECT * FROM {TWICE.format('a')} AS t"
    (step,), query = spark_statements(twice)
    assert step.name.startswith("a_")
    assert query.count(step.name) == 2
    assert "GROUP BY" in step.sql
    assert "GROUP BY" not in query
    one_row = f"WITH a AS (SELECT max(number) AS number FROM numbers) SELECT * FROM {TWICE.format('a')} AS t"
    assert spark_statements(one_row)[0] == ()


def test_a_chain_that_doubles_with_each_link_is_planned_in_linear_time() -> None:
    chain = ", ".join(f"n{link + 1} AS {TWICE.format(f'n{link}')}" for link in range(40))
    steps, query = spark_statements(f"WITH n0 AS (SELECT number FROM numbers), {chain} SELECT number FROM n40")
    assert len(steps) < 20
    assert all(_planned(statement) < 100 for statement in (*(step.sql for step in steps), query))
    assert _as_steps(f"WITH n0 AS (SELECT number FROM numbers), {chain} SELECT max(number) FROM n40") == [(9,)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_statement_of_a_file_is_long_when_its_expressions_stand_where_they_are_read(file) -> None:
    steps, query = spark_statements(file.read_text())
    # the longest are verdict_reasons and patch_findings
    assert all(_planned(statement) <= 90 for statement in (*(step.sql for step in steps), query))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_file_has_a_condition_for_which_spark_compares_each_row_with_each(file) -> None:
    query = sqlglot.parse_one(file.read_text(), read="duckdb")
    assert [each.sql() for each in query.find_all(exp.In) if each.args.get("query")] == []


def _planned(sql: str) -> int:
    """How many tables a statement reads when every expression stands where it is read."""
    tree = sqlglot.parse_one(sql, read="spark")
    sizes: dict[str, int] = {}
    for expression in tree.ctes:
        sizes[expression.alias] = sum(sizes.get(table.name, 1) for table in expression.this.find_all(exp.Table))
    if clause := tree.args.get("with_"):
        clause.pop()
    return sum(sizes.get(table.name, 1) for table in tree.find_all(exp.Table))


@pytest.mark.parametrize(
    "sql", ["DROP TABLE numbers", "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a"]
)
def test_what_cannot_run_on_spark_is_refused(sql) -> None:
    with pytest.raises(ValueError, match=r"on Spark"):
        spark_statements(sql)


@pytest.mark.parametrize(
    ("duckdbs", "sparks"),
    [
        ("date_diff('microsecond', a, b) // 86400000000", "(UNIX_MICROS(b) - UNIX_MICROS(a)) DIV 86400000000"),
        ("a - INTERVAL 7 DAY", "TIMESTAMP_MICROS(UNIX_MICROS(a) - 604800000000)"),
        ("a + INTERVAL 1 DAY * (n - 1)", "TIMESTAMP_MICROS(UNIX_MICROS(a) + 86400000000 * (n - 1))"),
        ("a + INTERVAL 1 MONTH * n", "a + MAKE_YM_INTERVAL(0, CAST(n AS INT))"),
        ("string_split(a, '|')", r"SPLIT(a, '\\|')"),
        ("regexp_extract(a, '^x([.].*)?$', 1)", r"REGEXP_EXTRACT(a, '^x([.][^\\n]*)?\\z')"),
        ("list(a) FILTER (WHERE b)", "NULLIF(COLLECT_LIST(a) FILTER(WHERE b), ARRAY())"),
        ("min_by(a, b)", "MIN_BY(a, CASE WHEN NOT a IS NULL THEN b END)"),
        ("hash(a, b)", "XXHASH64(a, b)"),
    ],
)
def test_what_spark_takes_in_another_way_is_said_in_its_words(duckdbs, sparks) -> None:
    # That these mean the same, test_spark.py says.
    assert spark_statements(f"SELECT {duckdbs} FROM t") == ((), f"SELECT {sparks} FROM t")
