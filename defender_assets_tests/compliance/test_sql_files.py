"""The SQL files of tables, headlines and checks: complete, free of the wall clock, and the same in Spark's dialect."""

import re
from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from defender_assets.catalog.derived import DERIVED
from defender_assets.compliance import TABLE_CHECKS, check_sql, headline_sql, table_sql
from defender_assets.compliance.derivation import DEVICES_OUT_OF_SCOPE, INPUT_STATE
from defender_assets.compliance.engine.duckdb_steps import stored_expressions
from defender_assets.compliance.policy import BASE_SCOPE, SCHEMAS
from defender_assets.compliance.rest_of_fleet import NO_REST
from defender_assets.compliance.table_checks import CHECKED

NAMES = {"tables": set(DERIVED), "headlines": set(DERIVED), "checks": {check.name for check in TABLE_CHECKS}}
SQL = {
    f"{folder}/{name}": read(name)
    for folder, read in (("tables", table_sql), ("headlines", headline_sql), ("checks", check_sql))
    for name in sorted(NAMES[folder])
}


@pytest.mark.parametrize("folder", NAMES)
def test_everything_declared_has_its_file_and_no_file_is_left_over(folder) -> None:
    found = files("defender_assets.compliance") / folder
    assert {entry.name for entry in found.iterdir()} == {f"{name}.sql" for name in NAMES[folder]}


@pytest.mark.parametrize("table", DERIVED.values(), ids=DERIVED)
def test_a_headline_file_selects_the_declared_headlines_of_its_table(table) -> None:
    tree = sqlglot.parse_one(headline_sql(table.name), read="duckdb")
    assert tree.named_selects == [headline.name for headline in table.headlines]
    assert {node.name for node in tree.find_all(exp.Table)} == {table.name}
    assert headline_sql(table.name).startswith(f"-- {table.name}: ")


@pytest.mark.parametrize("check", TABLE_CHECKS, ids=lambda check: f"{check.table}-{check.name}")
def test_a_check_file_reads_what_its_check_declares(check) -> None:
    tree = sqlglot.parse_one(check_sql(check.name), read="duckdb")
    read = {node.name for node in tree.find_all(exp.Table)} - {cte.alias for cte in tree.find_all(exp.CTE)}
    assert {check.table if name == CHECKED else name for name in read - set(SCHEMAS)} == set(check.inputs)
    assert check_sql(check.name).startswith(f"-- {check.name}: ")


@pytest.mark.parametrize("table", DERIVED)
def test_a_file_reads_what_its_table_declares_and_tables_of_the_policy(table) -> None:
    tree = sqlglot.parse_one(table_sql(table), read="duckdb")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    read = {node.name for node in tree.find_all(exp.Table)} - own
    declared = {*DERIVED[table].inputs, *DERIVED[table].optional_inputs}
    assert {
        name for name in read if name not in {*SCHEMAS, INPUT_STATE, DEVICES_OUT_OF_SCOPE, *NO_REST.tables()}
    } == declared
    # and its head says so
    head = table_sql(table).split("WITH\n")[0].split("SELECT")[0]
    assert head.startswith(f"-- {table}: ")
    assert all(name in head for name in declared)


@pytest.mark.parametrize("table", DERIVED)
def test_a_file_selects_the_columns_of_the_catalog_in_their_order(table) -> None:
    selected = sqlglot.parse_one(table_sql(table), read="duckdb").named_selects
    assert selected == DERIVED[table].schema.names


@pytest.mark.parametrize("file", SQL)
def test_a_file_transpiles_to_spark(file) -> None:
    (spark,) = sqlglot.transpile(SQL[file], read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    # what sqlglot does not know it leaves as it is: functions that only DuckDB has would fail there
    functions = {node.name.lower() for node in sqlglot.parse_one(spark, read="spark").find_all(exp.Anonymous)}
    assert functions <= {"hash", "split_part"}


@pytest.mark.parametrize("table", DERIVED)
def test_duckdb_stores_what_a_file_materializes_and_computes_the_same(table) -> None:
    stored, rest = stored_expressions(table_sql(table))
    expressions = sqlglot.parse_one(table_sql(table), read="duckdb").find_all(exp.CTE)
    materialized = {each.alias: each.this for each in expressions if each.args.get("materialized")}
    assert [expression.table for expression in stored] == [f"stored_{name}" for name in materialized]
    # Each is found whole, up to its own closing bracket, and read where it was.
    for expression, (name, query) in zip(stored, materialized.items(), strict=True):
        reading = sqlglot.parse_one(expression.sql, read="duckdb")
        assert reading.sql().endswith(f"SELECT * FROM {name}")
        (found,) = (each.this for each in reading.find_all(exp.CTE) if each.alias == name)
        assert found == query
    named = {each.alias: each.this.sql() for each in sqlglot.parse_one(rest, read="duckdb").find_all(exp.CTE)}
    assert {name: named[name] for name in materialized} == {
        name: f"SELECT * FROM stored_{name}" for name in materialized
    }


# What was found to differ between the two engines, or to be wrong in one of them, however it is transpiled.
TRAPS = {
    r"\bnow\s*\(|current_(date|timestamp)|\btoday\s*\(": "the wall clock: as_of is when the machines were observed",
    r"string_split\([^,]+,\s*'\.'": "splitting on a full stop: Spark reads it as a regular expression",
    r"regexp_\w+\([^']*'[^']*\\": "a backslash in a pattern: Spark takes it from the text first",
    r"date_diff\('(?!microsecond)": "a difference in days counts midnights in one engine and days in the other",
    r"datediff|date_sub|age\(": "another difference of dates",
    r"list_(intersect|has_any|has_all|concat)": "list functions that sqlglot leaves as they are",
    r"\bqualify\b": "Spark has none",
    r"[\w)\]'\"]::[a-z_]": "casts are written out",
    r"\bfloat\b|\breal\b|\bdecimal\b": "numbers with a fraction are doubles",
    r"[^e\d]\d+\.\d+[^'\d]": "a literal with a full stop is a decimal in Spark",
    r"array_agg|string_agg": "list or a join instead",
    r"\blen\(": "the length of a list: sqlglot makes it that of a text",
    r"\bregexp_matches\((?!r\.release)": "only anchored patterns are the same in both",
    r"\b(max_by|arg_m\w+|first|last|any_value|mode)\s*\(": "of rows that tie each engine takes another one",
    r"\bmin_by\((?!\w+\.\w+, \w+\.position\))": "only a place of its own says which of several",
    r"\|\|": "null in one engine where a part is; concat passes over it in both",
    r"\bupper\((?!trim\((cve_)?id\)\))": "ß is one letter in one engine and two in the other",
    r"\b(ilike|collate|similar to|escape)\b": "other words for case and for patterns",
    r"\bsubstr\([^()]*, (0|-)|\bsplit_part\([^()]*, (0|-)": "places from the end, and before the first",
    r"count\(distinct (\(|row|struct|\{)": "combinations with a null count in one engine",
}


@pytest.mark.parametrize("file", SQL)
def test_a_file_avoids_what_is_not_the_same_in_both_engines(file) -> None:
    code = re.sub(r"--[^\n]*", "", SQL[file]).lower()
    found = {why: match.group(0) for trap, why in TRAPS.items() if (match := re.search(trap, code))}
    assert not found


# What a list is made of is never null there: one engine keeps nulls, the other drops them.
NEVER_NULL = {"reason", "gap", "component", "configuration_id", "title", "cve_id", "trim(kind)"}


def problems_of_lists_patterns_and_casts(sql: str) -> list[str]:
    """Expressions that the engines may take in two ways, found where a pattern over the text would not see them."""
    found, tree = [], sqlglot.parse_one(sql, read="duckdb")
    for listed in tree.find_all(exp.ArrayAgg):
        value = listed.this.expressions[0] if isinstance(listed.this, exp.Distinct) else listed.this
        of = value.name if isinstance(value, exp.Column) else value.sql("duckdb").lower()
        kept = listed.parent.expression.sql("duckdb") if isinstance(listed.parent, exp.Filter) else ""
        is_text = isinstance(value, exp.Concat | exp.ConcatWs | exp.Coalesce | exp.Case)
        if of not in NEVER_NULL and not is_text and f"NOT {value.sql('duckdb')} IS NULL" not in kept:
            found.append(f"nulls in {listed.sql('duckdb')}")
    for pattern in tree.find_all(exp.RegexpExtract, exp.RegexpReplace, exp.RegexpLike):
        text = pattern.expression.name
        if not text.startswith("^") and not text.endswith("$"):
            found.append(f"{text} may be anywhere, and once or more often")
    for cast in tree.find_all(exp.Cast):
        of_text = cast.find(exp.Substring, exp.RegexpExtract, exp.SplitPart, exp.Trim)
        if type(cast) is exp.Cast and cast.is_type("bigint", "int", "double") and of_text:
            found.append(f"{cast.sql('duckdb')} fails in one engine where the other has not come to it")
    return found


@pytest.mark.parametrize("file", SQL)
def test_lists_patterns_and_casts_are_the_same_in_both_engines(file) -> None:
    assert problems_of_lists_patterns_and_casts(SQL[file]) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(device_name) FROM t",
        "SELECT list(DISTINCT machine_id) FILTER (WHERE id IS NOT NULL) FROM t",
        "SELECT regexp_replace(a, '[.]', '') FROM t",
        "SELECT CAST(substr(a, 1, 2) AS BIGINT) FROM t",
    ],
)
def test_what_the_engines_take_in_two_ways_is_found(sql) -> None:
    assert len(problems_of_lists_patterns_and_casts(sql)) == 1


@pytest.mark.parametrize("table", DERIVED)
def test_nulls_have_their_place_wherever_order_decides(table) -> None:
    # The two engines put nulls at different ends unless they are told.
    for order in re.findall(r"ORDER BY ((?:[^()]|\([^()]*\))*)\) AS rank", table_sql(table)):
        first, *ties = re.split(r",(?![^(]*\))", order.strip())
        assert re.search(r"NULLS (FIRST|LAST)$", first.strip()), order
        # what breaks ties is a key, which is never null
        assert [tie.strip() for tie in ties] in (["device_id"], ["id"], ["machine_id"]), order


def test_the_scope_of_all_devices_is_the_one_that_the_policy_is_compiled_with() -> None:
    assert f"coalesce(d.scope, '{BASE_SCOPE}')" in table_sql("patch_findings")


@pytest.mark.parametrize("table", DERIVED)
def test_no_limit_of_a_policy_stands_in_the_code(table) -> None:
    code = re.sub(r"--[^\n]*", "", table_sql(table))
    intervals = set(re.findall(r"INTERVAL \d+ \w+(?: \* [\w.]+)?", code))
    # units only, and one calendar day: what a catalogue's date ends with, and what a window of days ends with
    assert all(
        re.fullmatch(r"INTERVAL 1 (DAY|HOUR|MONTH|MICROSECOND)( \* [\w.]+)?", interval) for interval in intervals
    )
