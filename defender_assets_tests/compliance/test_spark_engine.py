"""The engine on Spark: what it reads, writes and leaves, two sessions at once, a driver that is killed, and its errors.

That every table's SQL means the same there is shown in ``test_spark.py``.
"""

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DERIVED
from defender_assets.compliance.engine import DuckDBEngine, Engine, Limits, Session, engine_of
from defender_assets.compliance.errors import EngineError, EngineErrorKind
from defender_assets.doctor import Outcome
from defender_assets.doctor.engine import inspect_engine
from defender_assets.lake import Lake
from defender_assets.refresh import RefreshContext, table_refreshes
from defender_assets.settings import Settings, SettingsError

from ..cli.program import invoke
from ..lake.things import EMPTY, RICH, THINGS, row, rows_of
from ..peers import installed, library
from ..report.fleet import DAY, Fleet

needs_java = pytest.mark.usefixtures("java")

DUCKDB = DuckDBEngine(Limits("256MB", 2))


@pytest.fixture
def java() -> None:
    installed("java", "default-jre-headless")


@pytest.fixture(autouse=True)
def spark_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """Spark on two cores of this machine, for tables of any size, and as little shuffling as the rows deserve."""
    library("pyspark", "defender-assets[spark]")
    configuration = tmp_path_factory.getbasetemp() / "spark"
    configuration.mkdir(exist_ok=True)
    (configuration / "spark-defaults.conf").write_text("spark.master  local[2]\nspark.sql.shuffle.partitions=2\n")
    for name in ("SPARK_HOME", "SPARK_REMOTE", "MASTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(configuration))
    monkeypatch.setenv("DEFENDER_ENGINE", "spark")
    monkeypatch.setenv("DEFENDER_SPARK_FROM_ROWS", "0")
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))


def spark() -> Engine:
    return engine_of(Settings.load())


def rows_read(engine: Engine, source: Any) -> list[dict[str, Any]]:
    """What a session reads, by way of a small result; it is the same by way of a large one."""
    with engine.session() as session:
        session.register(THINGS, source)
        rows = session.rows("SELECT * FROM things ORDER BY id, number")
        streamed = session.stream("SELECT * FROM things ORDER BY id, number", THINGS.schema, batch_rows=1)
        assert pa.Table.from_batches(streamed, schema=THINGS.schema).to_pylist() == rows
    return rows


def written(folder: Path, *tables: pa.Table) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, rows in enumerate(tables):
        files.append(folder / f"{number}.parquet")
        pq.write_table(rows, files[-1])
    return files


ROWS = rows_of([RICH, EMPTY, row(id="c", number=3, owner={"name": None, "since": None}, tags=None)])
_OF_AN_OLDER_VERSION = ROWS.select(["id", "number", "observed_at"]).set_column(
    1, "number", pa.array([7, 8, 9], "int32")
)
# Numbers of its own: rows that are equal by what they are ordered by come in any order.
_LACKS_A_MEMBER = ROWS.set_column(
    ROWS.schema.get_field_index("owner"), "owner", pa.array([{"name": "Zoë"}, None, {"name": None}])
).set_column(1, "number", pa.array([4, 5, 6], "int64"))
_UNKNOWN_COLUMNS = ROWS.append_column("unknown", pa.nulls(3)).set_column(3, "score", pa.nulls(3))


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_what_it_reads_is_what_duckdb_reads(tmp_path: Path) -> None:
    odd = tmp_path / "a [b] {c} *d  ü"
    sources = {
        "a table in memory": ROWS,
        "a file": written(odd, ROWS)[0],
        "files of several versions": written(tmp_path / "v", ROWS, _OF_AN_OLDER_VERSION, _LACKS_A_MEMBER),
        "columns that nobody declared, and one without a value": written(tmp_path / "u", _UNKNOWN_COLUMNS),
        "a folder": written(tmp_path / "folder", ROWS.slice(0, 1), ROWS.slice(1))[0].parent,
        "a glob": f"{tmp_path}/folder/*.parquet",
        "a dataset of files": pads.dataset(str(tmp_path / "folder"), format="parquet"),
        "a dataset in memory": pads.dataset(ROWS),
        "nothing": None,
        "no files": [],
    }
    hidden = tmp_path / ".things.writing"
    shutil.copy(sources["a file"], hidden)
    engine = spark()
    read = {what: rows_read(engine, source) for what, source in (sources | {"a draft": hidden}).items()}
    of_duckdb = {what: rows_read(DUCKDB, source) for what, source in sources.items() if what != "a file"}
    of_duckdb |= dict.fromkeys(("a draft", "a file"), ROWS.to_pylist())
    assert read == of_duckdb
    assert os.listdir(tmp_path / "lake" / ".staging") == []


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_two_sessions_at_once_know_nothing_of_each_other(tmp_path: Path) -> None:
    engine, met, found = spark(), threading.Barrier(2, timeout=300), {}

    def work(name: str, rows: pa.Table) -> None:
        with engine.session() as session:
            session.register_rows("mine", rows)
            session.register(THINGS, rows_of([row(id=name)]))
            met.wait()
            query = "WITH m AS (SELECT x, count(*) AS n FROM mine GROUP BY x) SELECT a.x FROM m AS a, m AS b, things"
            found[name] = session.rows(query), session.value("SELECT max(id) FROM things")
            met.wait()

    threads = [threading.Thread(target=work, args=(name, pa.table({"x": [name]}))) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: ([{"x": name}], name) for name in ("one", "other")}
    with engine.session() as session, pytest.raises(EngineError, match="mine"):
        session.rows("SELECT * FROM mine")


def _fleet(folder: Path) -> Lake:
    lake, fleet = Lake(str(folder)), Fleet()
    fleet.device("a")
    fleet.device("b", silent=3)
    fleet.finding("a", "CVE-2026-0001", overdue=3)
    fleet.finding("b", "CVE-2026-0002", overdue=-3)
    fleet.rows["machine_users"] = []
    fleet.into(lake, derived=())
    return lake


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_the_same_command_makes_the_same_tables(tmp_path: Path) -> None:
    lakes = {engine: _fleet(tmp_path / engine) for engine in ("duckdb", "spark")}
    words = ("refresh", "--select", "tag:days=derived", "--date", str(DAY))
    for engine, lake in lakes.items():
        result = invoke(*words, DEFENDER_ENGINE=engine, DEFENDER_LAKE=lake.root, DEFENDER_REPORT_CSV="true")
        assert result.exit_code == 0, result.stderr
    ours, theirs = lakes.values()
    assert ours.table_names() == theirs.table_names()
    for name in set(DERIVED) & set(ours.table_names()):
        assert theirs.read(name, DAY).schema == ours.read(name, DAY).schema
        assert _sorted(theirs, name) == _sorted(ours, name), name
        assert theirs.metadata(name, DAY) == ours.metadata(name, DAY)
    for file in ("findings.csv", "devices.csv"):
        ours_file, theirs_file = (lake.files.read("compliance_report", DAY, file) or b"" for lake in (ours, theirs))
        assert sorted(theirs_file.splitlines()) == sorted(ours_file.splitlines()) != []
    # and nothing is left in the lake
    assert os.listdir(Path(theirs.root) / ".staging") == []


def _sorted(lake: Lake, table: str) -> list[dict[str, Any]]:
    return sorted(lake.read(table, DAY).to_pylist(), key=repr)


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_a_driver_that_is_killed_leaves_the_former_partition_and_the_next_step_has_a_new_one(tmp_path: Path) -> None:
    # given a partition that is there
    lake = _fleet(tmp_path / "lake")
    words = ("refresh", "--select", "device_identity", "--date", str(DAY))
    assert invoke(*words).exit_code == 0
    former = lake.read("device_identity", DAY)
    # when the driver is killed as soon as something of the next one is stored
    is_done = threading.Event()
    killer = threading.Thread(target=_kill_driver_at_work, args=(tmp_path / "lake" / ".staging", is_done))
    killer.start()
    result = invoke(*words)
    is_done.set()
    killer.join()
    # then that step fails with a sentence, and what was there is there
    assert result.exit_code == 1
    assert "FAILED  device_identity: " in result.stderr
    assert "Spark at local[2] was lost while it computed" in result.stderr
    assert lake.read("device_identity", DAY).equals(former)
    assert os.listdir(tmp_path / "lake" / ".staging") == []
    # and the next step computes again
    again = invoke(*words)
    assert again.exit_code == 0, again.stderr


def _kill_driver_at_work(staging: Path, is_done: threading.Event) -> None:
    from pyspark import SparkContext

    while not is_done.wait(0.002):
        if any(staging.glob("staging-*/*")):
            os.kill(SparkContext._gateway.proc.pid, signal.SIGKILL)
            return


def _sum(session: Session, source: Path) -> None:
    session.register(THINGS, source)
    session.rows("SELECT sum(number) AS n, max(device_name) AS name FROM things")


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_a_damaged_file_and_a_value_of_another_type_are_unreadable_inputs(tmp_path: Path) -> None:
    (file,) = written(tmp_path, ROWS)
    content = file.read_bytes()
    damaged, text = tmp_path / "damaged.parquet", tmp_path / "text.parquet"
    damaged.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    pq.write_table(ROWS.set_column(1, "number", pa.array(["1", "2", "three"])), text)
    with spark().session() as session:
        for source in (damaged, text, tmp_path / "absent.parquet"):
            with pytest.raises(EngineError) as raised:
                _sum(session, source)
            assert raised.value.kind is EngineErrorKind.INPUT_UNREADABLE, raised.value
            assert "\n" not in str(raised.value)


# Without a driver ---------------------------------------------------------------------------------------------------


def test_what_is_made_from_few_rows_stays_with_duckdb(tmp_path: Path) -> None:
    lake = _fleet(tmp_path / "lake")
    rows = sum(lake.rows(name, DAY) for name in ("machines", "software_vulnerabilities"))
    partitions = {"machines": [DAY], "software_vulnerabilities": [DAY], "alerts": ()}
    for least, name in ((rows, "Spark (local[2])"), (rows + 1, "DuckDB")):
        settings = Settings.load(spark_from_rows=least)
        context = RefreshContext(lake, settings, DAY, client=lambda: pytest.fail("nothing is asked"))
        assert context.engine_for(partitions).name == name
        assert context.engine.name == "DuckDB"
    context = RefreshContext(lake, Settings.load(spark_from_rows=1_000), DAY, client=context.client)
    (outcome,) = table_refreshes()["device_identity"].refresh([DAY], context)
    assert outcome.facts["computed by"] == "DuckDB"


def _refused() -> str:
    with pytest.raises(EngineError) as raised, spark().session():
        pass
    return str(raised.value)


@needs_java
def test_a_master_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFENDER_SPARK_MASTER", "spark://127.0.0.1:9")
    assert _refused() == (
        "the Spark master at spark://127.0.0.1:9 does not answer (Connection refused): start it, or correct "
        "DEFENDER_SPARK_MASTER"
    )


@pytest.mark.slow
def test_a_server_of_spark_connect_that_does_not_answer_is_a_sentence_without_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEFENDER_SPARK_REMOTE", "sc://127.0.0.1:9/;token=0123456789abcdef")
    said = _refused()
    assert said.startswith("Spark Connect at sc://127.0.0.1:9 does not answer (")
    assert "Connection refused): start it, or correct DEFENDER_SPARK_REMOTE" in said
    assert "0123456789abcdef" not in said


def test_without_java_or_pyspark_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from defender_assets.compliance.engine import spark_driver

    monkeypatch.setenv("DEFENDER_SPARK_MASTER", "local[1]")
    monkeypatch.setattr(spark_driver, "_context", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "Spark needs Java 17 or newer on this machine" in _refused()
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    assert "pip install 'defender-assets[spark]'" in _refused()


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_the_doctor_tries_spark_by_the_way_that_tables_take(tmp_path: Path) -> None:
    (found,) = inspect_engine(Settings.load(spark_from_rows=5_000), Lake(str(tmp_path / "lake")))
    assert found.outcome is Outcome.OK
    assert found.what.startswith("Spark (local[2]) computes, with version 4.")
    assert found.what.endswith("; what is made from fewer than 5,000 rows is DuckDB's (1GB, 2 threads)")


@needs_java
@pytest.mark.slow
@pytest.mark.alone
def test_a_staging_folder_that_the_workers_have_each_for_itself_is_an_error_and_never_no_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given workers for whom the same path is another folder
    staging, theirs = tmp_path / "staging", tmp_path / "theirs"
    monkeypatch.setattr(
        "defender_assets.compliance.engine.spark_engine.spark_address",
        lambda address: f"file://{address}".replace(str(staging), str(theirs)),
    )
    settings = Settings.load(spark_staging=str(staging))
    with engine_of(settings).session() as session:
        # when nothing is computed, nothing is missing
        assert list(session.stream("SELECT 1 AS id WHERE false", pa.schema([("id", pa.int64())]))) == []
    with pytest.raises(EngineError, match="set DEFENDER_SPARK_STAGING to a place that this machine and every worker"):
        inspect_engine(settings, Lake(str(tmp_path / "lake")))
    assert list(theirs.rglob("part-*.parquet"))


def test_the_doctor_names_duckdb_where_it_computes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DEFENDER_ENGINE")
    (found,) = inspect_engine(Settings.load(), Lake(str(tmp_path)))
    assert (found.outcome, found.what) == (Outcome.OK, "DuckDB, on this machine (1GB, 2 threads)")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DEFENDER_SPARK_REMOTE": "http://127.0.0.1"}, "DEFENDER_SPARK_REMOTE is no address of Spark Connect"),
        (
            {"DEFENDER_SPARK_REMOTE": "sc://127.0.0.1", "DEFENDER_SPARK_MASTER": "yarn"},
            "DEFENDER_SPARK_REMOTE contradicts DEFENDER_SPARK_MASTER",
        ),
        ({"DEFENDER_ENGINE": "sparc"}, "DEFENDER_ENGINE cannot be understood"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_computed(tmp_path: Path, settings, words) -> None:
    result = invoke("refresh", "--select", "device_identity", **settings)
    assert result.exit_code == 2
    assert words in result.stderr


NO_ADDRESSES = [
    "sc://127.0.0.1:9/token=0123456789abcdef",  # the semicolon is missing
    "sc://127.0.0.1:9?token=0123456789abcdef",
    "sc://127.0.0.1:9/;token=0123456789abcdef==",  # = not written as %3D
    "sc://me:0123456789abcdef@127.0.0.1:9",
    "sc://:9/;token=0123456789abcdef",
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_pyspark_cannot_parse_is_refused_without_its_token(monkeypatch, address) -> None:
    with pytest.raises(SettingsError, match="DEFENDER_SPARK_REMOTE is no address of Spark Connect") as told:
        engine_of(Settings.load(spark_remote=address))
    # nor is one told that Spark's own variable has
    monkeypatch.setenv("SPARK_REMOTE", address)
    said = _refused()
    assert said.startswith("SPARK_REMOTE is no address of Spark Connect: give it as sc://HOST:15002")
    assert "0123456789abcdef" not in f"{told.value} {said} {spark().name}"


@pytest.mark.parametrize("line", ["spark.master\tlocal[7]", "spark.master = local[7]", " spark.master:local[7] "])
def test_the_master_is_read_as_spark_reads_its_defaults(monkeypatch, tmp_path: Path, line: str) -> None:
    (tmp_path / "spark-defaults.conf").write_text(f"# spark.master local[1]\nspark.masters local[2]\n{line}\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert spark().name == "Spark (local[7])"


def test_a_lake_that_only_this_process_has_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFENDER_LAKE", "memory://lake")
    assert "Spark cannot reach memory:// addresses" in _refused()


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("/lake/a b/x.parquet", "file:///lake/a b/x.parquet"),
        ("file:///lake/x", "file:///lake/x"),
        ("s3://bucket/lake", "s3a://bucket/lake"),
        ("gcs://bucket/lake", "gs://bucket/lake"),
        ("abfs://c@account.dfs.core.windows.net/lake", "abfss://c@account.dfs.core.windows.net/lake"),
        ("hdfs://name/lake", "hdfs://name/lake"),
    ],
)
def test_addresses_are_spelled_as_hadoop_has_them(address: str, spelled: str) -> None:
    from defender_assets.compliance.engine.spark_files import spark_address

    assert spark_address(address) == spelled


def test_a_container_without_its_account_is_a_sentence() -> None:
    from defender_assets.compliance.engine.spark_files import spark_address

    with pytest.raises(EngineError, match="needs the storage account"):
        spark_address("az://container/lake")
    with_account = spark_address("az://container/lake", "account.dfs.core.windows.net")
    assert with_account == "abfss://container@account.dfs.core.windows.net/lake"


class Py4JJavaError(Exception):
    """As py4j's, by name and place."""

    __module__ = "py4j.protocol"
    java_exception = None


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", EngineErrorKind.OUT_OF_MEMORY, "spark.executor.memory"),
        ("Container killed, exit code: 137", EngineErrorKind.OUT_OF_MEMORY, "spark.executor.memory"),
        ("[FAILED_READ_FILE.FILE_NOT_EXIST] Could not read file:/x", EngineErrorKind.INPUT_UNREADABLE, "file:/x"),
        ('No FileSystem for scheme "s3a"', EngineErrorKind.FAILED, "no library for s3a"),
        ("SparkContext was shut down", EngineErrorKind.FAILED, "was lost"),
        (
            "<_InactiveRpcError of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n"
            '\tdetails = "Socket closed"\n\tdebug_error_string = "UNAVAILABLE: Socket closed"\n>',
            EngineErrorKind.FAILED,
            "was lost while it computed (Socket closed)",
        ),
        (
            "abfss://c@a.dfs.core.windows.net/x?sig=c2VjcmV0 refused; accountkey=c2VjcmV0\n at java.lang.Thread",
            EngineErrorKind.FAILED,
            "refused",
        ),
    ],
)
def test_what_spark_says_is_one_sentence_without_secrets(said: str, kind: EngineErrorKind, words: str) -> None:
    from defender_assets.compliance.engine.spark_errors import spark_errors

    with pytest.raises(EngineError) as raised, spark_errors("local[2]"):
        raise Py4JJavaError(f"An error occurred while calling o1.parquet.\n: {said}")
    assert raised.value.kind is kind
    assert words in str(raised.value)
    assert "c2VjcmV0" not in str(raised.value)
    assert "\n" not in str(raised.value)
