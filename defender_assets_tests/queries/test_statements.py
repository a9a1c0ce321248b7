"""SQL over the lake: views by table, one reading statement at a time, and no way out."""

import datetime as dt
import os
import signal
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DATASETS, Group, Table
from defender_assets.catalog.column import nested, text, whole
from defender_assets.lake import Lake
from defender_assets.queries import QueryError, connect, query

from ..lake.things import EMPTY, MONDAY, RICH, THINGS, TUESDAY, WEDNESDAY, file_of, many, publish, row, rows_of

ALERTS = DATASETS["alerts"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, many(3))
    publish(lake, TUESDAY, rows_of([RICH, EMPTY]))
    return lake


def answer(lake: Lake, sql: str) -> list[tuple]:
    """By way of a whole connection, and by way of just the views that the query names: both must agree."""
    quick = [tuple(found.values()) for found in query(lake, sql).read_all().to_pylist()]
    with connect(lake) as connection:
        whole = [tuple(found.values()) for found in connection.sql(sql).to_arrow_table().to_pylist()]
    assert quick == whole
    return quick


# What can be asked


def test_the_device_has_one_name_in_every_view_beside_the_service_s_own(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for table, rows in {
        "machines": {"id": "a"},
        "av_health": {"machine_id": "a", "id": "av"},
        "software_inventory": {"device_id": "a"},
    }.items():
        publish(lake, MONDAY, pa.Table.from_pylist([rows], DATASETS[table].schema), DATASETS[table])
    joined = "FROM machines JOIN av_health USING (device_id) JOIN software_inventory_history USING (device_id)"
    assert answer(lake, f"SELECT device_id, machine_id, av_health.id {joined}") == [("a", "a", "av")]
    assert answer(lake, "SELECT device_id FROM machines_history") == [("a",)]
    assert query(lake, "FROM av_health").schema.names.count("device_id") == 1


def test_a_table_is_its_newest_snapshot_and_its_history_is_all(lake: Lake) -> None:
    assert answer(lake, "SELECT count(*) FROM things") == [(2,)]
    assert answer(lake, "SELECT snapshot_date, tenant, count(*) FROM things_history GROUP BY ALL ORDER BY ALL") == [
        (MONDAY, "default", 3),
        (TUESDAY, "default", 2),
    ]


def test_a_table_has_just_its_declared_columns_with_their_types(lake: Lake) -> None:
    described = answer(lake, "DESCRIBE things")
    assert [name for name, *_ in described] == THINGS.schema.names
    types = {name: kind for name, kind, *_ in described}
    assert types["seen_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["tags"] == "VARCHAR[]"
    assert "size BIGINT" in types["evidence"]
    assert answer(lake, "FROM things WHERE id = 'a'") == [tuple(RICH.values())]


def test_nested_values_can_be_taken_apart(lake: Lake) -> None:
    found = answer(lake, "SELECT e.size, owner.name FROM things, unnest(evidence) AS u(e) WHERE e.size IS NOT NULL")
    assert found == [(2**53 + 1, "Zoë")]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH t AS (SELECT 1 AS one) SELECT * FROM t",
        "FROM things",
        "(SELECT 1)",
        "VALUES (1), (2)",
        "TABLE things",
        "SHOW TABLES",
        "SUMMARIZE things",
        "EXPLAIN SELECT * FROM things",
        "EXPLAIN ANALYZE SELECT * FROM things",
        "/* why */ EXPLAIN (FORMAT json) SELECT 1 -- because",
        "PIVOT (SELECT id, number FROM things) ON id USING count(*)",
        "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
        "SELECT 1;",
        "-- a remark\nSELECT 1; -- another",
        "select id from Things where device_name is null",
        'SELECT * FROM "things"',
        "SELECT table_name FROM information_schema.tables",
    ],
)
def test_statements_that_read_are_answered(lake: Lake, sql: str) -> None:
    assert query(lake, sql).read_all().num_rows > 0


def test_tables_are_shown_with_their_histories(lake: Lake) -> None:
    assert answer(lake, "SHOW TABLES") == [("things",), ("things_history",)]


def test_times_are_utc_whatever_the_machine_says(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    found = answer(lake, "SELECT seen_at::VARCHAR, date_trunc('day', seen_at) FROM things WHERE id = 'a'")
    assert found == [("2026-03-02 12:00:00.123456+00", dt.datetime(2026, 3, 2, tzinfo=dt.UTC))]


def test_columns_of_the_same_name_are_numbered(lake: Lake) -> None:
    assert query(lake, "SELECT id, number AS id_1, id, id FROM things").schema.names == ["id", "id_1", "id_2", "id_3"]


def test_a_long_answer_is_a_stream(lake: Lake) -> None:
    stream = query(lake, "SELECT range AS n FROM range(10_000_000)")
    first = stream.read_next_batch()
    assert first["n"][0].as_py() == 0
    assert first.num_rows < 100_000


# Histories


def test_columns_that_came_later_are_null_in_older_snapshots(tmp_path: Path) -> None:
    def table(*more) -> Table:
        columns = (text("id", ""), nested("detail", "", text("name", ""), *more), *more)
        return Table(name="growing", title="", description="", group=Group.DEFENDER, key=("id",), columns=columns)

    lake = Lake(tmp_path)
    before, after = table(), table(whole("size", ""))
    publish(lake, MONDAY, pa.Table.from_pylist([{"id": "a", "detail": {"name": "x"}}], before.schema), before)
    newer = [{"id": "b", "detail": {"name": "y", "size": 1}, "size": 2}]
    publish(lake, TUESDAY, pa.Table.from_pylist(newer, after.schema), after)

    found = answer(lake, "SELECT snapshot_date, id, size, detail FROM growing_history ORDER BY id")
    assert found == [
        (MONDAY, "a", None, {"name": "x", "size": None}),
        (TUESDAY, "b", 2, {"name": "y", "size": 1}),
    ]


def test_a_year_of_history_is_one_table(lake: Lake) -> None:
    source = file_of(lake, MONDAY)
    for number in range(365):
        day = dt.date(2025, 1, 1) + dt.timedelta(days=number)
        target = Path(str(source).replace(MONDAY.isoformat(), day.isoformat()))
        target.parent.mkdir(parents=True)
        os.link(source, target)

    found = answer(lake, "SELECT count(*), count(DISTINCT snapshot_date) FROM things_history")
    assert found == [(365 * 3 + 3 + 2, 367)]
    assert answer(lake, "SELECT count(*) FROM things_history WHERE snapshot_date = '2025-05-05'") == [(3,)]


def test_tenants_are_seen_one_by_one_or_together(tmp_path: Path) -> None:
    publish(Lake(tmp_path, "contoso"), MONDAY, many(1))
    publish(Lake(tmp_path, "contoso"), TUESDAY, many(2))
    publish(Lake(tmp_path, "42"), MONDAY, many(4))

    assert answer(Lake(tmp_path, "contoso"), "SELECT count(*) FROM things") == [(2,)]
    with pytest.raises(QueryError, match="There is no table things"):
        query(Lake(tmp_path), "FROM things")
    together = "SELECT tenant, snapshot_date, count(*) FROM things GROUP BY ALL ORDER BY ALL"
    assert answer(Lake(tmp_path, "all"), together) == [("42", MONDAY, 4), ("contoso", TUESDAY, 2)]
    assert answer(Lake(tmp_path, "all"), "SELECT count(*) FROM things_history") == [(7,)]


def test_folders_above_the_lake_add_no_columns(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "env=prod" / "it's [here]*" / "lake")
    publish(lake, MONDAY, many(2))

    assert answer(lake, "SELECT count(*) FROM things") == [(2,)]
    names = query(lake, "FROM things_history").schema.names
    assert names == [*THINGS.schema.names, "snapshot_date", "tenant"]
    assert lake.read("things").num_rows == 2


# Event tables


def _alerts(lake: Lake, day: dt.date, *ids: str, table: Table = ALERTS) -> Path:
    """A day's partition of alerts, created at noon of that day."""
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    rows = [{"id": name, "alert_creation_time": noon} for name in ids]
    return Path(publish(lake, day, pa.Table.from_pylist(rows, table.schema), table).uri)


def test_an_event_table_is_all_its_days(lake: Lake) -> None:
    _alerts(lake, MONDAY, "a", "b")
    _alerts(lake, TUESDAY)  # a day without an alert
    _alerts(lake, WEDNESDAY, "c")
    assert answer(lake, "SELECT id, alert_creation_time::DATE FROM alerts ORDER BY id") == [
        ("a", MONDAY),
        ("b", MONDAY),
        ("c", WEDNESDAY),
    ]
    assert query(lake, "FROM alerts").schema.names == [*ALERTS.schema.names, "device_id"]
    by_day = "SELECT snapshot_date, count(*) FROM alerts_history GROUP BY 1 ORDER BY 1"
    assert answer(lake, by_day) == [(MONDAY, 2), (WEDNESDAY, 1)]
    # while a state table beside it is its newest day
    assert answer(lake, "SELECT count(*) FROM things") == [(2,)]


def test_events_of_several_tenants_are_seen_together(tmp_path: Path) -> None:
    for tenant, days in (("contoso", (MONDAY, TUESDAY)), ("fabrikam", (MONDAY,))):
        for day in days:
            _alerts(Lake(tmp_path, tenant), day, f"{tenant}-{day}")
    together = "SELECT tenant, snapshot_date, count(*) FROM alerts GROUP BY ALL ORDER BY ALL"
    assert answer(Lake(tmp_path, "all"), together) == [
        ("contoso", MONDAY, 1),
        ("contoso", TUESDAY, 1),
        ("fabrikam", MONDAY, 1),
    ]
    assert answer(Lake(tmp_path, "contoso"), "SELECT count(*) FROM alerts") == [(2,)]


def test_a_damaged_day_of_an_event_table_is_named_rather_than_left_out(lake: Lake) -> None:
    damaged = _alerts(lake, MONDAY, "a")
    _alerts(lake, TUESDAY, "b")
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(QueryError) as refusal:
        answer(lake, "SELECT count(*) FROM alerts")
    assert str(damaged) in str(refusal.value)


# What cannot


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "this is no statement"),
        ("-- nothing", "this is no statement"),
        ("SELECT 1; SELECT 2", "this is 2 statements"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("COPY things TO 'stolen.csv'", "COPY is not allowed"),
        ("COPY (PIVOT things ON id) TO 'stolen.csv'", "COPY is not allowed"),
        ("EXPLAIN ANALYZE COPY things TO 'stolen.csv'", "COPY is not allowed"),
        ("/**/ EXPLAIN /**/ (ANALYZE, FORMAT json) /**/ COPY things TO 'stolen.csv'", "COPY is not allowed"),
        ("EXPORT DATABASE 'stolen'", "EXPORT is not allowed"),
        ("IMPORT DATABASE 'x'", "IMPORT is not allowed"),
        ("ATTACH 'x.db'", "ATTACH is not allowed"),
        ("INSTALL httpfs", "INSTALL is not allowed"),
        ("LOAD httpfs", "LOAD is not allowed"),
        ("SET threads = 1", "SET is not allowed"),
        ("RESET threads", "RESET is not allowed"),
        ("PRAGMA database_list", "PRAGMA is not allowed"),
        ("CALL pragma_version()", "CALL is not allowed"),
        ("CREATE TABLE t AS SELECT 1", "CREATE is not allowed"),
        ("CREATE TABLE t AS PIVOT things ON id", "CREATE is not allowed"),
        ("DROP VIEW things", "DROP is not allowed"),
        ("INSERT INTO things VALUES (1)", "INSERT is not allowed"),
        ("DELETE FROM things", "DELETE is not allowed"),
        ("PREPARE p AS SELECT 1", "PREPARE is not allowed"),
        ("BEGIN", "BEGIN is not allowed"),
        ("SELECT * FROM read_csv('/etc/passwd')", "nothing else: no other files"),
        ("SELECT * FROM '/etc/passwd'", "There is no table /etc/passwd"),
        ("SELECT * FROM read_text('/etc/passwd')", "nothing else: no other files"),
        ("SELECT * FROM glob('/**')", "nothing else: no other files"),
        ("SELECT * FROM parquet_metadata('/etc/passwd')", "nothing else: no other files"),
        ("SELECT * FROM read_csv('https://example.com/x.csv')", "nothing else: no other files"),
        ("SELECT * FROM query('COPY things TO ''stolen.csv''')", "Expected a single SELECT statement"),
        ("FROM machines", "There is no table machines. The lake has things."),
        ("FROM thing", r"There is no table thing; did you mean things?"),
        ("FROM things JOIN nowhere USING (id)", "There is no table nowhere. The lake has things."),
        ("SELECT devcie FROM things", '"devcie" not found'),
        ("SELECT host_name FROM things", "not found in FROM clause; did you mean device_name?"),
        (
            "SELECT snapshot_date FROM things",
            "the days of a table, each with its snapshot_date, are in things_history.",
        ),
        ("SELECT t.numbr FROM things AS t", 'column named "numbr"; did you mean number?'),
        ("SELECT overdue_critical FROM things", "; it is a column of patch_compliance, "),
        ("SELECT lenght(id) FROM things", 'Did you mean "length"?'),
        ("DeviceInfo | where OSPlatform == 'Linux'", "This looks like KQL"),
        ("SELECT id::INTEGER FROM things", "Could not convert string"),
        ("SELECT error('no\nsecond line') FROM things", "no."),
    ],
)
def test_what_is_more_than_reading_the_lake_is_refused_in_a_sentence(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sql: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(QueryError) as refusal:
        query(lake, sql).read_all()
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "LINE 1" not in str(refusal.value)
    assert os.listdir(tmp_path) == ["lake"]


def test_an_error_in_the_middle_of_a_stream_is_a_sentence_too(lake: Lake) -> None:
    stream = query(lake, "SELECT CASE WHEN range = 900000 THEN error('too far') ELSE 1 END AS n FROM range(1000000)")
    with pytest.raises(QueryError, match=r"^too far\.$"):
        for _ in stream:
            pass


def test_ctrl_c_ends_a_long_query_as_it_ends_everything_else(lake: Lake) -> None:
    # A shell has jobs in the background ignore Ctrl-C, and so this process too.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    pressed = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        query(lake, "SELECT count(*) FROM range(1000000000000) WHERE range % 7 = 3").read_all()
    pressed.join()
    signal.signal(signal.SIGINT, former)


def test_files_of_the_lake_that_no_view_shows_cannot_be_read_either(tmp_path: Path) -> None:
    publish(Lake(tmp_path, "contoso"), MONDAY, many(1))
    secret = publish(Lake(tmp_path, "fabrikam"), MONDAY, many(1)).uri

    sql = f"FROM read_parquet('{secret}')"
    with pytest.raises(QueryError, match="nothing else"):
        query(Lake(tmp_path, "contoso"), sql)
    with connect(Lake(tmp_path, "contoso")) as connection, pytest.raises(duckdb.Error, match="disabled by config"):
        connection.execute(sql)


def test_a_locked_connection_stays_locked_without_the_rule_about_statements(lake: Lake, tmp_path: Path) -> None:
    frame = many(1)  # a variable of that name must not become a table
    assert frame.num_rows == 1
    with connect(lake) as connection:
        for sql in (
            f"COPY things TO '{tmp_path}/stolen.csv'",
            f"ATTACH '{tmp_path}/x.db'",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "LOAD httpfs",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM read_text('/etc/passwd')",
            "SELECT * FROM glob('/**')",
            "SELECT * FROM parquet_metadata('/etc/passwd')",
            "SELECT * FROM read_csv('https://example.com/x.csv')",
            "FROM frame",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert os.listdir(tmp_path) == ["lake"]


def test_an_unlocked_connection_is_there_for_those_who_ask(lake: Lake, tmp_path: Path) -> None:
    with connect(lake, ["things"], locked=False) as connection:
        connection.execute(f"COPY things TO '{tmp_path}/mine.parquet'")
        assert connection.sql("SHOW TABLES").fetchall() == [("things",)]
    assert pq.read_metadata(tmp_path / "mine.parquet").num_rows == 2


def test_a_query_larger_than_memory_spills_and_leaves_nothing(lake: Lake, tmp_path: Path) -> None:
    with connect(lake, locked=False) as connection:
        (folder,) = connection.sql("SELECT current_setting('temp_directory')").fetchall()[0]
        connection.execute("SET memory_limit = '40MB'")
        connection.execute("SET threads = 1")
        sorted_rows = connection.sql("SELECT md5(range::VARCHAR) AS text FROM range(1000000) ORDER BY text")
        with sorted_rows.to_arrow_reader(10_000) as batches:
            assert next(batches).num_rows
            assert sum(file.stat().st_size for file in Path(folder).iterdir())
    assert Path(folder).name.startswith("defender-assets-")
    assert not Path(folder).exists()
    assert not (tmp_path / ".tmp").exists()


def test_a_lake_without_tables_says_so(tmp_path: Path) -> None:
    assert query(Lake(tmp_path / "nowhere"), "SHOW TABLES").read_all().num_rows == 0
    with pytest.raises(QueryError, match=r"There is no table machines. The lake is empty: refresh it first\."):
        query(Lake(tmp_path / "nowhere"), "FROM machines")


def test_a_damaged_file_is_named_when_its_table_is_asked_for_and_hinders_no_other(lake: Lake) -> None:
    other = Table(name="fine", title="", description="", group=Group.DEFENDER, key=("id",), columns=(text("id", ""),))
    publish(lake, MONDAY, pa.table({"id": ["a"]}), other)
    damaged = file_of(lake, MONDAY)
    damaged.write_bytes(damaged.read_bytes()[:500])

    assert answer(lake, "FROM fine") == [("a",)]
    assert answer(lake, "SELECT count(*) FROM things") == [(2,)]
    for sql in ("FROM things_history", "SELECT count(*) FROM things_history"):
        with pytest.raises(QueryError) as refusal:
            answer(lake, sql)
        assert str(damaged) in str(refusal.value)
        assert "Refresh the table for 2026-03-02 again" in str(refusal.value)


def test_a_page_that_is_damaged_behind_a_whole_footer_is_named_with_what_to_do(lake: Lake) -> None:
    publish(lake, WEDNESDAY, many(20_000))
    damaged = file_of(lake, WEDNESDAY)
    content = bytearray(damaged.read_bytes())
    content[200:2_000] = b"\xa5" * 1_800
    damaged.write_bytes(content)

    assert answer(lake, "SELECT count(*) FROM things_history") == [(20_005,)]
    for sql in ("FROM things", "SELECT * FROM things_history ORDER BY id"):
        with pytest.raises(QueryError) as refusal:
            query(lake, sql).read_all()
        told = str(refusal.value)
        assert str(damaged) in told
        assert f"defender-assets refresh --select things --date {WEDNESDAY}" in told


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT id FORM things", 'syntax error at or near "things". Correct the SQL there; '),
        ("SELECT sum(id) FROM things", "You might need to add explicit type casts. DESCRIBE TABLE tells "),
        ("SELECT id, count(*) FROM things", 'function. Either add it to the GROUP BY list, or use ANY_VALUE("id")'),
        ("SELECT CAST('many' AS INTEGER)", "Could not convert string 'many' to INT32. TRY_CAST(… AS …) gives NULL"),
        ("SELECT 9223372036854775807 + length(id) FROM things", "Compute it as a DOUBLE or HUGEINT"),
        ("SELECT nofun(id) FROM things", 'Scalar Function with name nofun does not exist. Did you mean "'),
    ],
)
def test_duckdb_s_words_are_followed_by_what_to_do(lake: Lake, sql: str, says: str) -> None:
    with pytest.raises(QueryError) as refusal:
        query(lake, sql).read_all()
    assert says in str(refusal.value)
    assert not str(refusal.value).startswith(("Binder", "Out of Range", "Parser"))


def test_a_table_called_history_keeps_its_name(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    table = Table(
        name="things_history", title="", description="", group=Group.DEFENDER, key=("id",), columns=(text("id", ""),)
    )
    publish(lake, MONDAY, rows_of([row(id="x")]))
    publish(lake, MONDAY, pa.table({"id": ["own"]}), table)

    assert answer(lake, "FROM things_history") == [("own",)]
