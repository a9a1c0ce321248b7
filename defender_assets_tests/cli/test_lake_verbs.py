"""The verbs that read the lake only: ``query``, ``tables`` and ``report``."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake

from .program import invoke


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """A lake that is still empty."""
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    return Lake(str(tmp_path / "lake"))


@pytest.mark.parametrize("sql", ["DROP TABLE machines", "SELECT * FROM nothing_like_this", "COPY machines TO 'x.csv'"])
def test_a_query_that_is_not_reading_the_lake_is_wrong_use(sql: str, lake: Lake, tmp_path: Path) -> None:
    result = invoke("query", sql)
    assert result.exit_code == 2
    assert result.stderr.startswith("defender-assets: ")
    assert not list(tmp_path.glob("*.csv"))


@pytest.mark.parametrize(
    ("output_format", "printed"),
    [
        ("table", "n  name\n-  -----\n1  a\\x1b\n(1 row)\n"),
        ("csv", '"n","name"\n1,"a\x1b"\n'),
    ],
)
def test_a_result_is_printed_in_the_format_asked_for(output_format: str, printed: str, lake: Lake) -> None:
    result = invoke("query", "--format", output_format, "SELECT 1 AS n, 'a' || chr(27) AS name")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.replace("\r\n", "\n") == printed


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_an_answer_goes_to_a_file_whole_or_not_at_all(suffix: str, lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / f"answer.{suffix}"
    result = invoke("query", "SELECT range AS n, $name AS name FROM range(3)", "name=Zoë", "--output", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"3 rows in {file}\n")
    first = file.read_bytes()
    assert b"Zo" in first

    late = "SELECT CASE WHEN range = 90000 THEN error('too late') ELSE 1 END AS n FROM range(100000)"
    failed = invoke("query", late, "--output", str(file))
    assert (failed.exit_code, "too late" in failed.stderr) == (2, True)
    assert file.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and "answer" in path.name] == [file.name]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SELECT 1", "--output", "answer.xlsx"], "the suffix says the format: .csv, .json, .parquet"),
        (["SELECT 1", "--output", "nowhere/answer.csv"], "No such file or directory"),
        (["SELECT 1", "--output", "a.csv", "--format", "table"], "--output writes csv, json or parquet"),
        (["SELECT", "1"], "'1' is not a parameter, which is written name=value"),
        ([], "Give SQL, @NAME (--list has them) or -f FILE"),
        (["--list", "silent"], "did you mean silent-devices"),
    ],
)
def test_what_cannot_be_asked_or_written_so_is_wrong_use(words: list[str], says: str, lake: Lake) -> None:
    result = invoke("query", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_sql_comes_from_a_file_too_and_questions_are_listed_with_their_sql(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("-- mine\nSELECT $n || '!' AS n;\n")
    assert invoke("query", "-f", "mine.sql", "n=3", "--format", "csv").stdout.split() == ['"n"', '"3!"']
    assert "@why " in invoke("query", "--list").stdout
    why = invoke("query", "--list", "why").stdout
    assert "FROM verdict_reasons" in why
    assert "-- The verdict is that of the topic;" in why


def test_a_question_says_with_its_answer_what_has_to_be_known_of_it(lake: Lake) -> None:
    changes = DATASETS["software_vulnerability_changes"]
    with lake.writing(changes, dt.date(2026, 3, 2), {}) as partition:
        moment = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
        partition.write(pa.Table.from_pylist([{"status": "Fixed", "event_timestamp": moment}], changes.schema))
        partition.publish()
    result = invoke("query", "@fixed-lately", "--format", "csv")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith('"day",')
    assert "note: As the service tells: a finding that moved to another device group is told as fixed" in result.stderr


def test_an_answer_without_rows_says_why_on_standard_error(lake: Lake) -> None:
    alerts = DATASETS["alerts"]
    with lake.writing(alerts, dt.date(2026, 3, 2), {}) as partition:
        partition.write(pa.Table.from_pylist([{"id": "1", "severity": "High"}], alerts.schema))
        partition.publish()
    result = invoke("query", "--format", "csv", "SELECT count(*) AS n FROM alerts WHERE severity = 'high'")
    assert (result.exit_code, result.stdout.split()) == (0, ['"n"', "0"])
    assert result.stderr == "note: severity of alerts is never 'high', but there is 'High'.\n"


def test_a_lake_without_tables_says_how_to_fill_it(lake: Lake, tmp_path: Path) -> None:
    result = invoke("tables")
    assert (result.exit_code, result.stdout) == (1, "")
    says = f"There is no table in the lake at {lake.root} yet. Fill it (defender-assets refresh), or set DEFENDER_LAKE"
    assert says in result.stderr
    assert "There is no table of contoso in the lake at" in invoke("tables", "--tenant", "contoso").stderr

    (tmp_path / "demo" / "lake").mkdir(parents=True)
    for verb in ("tables", "report"):
        assert "set DEFENDER_LAKE=demo/lake to ask that one" in invoke(verb).stderr


def test_the_rows_of_an_event_table_are_those_of_all_its_days(lake: Lake) -> None:
    alerts = DATASETS["alerts"]
    for number, day in enumerate((dt.date(2026, 3, 2), dt.date(2026, 3, 3)), start=1):
        noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
        rows = [{"id": f"{day}-{n}", "alert_creation_time": noon} for n in range(number)]
        with lake.writing(alerts, day, {}) as partition:
            partition.write(pa.Table.from_pylist(rows, alerts.schema))
            partition.publish()
    (line,) = [line for line in invoke("tables").stdout.splitlines() if line.startswith("alerts ")]
    assert line.split()[:4] == ["alerts", "3", "2026-03-03", "2"]
    assert "machines  " in invoke("tables").stdout  # those of the catalog that the lake does not hold are there, too
    assert invoke("query", "--format", "csv", "SELECT count(*) FROM alerts").stdout.split()[-1] == "3"
    assert "of alerts, of all days." in invoke("tables").stdout


def test_without_a_report_the_answer_says_how_to_make_one(lake: Lake) -> None:
    result = invoke("report")
    assert result.exit_code == 1
    assert "There is no compliance report" in result.stderr
    assert result.stdout == ""


def test_a_query_tells_misspelled_tags_and_refuses_a_scope_without_a_device(lake: Lake) -> None:
    machines, noon = DATASETS["machines"], dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    with lake.writing(machines, noon.date(), {}) as partition:
        rows = [{"id": "a", "machine_tags": ["Finance"], "observed_at": noon}]
        partition.write(pa.Table.from_pylist(rows, machines.schema))
        partition.publish()
    count = ("--format", "csv", "SELECT count(*) FROM machines")

    both = invoke("query", "--scope", "tag=finance", "--scope", "tag=Finanse", *count)
    assert (both.exit_code, both.stdout.split()[-1]) == (0, "1")
    assert "of the scope: Finanse; did you mean Finance?" in both.stderr

    none = invoke("query", "--scope", "tag=Finanse", *count)
    assert (none.exit_code, none.stdout) == (2, "")
    assert none.stderr.startswith("defender-assets: None of the 1 machine record of 2026-03-02 is in the scope")


def test_a_query_of_a_table_that_is_left_out_says_why(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "the application does not have the role SecurityRecommendation.Read.All."
    lake.put_note("recommendations", "absent", {"reason": "missing_role", "sentence": sentence})
    for name in ("recommendations", "recommendations_history"):
        result = invoke("query", f"FROM {name}")
        assert result.exit_code == 2
        assert result.stderr.split() == f"defender-assets: There is no table {name}. It is left out: {sentence}".split()

    monkeypatch.setenv("DEFENDER_DATASETS", "!alerts")
    assert "It is left out: DEFENDER_DATASETS does not choose it." in invoke("query", "FROM alerts").stderr


def test_the_tables_that_a_query_offers_are_tables(lake: Lake, tmp_path: Path) -> None:
    machines = DATASETS["machines"]
    with lake.writing(machines, dt.date(2026, 3, 2), {}) as partition:
        partition.write(machines.schema.empty_table())
        partition.publish()
    (tmp_path / "lake" / "compliance_report" / "tenant=default" / "snapshot_date=2026-03-02").mkdir(parents=True)
    assert invoke("query", "FROM nothing").stderr.endswith("There is no table nothing. The lake has machines.\n")
