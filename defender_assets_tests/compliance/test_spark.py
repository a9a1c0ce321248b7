"""The same SQL on Spark, and on Sail, which speaks Spark's dialect without Java: every derived table, check, headline
and query of the report, as DuckDB has it.

What is compared: rows, their types, and where a SELECT has an order, that. Doubles that are summed may differ in their
last digits; nothing that is judged hangs on these.
"""

import math
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import TABLE_CHECKS, Inputs, Policy, derive_one, headline_numbers
from defender_assets.compliance.engine import Engine
from defender_assets.report.snapshot import sql_of

from ..peers import library
from .engines.spark_processes import spark_home
from .spark_tenant import OURS, golden_tenant, nothing_but_machines, random_tenant, report_tables
from .tenant import ENGINE, derived

pytestmark = pytest.mark.filterwarnings("ignore")

TENANTS = {"golden": golden_tenant, "random": lambda: random_tenant(1), "machines": nothing_but_machines}
CASES = [
    ("golden", "default"),
    ("golden", "essential8-ml3"),
    ("random", "ours"),
    ("random", "cisa-bod-26-04"),
    ("machines", "fedramp-vdr-2026-class-b"),
]
# On Spark each takes minutes, most of them for the start of many small jobs; on Sail seconds.
ON_SPARK = [("golden", "default"), ("random", "ours")]
QUICK = ("sail", "golden", "default")
"""What takes seconds, and goes through all of the engine."""
_ON_EVERY_CORE = [pytest.mark.slow, pytest.mark.alone]
TABLES_OF = [
    *(pytest.param("spark", *of, marks=_ON_EVERY_CORE) for of in ON_SPARK),
    *(pytest.param(*case, marks=() if case == QUICK else pytest.mark.slow) for case in [("sail", *of) for of in CASES]),
]
NAN_ON_SAIL = {
    "software_exposure": {"worst_cvss"},
    "missing_updates": {"worst_cvss"},
    "device_controls": {"configuration_impact"},
}
"""Sail's max passes over what is no number, which Spark and DuckDB take for the greatest: no score is one."""
SMALL = "-Dspark.sql.shuffle.partitions=2 -Dspark.default.parallelism=2 -Dspark.sql.adaptive.enabled=false"
"""Spark's own settings, for some hundred rows: two partitions, and no plan anew after each."""
QUERIES = sorted(
    entry.name.removesuffix(".sql")
    for entry in (files("defender_assets.report") / "sql").iterdir()
    if entry.name.endswith(".sql")
)


SAIL = """
import sys
sys.modules["pyspark"] = None  # Sail starts no session beside a PySpark that is newer than itself
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module", params=["spark", "sail"])
def spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Spark in this process, on two threads; Sail in one of its own."""
    with {"spark": _spark, "sail": _sail}[request.param](tmp_path_factory.mktemp("lake")) as engine:
        yield engine


@contextmanager
def _spark(lake: Path) -> Iterator[Engine]:
    spark_home()  # skipped, or in CI failed, where there is none
    from pyspark import SparkContext

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_SUBMIT_OPTS", SMALL)
        yield _engine(lake, master="local[2]")
    if (context := SparkContext._active_spark_context) is not None:
        context.stop()


@contextmanager
def _sail(lake: Path) -> Iterator[Engine]:
    library("pysail", "pysail")
    library("pyspark", "defender-assets[spark]")
    with subprocess.Popen(
        [sys.executable, "-c", SAIL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield _engine(lake, remote=f"sc://127.0.0.1:{int(server.stdout.readline())}")
        finally:
            server.stdin.close()
            server.kill()


def _engine(lake: Path, **place: str) -> Engine:
    from defender_assets.compliance.engine.spark_driver import SparkPlace
    from defender_assets.compliance.engine.spark_engine import SparkEngine

    return SparkEngine(ENGINE.limits, SparkPlace(**place), staging=str(lake / "staging"), lake=str(lake))


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Policy]:
    """The policies of the cases, read once."""
    ours: Path = tmp_path_factory.mktemp("policy") / "ours.yaml"
    ours.write_text(OURS)
    return {name: Policy.load(ours if name == "ours" else name) for _, name in CASES}


@cache
def _tenant(name: str) -> Inputs:
    return TENANTS[name]().inputs


def _differences(ours: pa.Table, theirs: pa.Table, *, ordered: bool = False) -> dict[str, Any]:
    """The columns that differ between two results, each with the first pair of values."""
    if ours.schema.names != theirs.schema.names or ours.num_rows != theirs.num_rows:
        return {"": ((ours.num_rows, ours.schema.names), (theirs.num_rows, theirs.schema.names))}
    found: dict[str, Any] = {}
    for one, other in zip(_rows(ours, ordered), _rows(theirs, ordered), strict=True):
        for name in one:
            if not _same(one[name], other[name]):
                found.setdefault(name, (one[name], other[name]))
    return found


def _apart(differing: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    return {name: set(columns) for name, columns in differing.items() if columns}


def _of_nan(engine: Engine, names: Collection[str]) -> dict[str, set[str]]:
    """What differs on Sail where an input has numbers that are none."""
    return {name: columns for name, columns in NAN_ON_SAIL.items() if name in names and "sc://" in engine.name}


def _rows(table: pa.Table, ordered: bool) -> list[dict[str, Any]]:
    # Whole numbers and texts first: doubles that differ in a last digit must not change the order.
    rows = table.to_pylist()
    exact = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    return rows if ordered else sorted(rows, key=lambda row: repr([row[name] for name in exact]))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(("spark", "tenant", "policy"), TABLES_OF, indirect=["spark"])
def test_every_derived_table_is_the_same_on_spark(spark, policies, tenant, policy) -> None:
    inputs = _tenant(tenant)
    ours = derived(inputs, policies[policy], *DERIVED)
    differing = {}
    for name, table in DERIVED.items():
        with derive_one(name, {**inputs, **ours}, policies[policy], engine=spark) as derivation:
            theirs = derivation.reader().read_all()
        assert theirs.schema == table.schema
        differing[name] = _differences(ours[name], theirs)
    assert _apart(differing) == (_of_nan(spark, DERIVED) if tenant == "random" else {}), differing


@pytest.mark.parametrize("spark", [pytest.param("spark", marks=_ON_EVERY_CORE), "sail"], indirect=True)
def test_what_is_made_without_findings_is_the_same_on_spark(spark, policies) -> None:
    inputs = golden_tenant().without("software_vulnerabilities", "software_vulnerability_changes").inputs
    ours = derived(inputs, policies["default"], "fleet_summary", "verdict_reasons")
    assert "patch_findings" not in ours
    assert ours["fleet_summary"]["open_findings"].null_count == 1
    for name in ("fleet_summary", "verdict_reasons"):
        with derive_one(name, {**inputs, **ours}, policies["default"], engine=spark) as derivation:
            assert _differences(ours[name], derivation.reader().read_all()) == {}, name


@pytest.mark.parametrize(
    ("spark", "tenant"),
    [
        pytest.param("spark", "random", marks=_ON_EVERY_CORE),
        pytest.param("sail", "random", marks=pytest.mark.slow),
        ("sail", "golden"),
    ],
    indirect=["spark"],
)
def test_every_headline_and_every_check_says_the_same_on_spark(spark, policies, tenant) -> None:
    inputs, policy = _tenant(tenant), policies["ours" if tenant == "random" else "default"]
    ours = derived(inputs, policy, *DERIVED)
    for name in DERIVED:
        expected = headline_numbers(name, ours[name], engine=ENGINE)
        assert _same(expected, headline_numbers(name, ours[name], engine=spark)), name
    for check in TABLE_CHECKS:
        expected, found = (check.run({**inputs, **ours}, policy, engine=engine) for engine in (ENGINE, spark))
        assert (found.passed, found.message) == (expected.passed, expected.message)
        assert _same(dict(found.numbers), dict(expected.numbers)), check.name


@pytest.mark.slow
@pytest.mark.alone
def test_every_query_of_the_report_has_the_same_rows_in_the_same_order_on_spark(spark, policies) -> None:
    inputs = _tenant("random")
    tables = report_tables(inputs, derived(inputs, policies["ours"], *DERIVED))
    differing = {}
    with ENGINE.session() as here, spark.session() as there:
        for session in (here, there):
            for name, rows in tables.items():
                if name in TABLES:
                    session.register(TABLES[name], rows)
                else:
                    session.register_rows(name, rows)
        for query in QUERIES:
            sql = sql_of(query)
            tree = sqlglot.parse_one(sql, read="duckdb")
            results = [pa.Table.from_pylist(session.rows(sql)) for session in (here, there)]
            differing[query] = _differences(*results, ordered=tree.args.get("order") is not None)
    assert _apart(differing) == _of_nan(spark, QUERIES), differing


# What means something else in Spark until it is rewritten, or was suspected to: an expression of the SQL files, over
# values that show it.
ODD = pa.table(
    {
        "number": pa.array(range(14), pa.int64()),
        "text": [None, "", " ", "a", "A.b.c", "10.1\n", "10.\r1", "äöü", "👩‍👧x", "a,b,", "a|b", "x\\y", "%_", "a, c"],
        "other": ["b", None, "", "a", "a", "10", "1", "x", "y", "b", None, "B", "ß", "c"],
        "whole": pa.array([None, -5, 0, 5, 7, -7, 10**12, 1, 2, 3, 4, -1, 8, 9], pa.int64()),
        "real": [None, math.nan, math.inf, -0.0, 0.0, 0.1, -1.5, 2.5, 1e300, 0.3, 3.0, 4.0, 0.7, 100.0],
        "seen": pa.array([None, -1, 0, 1, -86_400_000_001, -(2**51), 2**51, *range(10**15, 7 * 10**15, 10**15), 5],
                       pa.timestamp("us", tz="UTC")),
        "flag": [None, True, False, True, False, None, True, False, True, None, True, False, True, False],
        "words": pa.array([None, [], ["a"], ["b", "a", "B"], [""], *[["x"]] * 9], pa.list_(pa.string())),
        "thing": pa.array([None, *[{"name": "x", "value": None}] * 6, *[{"name": None, "value": 1}] * 7],
                          pa.struct([("name", pa.string()), ("value", pa.int64())])),
    }
)  # fmt: skip
BY_ROW = [
    "whole // 2", "whole // -2", "whole % 3", "whole / 2", "whole / nullif(whole - 5, 0)", "whole & 5 = 5",
    "100 * whole", "CAST(100 * whole AS DOUBLE) / 3", "CAST(whole AS VARCHAR)", "abs(whole)",
    "repeat('0:', 3 - length(text))", "CASE WHEN real > 0 THEN 'more' WHEN real <= 0 THEN 'not more' END",
    "real >= 0 AND real < 1000000",
    "CASE WHEN real >= 0 AND real < 1000000 THEN CAST(floor(100 * real) AS BIGINT) END",
    "CASE WHEN real >= 0 AND real < 1000000 THEN CAST(ceil(100 * real) AS BIGINT) END",
    "CASE WHEN real >= 0 AND real < 1000000 THEN CAST(round(real * 1000000) AS BIGINT) END", "coalesce(real, 0)",
    "nullif(real, 0)", "least(whole, 3, NULL)", "greatest(whole, 3)", "least(seen, seen + INTERVAL 1 DAY)",
    "text < other", "text IN ('a', NULL)", "text NOT IN ('a', '')", "text IS NOT DISTINCT FROM other", "text <> ''",
    "'a' IN (text, other, NULL)", "thing IS NOT DISTINCT FROM thing", "thing.name <> ''", "concat(text, '-', other)",
    "concat_ws('; ', text, other)", "concat_ws('; ', NULL, other)", "lower(text)", "trim(text)", "length(text)",
    "length(trim(text))", "substr(text, 1, 2)", "substr(text, 2)", "substr(text, 3, 1)", "left(text, 2)",
    "replace(text, '.', '')", "replace(text, '|', '')", "ltrim(text, 'a')", "lpad(text, 3, '0')",
    "starts_with(text, other)", "text LIKE 'a%'", "text LIKE '%_%'", "text LIKE 'a_b'", "text LIKE '%,%'",
    "text NOT LIKE '%.%'", "split_part(text, '.', 1)", "split_part(text, '.', 3)", "split_part(text, '|', 2)",
    "split_part(text, ', ', 2)", "string_split(text, ',')", "string_split(text, ', ')", "string_split(text, '|')",
    "string_split(text, '.')", "list_contains(string_split(text, ','), 'a')",
    "regexp_extract(text, '^([0-9]+)[.]([0-9]+)$', 1)", "regexp_extract(text, '^(10)(?:[.].*)?$', 1)",
    "regexp_extract(text, '^(10)(x)?', 2)", "regexp_replace(text, '^a[.,|]', '')",
    "regexp_replace(text, '[.]?b$', '')", "regexp_matches(text, '^10[.]1$')",
    "TRY_CAST(nullif(regexp_extract(text, '([0-9]+)', 1), '') AS BIGINT)", "seen + INTERVAL 1 DAY",
    "seen - INTERVAL 1 MICROSECOND", "seen + INTERVAL 1 DAY * (whole % 1000)",
    "seen - INTERVAL 1 HOUR * (whole % 1000 - 1)",
    "CASE WHEN whole < 9 THEN seen + INTERVAL 1 HOUR * 24 + INTERVAL 1 MONTH * whole END", "date_trunc('day', seen)",
    "date_diff('microsecond', seen, CAST('2026-01-31' AS TIMESTAMPTZ)) // 86400000000",
    "date_diff('microsecond', CAST('1969-12-31' AS TIMESTAMPTZ), seen)",
    "seen <= seen - INTERVAL 1 DAY * (whole % 1000)",
    "CASE WHEN number NOT IN (5, 6) THEN CAST(CAST(seen AS DATE) AS VARCHAR) END",
    "extract(YEAR FROM seen) * 12 + extract(MONTH FROM seen)", "list_contains(words, 'a')", "list_append(words, 'z')",
    "list_sort(words)", "coalesce(words, [])", "array_to_string(words, ', ')", "array_slice(words, 1, 2)",
    "[concat('p_', other)]", "NOT flag", "flag AND whole > 3", "flag OR whole > 3", "coalesce(flag, FALSE)",
]  # fmt: skip
OF_ALL = [
    "count(*)", "count(text)", "count(DISTINCT text)", "count(DISTINCT thing)", "count(*) FILTER (WHERE flag)",
    "max(text)", "min(text)", "max(real)", "min(real)", "max(seen)", "min(seen)", "bool_or(flag)", "bool_and(flag)",
    "bit_or(whole)", "bool_or(text IS NULL)", "sum(number)", "avg(number)", "median(number)",
    "median(real) FILTER (WHERE number > 9)", "list_sort(list(other) FILTER (WHERE other IS NOT NULL))",
    "list_sort(list(DISTINCT text) FILTER (WHERE text <> ''))", "list(text) FILTER (WHERE text = 'nobody')",
    "coalesce(list(text) FILTER (WHERE text = 'nobody'), ['none'])", "max_by(text, seen)", "min_by(text, whole)",
    "min_by(other, number)", "max_by(other, real)", "max_by(text, CAST(NULL AS BIGINT))",
    "max(CASE WHEN flag THEN text END)", "sum(whole) FILTER (WHERE text = 'nobody')",
    "max(concat('1', text)) FILTER (WHERE flag)",
]  # fmt: skip
OTHER_ON_SAIL = {
    "nullif(real, 0)",  # minus zero is not zero
    "real DESC",  # nor equal to it in an order
    "thing.name <> ''",  # false, not null, of a struct that is null
    "max(real)",  # passes over what is no number
}
"""What Sail has in another way, and the SQL files do not depend on."""
ORDERED = [
    "text", "text DESC", "text NULLS FIRST", "text DESC NULLS LAST", "real", "real DESC", "seen DESC NULLS LAST",
    "flag", "flag DESC", "CASE WHEN flag THEN seen END DESC", "other DESC NULLS FIRST",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.alone
def test_what_the_engines_have_other_words_for_means_the_same_on_spark(spark) -> None:
    by_row = ", ".join(f"{expression} AS e{place}" for place, expression in enumerate(BY_ROW))
    of_all = ", ".join(f"{expression} AS e{place}" for place, expression in enumerate(OF_ALL))
    ordered = ", ".join(
        f"row_number() OVER (ORDER BY {order}, number) AS e{place}" for place, order in enumerate(ORDERED)
    )
    statements = {
        f"SELECT number, {by_row} FROM odd ORDER BY number": BY_ROW,
        f"SELECT {of_all} FROM odd": OF_ALL,
        f"SELECT {of_all} FROM odd WHERE number < 0": OF_ALL,
        f"SELECT flag, {of_all} FROM odd GROUP BY flag ORDER BY flag": OF_ALL,
        f"SELECT number, {ordered} FROM odd ORDER BY number": ORDERED,
    }
    differing = []
    with ENGINE.session() as here, spark.session() as there:
        for session in (here, there):
            session.register_rows("odd", ODD)
        for sql, expressions in statements.items():
            ours, theirs = here.rows(sql), there.rows(sql)
            assert len(ours) == len(theirs)
            differing += [
                (expression, one[f"e{place}"], other[f"e{place}"])
                for one, other in zip(ours, theirs, strict=True)
                for place, expression in enumerate(expressions)
                if not _same(one[f"e{place}"], other[f"e{place}"])
            ]
    apart = OTHER_ON_SAIL if "sc://" in spark.name else set()
    assert {expression for expression, *_ in differing} == apart, differing
