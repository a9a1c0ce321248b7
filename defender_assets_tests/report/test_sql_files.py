"""The report's queries: each a file that says what it answers, and the same sentence in Spark's dialect."""

import re
from importlib.resources import files

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from defender_assets.catalog import DATASETS, DERIVED, REFERENCE, PerDevice
from defender_assets.catalog.assessments import CERTIFICATE_ENDS_SOON_DAYS
from defender_assets.catalog.derived import POPULATIONS
from defender_assets.report.csv_files import CSV_FILES
from defender_assets.report.snapshot import sql_of

from ..compliance.test_sql_files import TRAPS, problems_of_lists_patterns_and_casts

PACKAGE = files("defender_assets.report")
QUERIES = sorted(
    entry.name.removesuffix(".sql") for entry in (PACKAGE / "sql").iterdir() if entry.name.endswith(".sql")
)


def code_of(query: str) -> str:
    return re.sub(r"--[^\n]*", "", sql_of(query))


def tables_read(query: str) -> set[str]:
    tree = sqlglot.parse_one(sql_of(query), read="duckdb")
    return {table.name for table in tree.find_all(exp.Table)} - {cte.alias for cte in tree.find_all(exp.CTE)}


def test_every_query_has_its_file_and_no_file_is_left_over() -> None:
    modules = [
        entry.read_text()
        for folder in (PACKAGE, PACKAGE / "sections")
        for entry in folder.iterdir()
        if entry.name.endswith(".py")
    ]
    named = set(re.findall(r'(?:\.(?:all|one|first)\(\w+, |\bsql_of\()"(\w+)"', "\n".join(modules)))
    assert named | {query for query, _ in CSV_FILES.values()} == set(QUERIES)


@pytest.mark.parametrize("query", QUERIES)
def test_a_file_opens_with_what_it_answers_and_what_it_reads(query) -> None:
    head = sql_of(query).partition("\n\n")[0]
    assert re.match(r"-- [^\n]+\?[^\n]*\n--\n-- Reads: ", head)
    declared = re.findall(r"\w+", re.sub(r"\([^)]*\)", "", head.split("Reads: ")[1]).partition(".")[0])
    assert tables_read(query) <= set(declared)
    assert tables_read(query) <= {
        *DATASETS,
        *REFERENCE,
        *DERIVED,
        "former_fleet_summary",
        "former_device_identity",
        "devices_out_of_scope",
        "former_devices_out_of_scope",
        "scope_state",
        "opened_devices",
    }


@pytest.mark.parametrize("query", QUERIES)
def test_a_file_transpiles_to_spark(query) -> None:
    (spark,) = sqlglot.transpile(sql_of(query), read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    # what sqlglot does not know it leaves as it is: functions that only DuckDB has would fail there
    assert not list(sqlglot.parse_one(spark, read="spark").find_all(exp.Anonymous))


@pytest.mark.parametrize("query", QUERIES)
def test_a_file_avoids_what_is_not_the_same_in_both_engines(query) -> None:
    found = {why: match.group(0) for trap, why in TRAPS.items() if (match := re.search(trap, code_of(query).lower()))}
    assert not found
    assert problems_of_lists_patterns_and_casts(sql_of(query)) == []


@pytest.mark.parametrize("query", [query for query in QUERIES if "LIMIT" in code_of(query)])
def test_what_has_a_limit_says_how_many_there_are_without_it(query) -> None:
    assert sqlglot.parse_one(sql_of(query), read="duckdb").named_selects[-1] == "total"


def test_certificates_end_soon_within_the_days_that_the_page_says() -> None:
    assert re.findall(r"INTERVAL (\d+) DAY", code_of("certificates_ending")) == [str(CERTIFICATE_ENDS_SOON_DAYS)]


def test_records_left_out_are_listed_in_the_order_of_the_populations() -> None:
    assert tuple(re.findall(r"WHEN '(\w+)' THEN \d", code_of("records_left_out"))) == POPULATIONS[:-1]


def test_the_oldest_row_is_sought_in_every_input_that_is_fetched_device_by_device() -> None:
    used = {name for table in DERIVED.values() for name in (*table.inputs, *table.optional_inputs)}
    assert tables_read("oldest_rows") == {
        name for name, dataset in DATASETS.items() if name in used and isinstance(dataset.fetch, PerDevice)
    }
